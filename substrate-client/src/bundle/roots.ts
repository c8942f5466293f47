import { canonicalJson, type BundleRecord, type SettlementRecord, type SlotId } from '@commonwatt/domain';
import { leafHash, merkleRoot } from './merkle.ts';

/** Leaf hashes of a slot's records, in their order. */
export function slotLeaves(records: readonly BundleRecord[]): string[] {
  return records.map((record) => leafHash(canonicalJson(record)));
}

export function slotRoot(records: readonly BundleRecord[]): string {
  return merkleRoot(slotLeaves(records));
}

/** What the chain's root commits to: one leaf per slot, in order, and the settlement record as the last. */
export function batchLeaves(record: SettlementRecord): string[] {
  const slots = record.slots.map(({ slot, root }: { slot: SlotId; root: string }) =>
    leafHash(canonicalJson({ slot, root })),
  );
  return [...slots, leafHash(canonicalJson(record))];
}

export function batchRoot(record: SettlementRecord): string {
  return merkleRoot(batchLeaves(record));
}
