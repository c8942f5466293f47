import { canonicalJson, CommonwattError, sum, type SettlementRecord } from '@commonwatt/domain';
import { batchRoot } from '../bundle/roots.ts';
import type { BlockRef, CommunityChain, SignatoryChain } from '../chain/types.ts';
import type { Ledger, LedgerBatch, Sighting } from '../settlement/ledger.ts';
import { basisOf, checkObstacle, planAt } from '../settlement/plan.ts';
import { callOf, doneParts, partsFor, type StepResult } from '../settlement/step.ts';
import type { ProposalDesk } from './desk.ts';
import { turnCollection } from './turn.ts';

/**
 * One step of a batch whose account is a multisig: plan it, offer it, and look for it on the finalized chain. Nothing is signed here; every
 * signatory, this node's own too, approves what is offered by itself. While it waits the plan follows the payers' means: another plan is
 * another call, and the turn it takes keeps the two from both being carried out.
 */
export async function stepProposal(
  chain: CommunityChain & SignatoryChain,
  ledger: Ledger,
  batchBefore: LedgerBatch,
  head: BlockRef,
  desk: ProposalDesk,
): Promise<StepResult> {
  const { batchId } = batchBefore;
  const batch = withPlanInForce(ledger, batchBefore);
  if (batch.record === null) {
    await checkObstacle(chain, head);
    await keepPlan(chain, ledger, batch, await planAt(chain, basisOf(ledger, batch, []), head.hash), 0);
    return 'moved';
  }
  const parts = partsFor(batch);
  const done = doneParts(ledger, parts);
  const part = parts[done];
  const paid = successOf(ledger, batchId);
  if (paid !== undefined || part === undefined) {
    const fees = parts.flatMap(({ id }) => ledger.sightings(id)).map(({ feeNative }) => feeNative);
    ledger.setFinal(batchId, paid!, sum(fees));
    desk.offer(null);
    return 'final';
  }
  if (batch.state !== 'signed') {
    ledger.setState(batchId, 'signed');
    return 'moved';
  }
  const offered = desk.current;
  if (offered?.record.batchId === batchId && offered.part === done && offered.plannedAt.hash === head.hash)
    return 'waiting';
  const lastRoot = done === 0 ? null : successOf(ledger, parts[done - 1]!.id)!.root;
  // What is planned again goes on from the plan of the parts that are paid, however often it was planned since: a cosigner knows no other.
  const inForce =
    lastRoot === null || lastRoot === batch.root ? batch.record : ledger.recordWithRoot(lastRoot);
  const basis = basisOf(ledger, { ...batch, record: inForce }, parts.slice(0, done));
  const record = await planAt(chain, basis, head.hash);
  if (canonicalJson(record) !== canonicalJson(batch.record)) {
    await keepPlan(chain, ledger, batch, record, done);
    return 'moved';
  }
  const turn = (await chain.turnAt(head.hash)) + 1;
  const call = {
    ...callOf(chain.community, record, part),
    turn: { collection: turnCollection(chain.community, chain.settlementKey), number: turn },
  };
  desk.offer({
    version: 1,
    community: chain.community,
    genesisHash: chain.genesisHash,
    settlementAccount: chain.settlementKey,
    assetId: chain.assetId,
    record,
    earlierRecord: inForce === batch.record ? null : inForce,
    partSize: batch.partSize!,
    part: done,
    partsMin: batch.partsMin,
    turn,
    plannedAt: head,
    ...(await chain.encode(call)),
  });
  return 'waiting';
}

function successOf(ledger: Ledger, partId: string): Sighting | undefined {
  return ledger.sightings(partId).find(({ success }) => success);
}

/** A plan is kept for good before it is offered: the chain may carry it out even after it was replaced. */
async function keepPlan(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  record: SettlementRecord,
  doneCount: number,
): Promise<void> {
  const partSize = batch.partSize ?? (await chain.paymentsMax());
  const root = batchRoot(record);
  ledger.setMeta(planName(batch.batchId, root), canonicalJson({ record, partSize, doneCount }));
  ledger.setRecord(batch.batchId, record, root, partSize, doneCount + 1);
}

function planName(batchId: string, root: string): string {
  return `plan:${batchId}:${root}`;
}

/**
 * The plan that the chain is carrying out: the one named by the newest part on it, unless the batch was planned again around that part.
 * Throws `conflict` when the chain has a plan this ledger never made.
 */
function withPlanInForce(ledger: Ledger, batch: LedgerBatch): LedgerBatch {
  const { batchId, root } = batch;
  const plans = new Map(
    [...ledger.metas(`plan:${batchId}:`)].map(([name, text]) => [
      name,
      JSON.parse(text) as { record: NonNullable<LedgerBatch['record']>; partSize: number; doneCount: number },
    ]),
  );
  let done = 0;
  let newest = successOf(ledger, batchId);
  if (newest === undefined) {
    for (;;) {
      const next = successOf(ledger, `${batchId}.p${done + 1}`);
      if (next === undefined) break;
      newest = next;
      done += 1;
    }
    const current = root === null ? undefined : plans.get(planName(batchId, root));
    if (current !== undefined && current.doneCount >= done) return batch;
  }
  if (newest === undefined || newest.root === root) return batch;
  const plan = plans.get(planName(batchId, newest.root));
  if (plan === undefined) {
    throw new CommonwattError(
      'conflict',
      `the chain has batch ${batchId} with another root than this ledger`,
      {
        record: batchId,
        remedy: 'find the ledger that made it: this one must not pay it again',
      },
    );
  }
  ledger.setRecord(batchId, plan.record, newest.root, plan.partSize, done + 1);
  return ledger.batch(batchId);
}
