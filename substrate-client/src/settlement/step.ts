import type { BatchCall, BlockRef, ChainReader, CommunityChain, SignedExtrinsic } from '../chain/types.ts';
import { batchRoot } from '../bundle/roots.ts';
import { CommonwattError, parseAmount, sum, type SettlementRecord } from '@commonwatt/domain';
import type { Ledger, LedgerBatch, Sighting } from './ledger.ts';
import { partsOf, type BatchPart } from './parts.ts';
import { checkObstacle, leaveOutRefused, planBatch } from './plan.ts';
import { formatRemark } from './remark.ts';

export type StepResult = 'moved' | 'waiting' | 'final';

/**
 * One step of one batch on its way to finality, decided from the ledger and the chain alone, so that it can be cut off anywhere and
 * taken again. `head` is the finalized block up to which the ledger has looked through the chain.
 */
export async function stepBatch(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  head: BlockRef,
): Promise<StepResult> {
  const { batchId, record } = batch;
  const paid = ledger.sightings(batchId).find(({ success }) => success);
  if (paid && (record === null || paid.root !== batch.root)) {
    throw new CommonwattError(
      'conflict',
      `the chain has batch ${batchId} with another root than this ledger`,
      {
        record: batchId,
        remedy: 'find the ledger that made it: this one must not pay it again',
      },
    );
  }
  if (record === null) {
    await planBatch(chain, ledger, batch, head, []);
    return 'moved';
  }
  const parts = partsFor(batch);
  const done = doneParts(ledger, parts);
  const part = parts[done];
  if (part === undefined) {
    const fees = parts.flatMap(({ id }) => ledger.sightings(id)).map(({ feeNative }) => feeNative);
    ledger.setFinal(batchId, paid!, sum(fees));
    return 'final';
  }
  const attempt = ledger.attempts(part.id).at(-1);
  if (attempt && ledger.sightings(part.id).some(({ extrinsicHash }) => extrinsicHash === attempt.hash)) {
    if (backsOff(ledger.sightings(part.id), head)) return 'waiting';
    // It is on chain and failed as a whole, so nothing moved: look at the accounts again and make a new one.
    await planBatch(chain, ledger, batch, head, parts.slice(0, done));
    const planned = ledger.batch(batchId);
    const again = partsFor(planned)[done]?.payments ?? [];
    // What is refused for a reason that no account shows is left out, one after the other, until the chain would take the rest.
    if (await leaveOutRefused(chain, ledger, batchId, again, head)) return 'moved';
    await sign(chain, ledger, planned, done, head);
    return 'moved';
  }
  if (!keepsClaims(ledger, batch)) {
    // A reorganisation changed an earlier batch: what this one pays out of its keeping is not kept now. Wait until its bytes are dead.
    if (attempt && !(await isDead(chain, attempt, head, await chain.nonceAt(head.hash)))) return 'waiting';
    await planBatch(chain, ledger, batch, head, parts.slice(0, done));
    await sign(chain, ledger, ledger.batch(batchId), done, head);
    return 'moved';
  }
  if (!attempt || (await isDead(chain, attempt, head, await chain.nonceAt(head.hash)))) {
    await sign(chain, ledger, batch, done, head);
    return 'moved';
  }
  if (batch.state === 'planned') {
    // Cut off between two transactions of ours: the bytes are there.
    ledger.setState(batchId, 'signed');
    return 'moved';
  }
  if (batch.state === 'signed') {
    await chain.submit(attempt.bytes);
    ledger.setState(batchId, 'submitted');
    return 'moved';
  }
  return 'waiting';
}

/** A failed extrinsic costs its fee: after the third, each further try waits for twice as many blocks. */
function backsOff(sightings: readonly Sighting[], head: BlockRef): boolean {
  const failed = sightings.filter(({ success }) => !success);
  const last = failed.at(-1);
  if (!last || failed.length < 3) return false;
  return head.number < last.block.number + 2 ** Math.min(failed.length - 2, 10);
}

