import { compareTexts } from './id-order.ts';
import { IdWriter, type TextTable } from './text-table.ts';

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/**
 * Numbers ids by first appearance: the same id, the same number. An open hash table over their bytes: with hundreds of thousands of
 * participants about twice as quick as a Map of strings, whose entries lie all over the heap.
 */
export class IdNumbers {
  readonly #writer: IdWriter;
  /** Number of an id plus one, by hash; 0 is free. At most half full. */
  #slots: Int32Array;

  /** For at most this many ids, whether they differ or not. */
  constructor(idsMax: number) {
    this.#writer = new IdWriter(idsMax);
    // Room for one id in four; seldom has a participant fewer orders. Memory that is never looked at costs nothing.
    this.#slots = new Int32Array(1 << Math.max(4, 31 - Math.clz32(idsMax)));
  }

  get count(): number {
    return this.#writer.count;
  }

  /** The id's number, or -1 when this is no id. */
  numberOf(text: unknown): number {
    const writer = this.#writer;
    if (!writer.add(text)) return -1;
    const number = writer.count - 1;
    const slot = this.#slotOf(number);
    const known = (this.#slots[slot] as number) - 1;
    if (known >= 0) {
      writer.takeBack();
      return known;
    }
    this.#slots[slot] = number + 1;
    if (writer.count * 2 > this.#slots.length) this.#grow();
    return number;
  }

  table(): TextTable {
    return this.#writer.table();
  }

  /** Where an id equal to this one is, or the free slot where it belongs. FNV-1a, linear probing. */
  #slotOf(number: number): number {
    const { bytes, starts } = this.#writer;
    const end = starts[number + 1] as number;
    let hash = FNV_OFFSET;
    for (let at = starts[number] as number; at < end; at++) {
      hash = Math.imul(hash ^ (bytes[at] as number), FNV_PRIME);
    }
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const other = (this.#slots[slot] as number) - 1;
      if (other < 0 || compareTexts(other, number, 0, bytes, starts) === 0) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4);
    for (let number = 0; number < this.#writer.count; number++) {
      this.#slots[this.#slotOf(number)] = number + 1;
    }
  }
}
