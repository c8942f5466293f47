import { sortedByBytes } from './id-order.ts';

/** Many short ASCII texts in two arrays: text i is `bytes[starts[i]] .. bytes[starts[i + 1]]`. */
export interface TextTable {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
}

/** 1 for every byte an id may hold. */
const ID_BYTE = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-'))
  ID_BYTE[byte] = 1;
const ID_LENGTH_MAX = 64;
const BYTES_PER_ID = 16;

/** Takes ids one by one into a table. */
export class IdWriter {
  bytes: Uint8Array;
  readonly starts: Uint32Array;
  count = 0;

  /** Room for at most this many ids. */
  constructor(idsMax: number) {
    // One more, for an id that is looked at and taken back.
    this.starts = new Uint32Array(idsMax + 2);
    this.bytes = new Uint8Array(Math.max(ID_LENGTH_MAX, idsMax * BYTES_PER_ID));
  }

  /** False, and nothing taken, when this is no id (`domain/src/id.ts`). */
  add(text: unknown): boolean {
    if (typeof text !== 'string' || text.length === 0 || text.length > ID_LENGTH_MAX) return false;
    const end = this.starts[this.count] as number;
    if (end + ID_LENGTH_MAX > this.bytes.length) this.#grow();
    const { bytes } = this;
    let allowed = 1;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      // Undefined, so 0, for what is no byte.
      allowed &= ID_BYTE[code] as number;
      bytes[end + at] = code;
    }
    if (allowed !== 1) return false;
    this.starts[++this.count] = end + text.length;
    return true;
  }

  /** Forgets the last one. */
  takeBack(): void {
    this.count--;
  }

  table(): TextTable {
    const { count, starts, bytes } = this;
    return { count, bytes: bytes.subarray(0, starts[count]), starts: starts.subarray(0, count + 1) };
  }

  #grow(): void {
    const larger = new Uint8Array(this.bytes.length * 2);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** The texts in ascending order by bytes, and where each came from. */
export function sortedTable({ count, bytes, starts }: TextTable): {
  readonly sorted: TextTable;
  readonly from: Uint32Array;
} {
  const from = sortedByBytes(bytes, starts);
  const sortedBytes = new Uint8Array(bytes.length);
  const sortedStarts = new Uint32Array(count + 1);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const text = from[index] as number;
    const past = starts[text + 1] as number;
    for (let at = starts[text] as number; at < past; at++) sortedBytes[end++] = bytes[at] as number;
    sortedStarts[index + 1] = end;
  }
  return { sorted: { count, bytes: sortedBytes, starts: sortedStarts }, from };
}

/** One text of a table. */
export function textAt({ bytes, starts }: TextTable, index: number): string {
  return String.fromCharCode(...bytes.subarray(starts[index], starts[index + 1]));
}

/** Reads many texts out of a table; decodes its bytes once. */
export function textReader({ bytes, starts }: TextTable): (index: number) => string {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return (index) => all.slice(starts[index], starts[index + 1]);
}
