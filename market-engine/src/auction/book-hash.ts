import { createHash } from 'node:crypto';
import type { TextTable } from './text-table.ts';

const CHUNK_BYTES = 1 << 16;
/** The longest order: 64 + 64 characters of ids, 19 digits, 76 bytes of member names. */
const ORDER_BYTES_MAX = 256;

const ENERGY = Buffer.from('{"energyWh":');
const ID = Buffer.from(',"id":"');
const PARTICIPANT = Buffer.from('","participant":"');
const PRICE = Buffer.from('","priceMicroPerKwh":');
const BID = Buffer.from(',"side":"bid"}');
const OFFER = Buffer.from(',"side":"offer"}');
const COMMA = 0x2c;
const ZERO = 0x30;

export interface HashedColumns {
  readonly slot: string;
  readonly kPercent: number;
  /** Orders in canonical order. */
  readonly ids: TextTable;
  readonly participants: TextTable;
  readonly participant: Int32Array;
  /** 1 for an offer. */
  readonly isOffer: Uint8Array;
  readonly energyWh: Int32Array;
  readonly priceMicroPerKwh: Int32Array;
}

/**
 * SHA-256, lower-case hex, of the canonical JSON (RFC 8785) of the book with its orders in canonical order:
 * `{"kPercent":50,"orders":[{"energyWh":1000,"id":"o1","participant":"alice","priceMicroPerKwh":250000,"side":"bid"}],"slot":"..."}`.
 * No id needs escaping, so the bytes are written straight from the columns, a chunk at a time; a million objects never exist.
 */
export function bookHashOf(columns: HashedColumns): string {
  const { ids, participants } = columns;
  const hash = createHash('sha256');
  hash.update(`{"kPercent":${columns.kPercent},"orders":[`);
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let end = 0;
  for (let index = 0; index < ids.count; index++) {
    if (end > CHUNK_BYTES - ORDER_BYTES_MAX) {
      hash.update(chunk.subarray(0, end));
      end = 0;
    }
    if (index > 0) chunk[end++] = COMMA;
    end = writeAll(ENERGY, chunk, end);
    end = writeNumber(columns.energyWh[index] as number, chunk, end);
    end = writeAll(ID, chunk, end);
    end = writeText(ids, index, chunk, end);
    end = writeAll(PARTICIPANT, chunk, end);
    end = writeText(participants, columns.participant[index] as number, chunk, end);
    end = writeAll(PRICE, chunk, end);
    end = writeNumber(columns.priceMicroPerKwh[index] as number, chunk, end);
    end = writeAll(columns.isOffer[index] === 1 ? OFFER : BID, chunk, end);
  }
  hash.update(chunk.subarray(0, end));
  hash.update(`],"slot":"${columns.slot}"}`);
  return hash.digest('hex');
}

function writeAll(text: Uint8Array, into: Uint8Array, end: number): number {
  for (let at = 0; at < text.length; at++) into[end + at] = text[at] as number;
  return end + text.length;
}

function writeText(table: TextTable, index: number, into: Uint8Array, end: number): number {
  const { bytes, starts } = table;
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
