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

/** A table of ids, or null when one of them is no id (`domain/src/id.ts`). */
export function idTable(texts: readonly string[]): TextTable | null {
  const count = texts.length;
  const starts = new Uint32Array(count + 1);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const text: unknown = texts[index];
    if (typeof text !== 'string' || text.length === 0 || text.length > ID_LENGTH_MAX) return null;
    end += text.length;
    starts[index + 1] = end;
  }
  const bytes = Buffer.from(texts.join(''));
  // Every character beyond ASCII takes more than one byte.
  if (bytes.length !== end) return null;
  let allowed = 1;
  for (let at = 0; at < end; at++) allowed &= ID_BYTE[bytes[at] as number] as number;
  return allowed === 1 ? { count, bytes, starts } : null;
}

/** The texts in ascending order by bytes, and where each came from. */
export function sortedTable(table: TextTable): { readonly sorted: TextTable; readonly from: Uint32Array } {
  const from = sortedByBytes(table.bytes, table.starts);
  const bytes = new Uint8Array(table.bytes.length);
  const starts = new Uint32Array(table.count + 1);
  let end = 0;
  for (let index = 0; index < table.count; index++) {
    const text = from[index] as number;
    const past = table.starts[text + 1] as number;
    for (let at = table.starts[text] as number; at < past; at++) bytes[end++] = table.bytes[at] as number;
    starts[index + 1] = end;
  }
  return { sorted: { count: table.count, bytes, starts }, from };
}

/** Reads texts out of a table; decodes its bytes once. */
export function textReader(table: TextTable): (index: number) => string {
  const { bytes, starts } = table;
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return (index) => all.slice(starts[index], starts[index + 1]);
}
