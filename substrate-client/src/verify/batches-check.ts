import type { SlotId } from '@commonwatt/domain';
import type { Fault } from '../bundle/read.ts';
import { slotRoot } from '../bundle/roots.ts';
import type { Claim } from '../settlement/claims.ts';
import type { Anchor } from './anchors.ts';
import { isAnchored } from './assign-anchors.ts';
import { checkClaims, type BatchToCheck } from './claims-check.ts';
import { checkNets, checkOnChain, checkPayments } from './settlement-check.ts';
import type { SlotFile } from './slot-files.ts';

/** Nets over all slots of each batch, the payments on chain, and what is kept from batch to batch. Returns what is still kept. */
export function checkBatches(
  files: readonly SlotFile[],
  anchors: readonly Anchor[],
  anchorOf: ReadonlyMap<SlotId, Anchor>,
  faults: Fault[],
  partial: boolean,
): readonly Claim[] {
  const checked: (BatchToCheck & { settled: readonly SlotFile[]; whole: boolean; found: Fault[] })[] = [];
  const settling = new Set(anchorOf.values());
  for (const anchor of anchors.filter((one) => settling.has(one))) {
    const settled = files.filter(({ slot }) => anchorOf.get(slot) === anchor);
    const holder = settled.find(({ bundle }) => bundle !== null && isAnchored(bundle, anchor));
    if (!holder?.bundle) continue;
    const record = holder.bundle.settlement;
    const found = [...checkPayments(record), ...checkOnChain(record, anchor)];
    const bundles = settled.flatMap(({ bundle }) => (bundle ? [bundle] : []));
    // With a slot unreadable or changed its sum cannot be right; that slot has its own fault.
    const whole =
      bundles.length === record.slots.length &&
      bundles.every((bundle, index) => slotRoot(bundle.records) === record.slots[index]?.root);
    if (whole) {
      const slots = bundles.map(({ slot, root, records }) => ({ slot, root, records }));
      found.push(...checkNets(record, slots));
    }
    const records = bundles.flatMap((bundle) => bundle.records);
    checked.push({ record, records, settled, whole, found });
  }
  const known = new Set(checked.map(({ record }) => record.batchId));
  const claims = checkClaims(
    checked,
    (batchId) => !known.has(batchId) && (partial || anchors.some((anchor) => anchor.batchId === batchId)),
  );
  for (const { record, settled, whole, found } of checked) {
    found.push(...claims.faults.filter(({ batchId }) => batchId === record.batchId));
    if (found.length > 0)
      faults.push(
        ...found.map((fault) => ({
          record: fault.record,
          what: `${fault.what} (batch ${record.batchId})`,
        })),
      );
    else for (const { holds } of settled) holds.push(whole ? 'nets and payments' : 'payments');
  }
  return claims.kept;
}