/** Whether all that the batch releases is still kept by the batches before it. */
function keepsClaims(ledger: Ledger, batch: LedgerBatch): boolean {
  const { batchId, record } = batch;
  if (record?.released === undefined) return true;
  const kept = new Map<string, bigint>();
  for (const claim of ledger.claimsBefore(batchId)) {
    kept.set(`${claim.batchId} ${claim.participant}`, claim.amountMicro);
  }
  return record.released.every(
    (entry) => (kept.get(`${entry.batchId} ${entry.participant}`) ?? 0n) >= parseAmount(entry.amountMicro),
  );
}

/** The extrinsic of a batch that is on its way now, if any. */
export function currentAttempt(ledger: Ledger, batch: LedgerBatch): SignedExtrinsic | undefined {
  const parts = partsFor(batch);
  const part = parts[doneParts(ledger, parts)];
  return part && ledger.attempts(part.id).at(-1);
}

export type Payment = SettlementRecord['payments'][number];

export function partsFor(batch: LedgerBatch): BatchPart<Payment>[] {
  const { batchId, record, partSize, partsMin } = batch;
  return partsOf(batchId, record?.payments ?? [], partSize ?? Number.MAX_SAFE_INTEGER, partsMin);
}

/** How many parts, from the first on, the chain has carried out. */
export function doneParts(ledger: Ledger, parts: readonly BatchPart<Payment>[]): number {
  const open = parts.findIndex(({ id }) => !ledger.sightings(id).some(({ success }) => success));
  return open < 0 ? parts.length : open;
}

/** Hands the same bytes in again: the node may have lost them. Refusals mean nothing here: they may be in already. */
export async function resubmit(chain: CommunityChain, ledger: Ledger, batch: LedgerBatch): Promise<void> {
  const attempt = currentAttempt(ledger, batch);
  if (!attempt || !keepsClaims(ledger, batch)) return;
  try {
    await chain.submit(attempt.bytes);
  } catch (error) {
    if (!(error instanceof CommonwattError) || error.code !== 'conflict') throw error;
  }
}

/**
 * True when these bytes can never be included any more, seen from the finalized chain, which does not hold them:
 * their era has passed, or their nonce was used by another extrinsic, or the block their era is tied to is not on the chain.
 */
export async function isDead(
  chain: ChainReader,
  attempt: SignedExtrinsic,
  head: BlockRef,
  nonceAtHead: number,
): Promise<boolean> {
  if (head.number >= attempt.deathNumber) return true;
  if (head.number >= attempt.birth.number) {
    const born =
      head.number === attempt.birth.number ? head.hash : await chain.blockHashAt(attempt.birth.number);
    if (born !== null && born !== attempt.birth.hash) return true;
  }
  return nonceAtHead > attempt.nonce;
}

/** One part of a batch as the chain carries it out. */
export function callOf(community: string, record: SettlementRecord, part: BatchPart<Payment>): BatchCall {
  const remark = formatRemark({
    community,
    batchId: part.id,
    firstSlot: record.slots[0]!.slot,
    slotCount: record.slots.length,
    root: batchRoot(record),
  });
  const payments = part.payments.map(({ direction, accountKey, amountMicro }) => ({
    direction,
    accountKey,
    amountMicro: parseAmount(amountMicro),
  }));
  return { payments, remark };
}

async function sign(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  partIndex: number,
  head: BlockRef,
): Promise<void> {
  await checkObstacle(chain, head);
  const { record } = batch;
  const part = partsFor(batch)[partIndex];
  if (record === null || part === undefined)
    throw new CommonwattError('internal', `no part ${partIndex} to sign`);
  const call = callOf(chain.community, record, part);
  const nonce = await chain.nonceAt(head.hash);
  ledger.addAttempt(batch.batchId, part.id, await chain.sign(call, nonce, head));
}
