import type { BlockRef, CommunityChain, SignedExtrinsic } from '../chain/types.ts';
import { batchRoot } from '../bundle/roots.ts';
import { canonicalJson, CommonwattError, parseAmount, sum, type SettlementRecord } from '@commonwatt/domain';
import type { Ledger, LedgerBatch, Sighting } from './ledger.ts';
import { netAmounts, settlementRecord, type Means } from './netting.ts';
import { partsOf, type BatchPart } from './parts.ts';
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
    await plan(chain, ledger, batch, head, 0);
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
    // It is on chain and failed as a whole, so nothing moved: look at the payers again and make a new one.
    await plan(chain, ledger, batch, head, done);
    await sign(chain, ledger, ledger.batch(batchId), done, head);
    return 'moved';
  }
  if (!attempt || (await isDead(chain, attempt, head))) {
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

/** The extrinsic of a batch that is on its way now, if any. */
export function currentAttempt(ledger: Ledger, batch: LedgerBatch): SignedExtrinsic | undefined {
  const parts = partsFor(batch);
  const part = parts[doneParts(ledger, parts)];
  return part && ledger.attempts(part.id).at(-1);
}

type Payment = SettlementRecord['payments'][number];

function partsFor(batch: LedgerBatch): BatchPart<Payment>[] {
  return partsOf(batch.batchId, batch.record?.payments ?? [], batch.partSize ?? Number.MAX_SAFE_INTEGER);
}

/** How many parts, from the first on, the chain has carried out. */
function doneParts(ledger: Ledger, parts: readonly BatchPart<Payment>[]): number {
  const open = parts.findIndex(({ id }) => !ledger.sightings(id).some(({ success }) => success));
  return open < 0 ? parts.length : open;
}

/** Hands the same bytes in again: the node may have lost them. Refusals mean nothing here: they may be in already. */
export async function resubmit(chain: CommunityChain, ledger: Ledger, batch: LedgerBatch): Promise<void> {
  const attempt = currentAttempt(ledger, batch);
  if (!attempt) return;
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
async function isDead(chain: CommunityChain, attempt: SignedExtrinsic, head: BlockRef): Promise<boolean> {
  if (head.number >= attempt.deathNumber) return true;
  if (head.number >= attempt.birth.number) {
    const born =
      head.number === attempt.birth.number ? head.hash : await chain.blockHashAt(attempt.birth.number);
    if (born !== null && born !== attempt.birth.hash) return true;
  }
  return (await chain.nonceAt(head.hash)) > attempt.nonce;
}

/**
 * Once a part is paid, a new plan may only leave out draws that are still to come: what was drawn counts as there, and who was not to be
 * drawn before stays out, the fund's cover too.
 */
function keepPaid(means: Map<string, Means>, done: readonly Payment[], planned: readonly Payment[]): void {
  const payers = new Set(
    planned.filter(({ direction }) => direction === 'in').map(({ accountKey }) => accountKey),
  );
  for (const accountKey of means.keys()) {
    if (!payers.has(accountKey)) means.set(accountKey, { balanceMicro: 0n, approvalMicro: 0n });
  }
  for (const { accountKey, direction, amountMicro } of done) {
    const drawn = parseAmount(amountMicro);
    if (direction === 'in') means.set(accountKey, { balanceMicro: drawn, approvalMicro: drawn });
  }
}

/** Fixes what the batch does, from the payers' means now. What parts before `doneCount` have drawn stays as it is. */
async function plan(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  head: BlockRef,
  doneCount: number,
): Promise<void> {
  const slots = batch.slots.map((slot) => ledger.slot(slot));
  const keys = netAmounts(slots).map(({ accountKey }) => accountKey);
  const means = new Map<string, Means>(await chain.holdings(keys, head.hash));
  const done = partsFor(batch)
    .slice(0, doneCount)
    .flatMap(({ payments }) => payments);
  if (done.length > 0) keepPaid(means, done, batch.record?.payments ?? []);
  const record = settlementRecord(chain.community, batch.batchId, slots, means);
  if (canonicalJson(record.payments.slice(0, done.length)) !== canonicalJson(done)) {
    throw new CommonwattError(
      'internal',
      `batch ${batch.batchId} cannot be planned around the parts that are paid`,
    );
  }
  const partSize = batch.partSize ?? (await chain.paymentsMax());
  ledger.setRecord(batch.batchId, record, batchRoot(record), partSize);
}

async function sign(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  partIndex: number,
  head: BlockRef,
): Promise<void> {
  const { record } = batch;
  const part = partsFor(batch)[partIndex];
  if (record === null || part === undefined)
    throw new CommonwattError('internal', `no part ${partIndex} to sign`);
  const remark = formatRemark({
    community: chain.community,
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
  const nonce = await chain.nonceAt(head.hash);
  ledger.addAttempt(batch.batchId, part.id, await chain.sign({ payments, remark }, nonce, head));
}
