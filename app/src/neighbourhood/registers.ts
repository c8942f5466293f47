/** A block of 16-bit Modbus registers under one starting address, filled by a device's map. Addresses are 0-based. */
export class Registers {
  readonly start: number;
  readonly #bytes: Buffer;

  constructor(start: number, count: number, fill = 0) {
    this.start = start;
    this.#bytes = Buffer.alloc(count * 2);
    if (fill !== 0) for (let i = 0; i < count; i++) this.#bytes.writeUInt16BE(fill, i * 2);
  }

  get count(): number {
    return this.#bytes.length / 2;
  }

  u16(address: number, value: number): void {
    this.#bytes.writeUInt16BE(clamp(value, 0, 0xffff), this.#at(address));
  }

  i16(address: number, value: number): void {
    this.#bytes.writeInt16BE(clamp(value, -0x7fff, 0x7fff), this.#at(address));
  }

  u32(address: number, value: number): void {
    this.#bytes.writeUInt32BE(clamp(value, 0, 0xffffffff), this.#at(address));
  }

  /** High word first. */
  f32(address: number, value: number): void {
    this.#bytes.writeFloatBE(value, this.#at(address));
  }

  /** Low word first, as Carlo Gavazzi has it. */
  i32LowFirst(address: number, value: number): void {
    const bits = clamp(value, -0x80000000, 0x7fffffff) >>> 0;
    this.u16(address, bits & 0xffff);
    this.u16(address + 1, bits >>> 16);
  }

  /** High word first. */
  i64(address: number, value: number): void {
    this.#bytes.writeBigInt64BE(BigInt(Math.trunc(value)), this.#at(address));
  }

  /** ASCII, padded with zeros to its registers. */
  text(address: number, registers: number, value: string): void {
    const at = this.#at(address);
    this.#bytes.fill(0, at, at + registers * 2);
    this.#bytes.write(value.slice(0, registers * 2), at, 'ascii');
  }

  /** The bytes of some registers, or null when one of them is not in the block. */
  slice(address: number, count: number): Buffer | null {
    const from = address - this.start;
    return from < 0 || from + count > this.count ? null : this.#bytes.subarray(from * 2, (from + count) * 2);
  }

  #at(address: number): number {
    return (address - this.start) * 2;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value)));
}
