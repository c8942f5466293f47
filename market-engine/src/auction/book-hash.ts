import { createHash } from 'node:crypto';
import { ROW, ROW_ENERGY, ROW_IS_OFFER, ROW_PARTICIPANT, ROW_PRICE } from './arrived-orders.ts';
import type { TextTable } from './text-table.ts';

const CHUNK_BYTES = 1 << 16;
/** The longest order: 64 + 64 characters of ids, 19 digits, 77 bytes of member names; and 3 bytes that a last word may overshoot. */
const ORDER_BYTES_MAX = 256;

const ENERGY = words('{"energyWh":');
const ID = words(',"id":"');
const PARTICIPANT = words('","participant":"');
const PRICE = words('","priceMicroPerKwh":');
const BID = words(',"side":"bid"},');
const OFFER = words(',"side":"offer"},');
const ZERO = 0x30;

export interface HashedBook {
  readonly slot: string;
  readonly kPercent: number;
  /** Orders in canonical order: ids, and four numbers each (`arrived-orders.ts`). */
  readonly ids: TextTable;
  readonly rows: Int32Array;
  readonly participants: TextTable;
}

/**
 * SHA-256, lower-case hex, of the canonical JSON (RFC 8785) of the book with its orders in canonical order:
 * `{"kPercent":50,"orders":[{"energyWh":1000,"id":"o1","participant":"alice","priceMicroPerKwh":250000,"side":"bid"}],"slot":"..."}`.
 * No id needs escaping, so the bytes are written straight from the columns, a chunk at a time; the text of a million orders never exists.
 */
export function bookHashOf({ slot, kPercent, ids, rows, participants }: HashedBook): string {
  const hash = createHash('sha256');
  hash.update(`{"kPercent":${kPercent},"orders":[`);
  const chunk = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(chunk.buffer);
  let end = 0;
  for (let index = 0; index < ids.count; index++) {
    if (end > CHUNK_BYTES - ORDER_BYTES_MAX) {
      hash.update(chunk.subarray(0, end));
      end = 0;
    }
    const row = index * ROW;
    end = writeWords(ENERGY, view, end);
    end = writeNumber(rows[row + ROW_ENERGY] as number, chunk, end);
    end = writeWords(ID, view, end);
    end = writeText(ids, index, chunk, end);
    end = writeWords(PARTICIPANT, view, end);
    end = writeText(participants, rows[row + ROW_PARTICIPANT] as number, chunk, end);
    end = writeWords(PRICE, view, end);
    end = writeNumber(rows[row + ROW_PRICE] as number, chunk, end);
    end = writeWords(rows[row + ROW_IS_OFFER] === 1 ? OFFER : BID, view, end);
  }
  // No comma behind the last order.
  hash.update(chunk.subarray(0, Math.max(0, end - 1)));
  hash.update(`],"slot":"${slot}"}`);
  return hash.digest('hex');
}

/** A text as 32-bit little-endian words; what the last one holds too much is overwritten by what follows. */
interface Words {
  readonly length: number;
  readonly words: Int32Array;
}

function words(text: string): Words {
  const padded = Buffer.alloc(Math.ceil(text.length / 4) * 4);
  padded.write(text);
  return {
    length: text.length,
    words: Int32Array.from({ length: padded.length / 4 }, (_, word) => padded.readInt32LE(word * 4)),
  };
}

function writeWords({ length, words }: Words, into: DataView, end: number): number {
  for (let word = 0; word < words.length; word++) into.setInt32(end + word * 4, words[word] as number, true);
  return end + length;
}

function writeText({ bytes, starts }: TextTable, index: number, into: Uint8Array, end: number): number {
  const past = starts[index + 1] as number;
  for (let at = starts[index] as number; at < past; at++) into[end++] = bytes[at] as number;
  return end;
}

/** Decimal digits of a whole number up to 10^9. */
function writeNumber(value: number, into: Uint8Array, end: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let at = end + digits - 1; at >= end; at--) {
    const next = (rest / 10) | 0;
    into[at] = ZERO + rest - next * 10;
    rest = next;
  }
  return end + digits;
}
