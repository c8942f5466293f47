import { sha256Hex } from '@commonwatt/domain';

/**
 * A plain account pays once because a nonce is used once. A multisig has no nonce: the same call could be opened and approved again,
 * and two calls for the same batch could both find their approvals. So its batches carry a turn: a collection of the `uniques` pallet
 * that belongs to the account holds one item, whose number is the last turn. A batch burns that item and mints the next, atomically with
 * its payments; whatever else was approved for the same turn then fails as a whole.
 */

/** The collection's id: the first 32 bits of SHA-256 over `commonwatt:turn:<community>:<account key>`. */
export function turnCollection(community: string, settlementKey: string): number {
  return Number.parseInt(sha256Hex(`commonwatt:turn:${community}:${settlementKey}`).slice(0, 8), 16);
}
