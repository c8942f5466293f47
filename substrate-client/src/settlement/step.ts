import type { BlockRef, CommunityChain, SignedExtrinsic } from '../chain/types.ts';
import { batchRoot } from '../bundle/roots.ts';
import { CommonwattError, parseAmount, type SettlementRecord } from '@commonwatt/domain';
import type { Ledger, LedgerBatch } from './ledger.ts';
import { netAmounts, settlementRecord } from './netting.ts';
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
  const sightings = ledger.sightings(batch.batchId);
  const paid = sightings.find(({ success }) => success);
  if (paid) {
    if (batch.record === null || paid.root !== batch.root) {
      throw new CommonwattError(
        'conflict',
        `the chain has batch ${batch.batchId} with another root than this ledger`,
        {
          record: batch.batchId,
          remedy: 'find the ledger that made it: this one must not pay it again',
        },
      );
    }
    ledger.setFinal(batch.batchId, paid);
    return 'final';
  }
  if (batch.record === null) {
    await plan(chain, ledger, batch, head);
    return 'moved';
  }
  const attempt = ledger.attempts(batch.batchId).at(-1);
  if (!attempt) {
    await sign(chain, ledger, batch.record, head);
    return 'moved';
  }
  if (sightings.some(({ extrinsicHash }) => extrinsicHash === attempt.hash)) {
    // It is on chain and failed as a whole, so nothing moved: look at the payers again and make a new one.
    await plan(chain, ledger, batch, head);
    await sign(chain, ledger, ledger.batch(batch.batchId).record!, head);
    return 'moved';
  }
  if (await isDead(chain, attempt, head)) {
    await sign(chain, ledger, batch.record, head);
    return 'moved';
  }
  if (batch.state === 'signed') {
    await chain.submit(attempt.bytes);
    ledger.setState(batch.batchId, 'submitted');
    return 'moved';
  }
  return 'waiting';
}

/** Hands the same bytes in again: the node may have lost them. Refusals mean nothing here: they may be in already. */
export async function resubmit(chain: CommunityChain, ledger: Ledger, batch: LedgerBatch): Promise<void> {
  const attempt = ledger.attempts(batch.batchId).at(-1);
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

async function plan(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  head: BlockRef,
): Promise<void> {
  const slots = batch.slots.map((slot) => ledger.slot(slot));
  const keys = netAmounts(slots).map(({ accountKey }) => accountKey);
  const means = await chain.holdings(keys, head.hash);
  const record = settlementRecord(chain.community, batch.batchId, slots, means);
  ledger.setRecord(batch.batchId, record, batchRoot(record));
}

async function sign(
  chain: CommunityChain,
  ledger: Ledger,
  record: SettlementRecord,
  head: BlockRef,
): Promise<void> {
  const nonce = await chain.nonceAt(head.hash);
  const remark = formatRemark({
    community: chain.community,
    batchId: record.batchId,
    firstSlot: record.slots[0]!.slot,
    slotCount: record.slots.length,
    root: batchRoot(record),
  });
  const payments = record.payments.map(({ direction, accountKey, amountMicro }) => ({
    direction,
    accountKey,
    amountMicro: parseAmount(amountMicro),
  }));
  ledger.addAttempt(record.batchId, await chain.sign({ payments, remark }, nonce, head));
}
