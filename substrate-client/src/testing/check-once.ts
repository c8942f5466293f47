import { parseAmount } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { BatchOnChain } from '../chain/types.ts';
import { claimsAfter } from '../settlement/claims.ts';
import type { LedgerBatch } from '../settlement/ledger.ts';
import { partOf } from '../settlement/parts.ts';
import { parseRemark } from '../settlement/remark.ts';

/** Each slot in one batch, each batch once on chain, with the payments and the root that ledger and bundles say. */
export function checkOnce(
  carriedOut: readonly (BatchOnChain | null)[],
  batches: readonly LedgerBatch[],
  bundles: ReadonlyMap<string, Bundle>,
  slotCount: number,
): void {
  const onChain = new Map<string, { root: string; payments: string }>();
  const seen = new Set<string>();
  let earlier: string[][] = [];
  for (const batch of carriedOut) {
    const remark = batch && parseRemark(batch.remark);
    if (!remark) throw new Error(`a batch without a remark: ${batch?.remark}`);
    if (seen.has(remark.batchId)) throw new Error(`batch ${remark.batchId} was paid twice`);
    seen.add(remark.batchId);
    for (const { direction, accountKey, amountMicro } of batch.payments ?? []) {
      earlier.push([direction, accountKey, String(amountMicro)]);
    }
    const { batchId, part } = partOf(remark.batchId);
    if (part !== null) continue;
    onChain.set(batchId, { root: remark.root, payments: JSON.stringify(earlier) });
    earlier = [];
  }
  const slots = batches.flatMap((batch) => batch.slots);
  if (slots.length !== slotCount || new Set(slots).size !== slotCount) {
    throw new Error(`slots in batches: ${slots.join(', ')}`);
  }
  if (onChain.size !== batches.length) {
    throw new Error(`${onChain.size} batches on chain, ${batches.length} in the ledger`);
  }
  for (const batch of batches) {
    const paid = onChain.get(batch.batchId);
    if (batch.state !== 'final' || !paid) throw new Error(`batch ${batch.batchId} is ${batch.state}`);
    if (paid.root !== batch.root) throw new Error(`batch ${batch.batchId} has another root on chain`);
    const said = batch.record!.payments.map(({ direction, accountKey, amountMicro }) => [
      direction,
      accountKey,
      String(parseAmount(amountMicro)),
    ]);
    if (JSON.stringify(said) !== paid.payments)
      throw new Error(
        `batch ${batch.batchId} paid something else: ${paid.payments}, not ${JSON.stringify(said)}`,
      );
    for (const slot of batch.slots) {
      const bundle = bundles.get(slot);
      if (!bundle) throw new Error(`the bundle of ${slot} is missing`);
      if (JSON.stringify(bundle.settlement) !== JSON.stringify(batch.record)) {
        throw new Error(`the bundle of ${slot} holds another settlement record`);
      }
    }
  }
  const records = batches.flatMap(({ record }) => (record === null ? [] : [record]));
  const { overdrawn } = claimsAfter(records);
  if (overdrawn.length > 0) throw new Error(`released and never kept: ${JSON.stringify(overdrawn)}`);
}
