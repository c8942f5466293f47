import { canonicalJson, CommonwattError, parseAmount, type SettlementRecord } from '@commonwatt/domain';
import { batchRoot } from '../bundle/roots.ts';
import type { BlockRef, CommunityChain, PaymentRefusal } from '../chain/types.ts';
import type { Claim } from './claims.ts';
import type { Ledger, LedgerBatch, Refusal } from './ledger.ts';
import type { Means } from './means.ts';
import type { SlotOfBatch } from './netting.ts';
import type { BatchPart } from './parts.ts';
import { partiesOf, settlementRecord } from './record.ts';

type Payment = SettlementRecord['payments'][number];

/** What a plan is made from, besides the accounts' means on chain. */
export interface PlanBasis {
  readonly batchId: string;
  readonly slots: readonly SlotOfBatch[];
  /** What is kept from earlier batches. */
  readonly claims: readonly Claim[];
  /** Payments that the chain was found to refuse. */
  readonly refusals: readonly Refusal[];
  /** Payments that are carried out, and those that were planned then; both empty before the first part. */
  readonly done: readonly Payment[];
  readonly planned: readonly Payment[];
}

/** What the batch does, from the accounts' means in the state after a block. The same basis and block give everyone the same record. */
export async function planAt(
  chain: Pick<CommunityChain, 'community' | 'holdings'>,
  basis: PlanBasis,
  blockHash: string,
): Promise<SettlementRecord> {
  const { batchId, slots, claims, done } = basis;
  const keys = [...new Set(partiesOf(slots, claims).map(({ accountKey }) => accountKey))];
  const means = new Map<string, Means>(await chain.holdings(keys, blockHash));
  for (const { accountKey, direction, why } of basis.refusals) {
    const known = means.get(accountKey) ?? { balanceMicro: 0n, approvalMicro: 0n };
    means.set(accountKey, { ...known, [direction === 'in' ? 'cannotPay' : 'cannotReceive']: why });
  }
  if (done.length > 0) keepDone(means, done, basis.planned);
  const record = settlementRecord(chain.community, batchId, slots, means, claims);
  if (canonicalJson(record.payments.slice(0, done.length)) !== canonicalJson(done)) {
    throw new CommonwattError(
      'internal',
      `batch ${batchId} cannot be planned around the parts that are carried out`,
    );
  }
  return record;
}

/** The basis of a batch of the ledger. `doneParts`: the parts that are carried out; they stay as they are. */
export function basisOf(
  ledger: Ledger,
  batch: LedgerBatch,
  doneParts: readonly BatchPart<Payment>[],
): PlanBasis {
  const { batchId } = batch;
  return {
    batchId,
    slots: batch.slots.map((slot) => ledger.slot(slot)),
    claims: ledger.claimsBefore(batchId),
    refusals: ledger.refusals(batchId),
    done: doneParts.flatMap(({ payments }) => payments),
    planned: batch.record?.payments ?? [],
  };
}

/**
 * Fixes what the batch does, from the accounts' means in the finalized state, what is kept from earlier batches, and the payments that
 * the chain was found to refuse.
 */
export async function planBatch(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  head: BlockRef,
  doneParts: readonly BatchPart<Payment>[],
): Promise<void> {
  const { batchId } = batch;
  await checkObstacle(chain, head);
  const record = await planAt(chain, basisOf(ledger, batch, doneParts), head.hash);
  const partSize = batch.partSize ?? (await chain.paymentsMax());
  ledger.setRecord(batchId, record, batchRoot(record), partSize, doneParts.length + 1);
}

/** Throws `unavailable` while the chain would refuse any batch: then there is nothing to plan or to sign. */
export async function checkObstacle(chain: CommunityChain, head: BlockRef): Promise<void> {
  const why = await chain.obstacle(head.hash);
  if (why !== null) throw new CommonwattError('unavailable', `no batch can be carried out now: ${why}`);
}

/**
 * Once a part is carried out, a new plan may only leave out payments that are still to come: what was drawn or paid counts as possible,
 * who was not to be drawn stays out, the fund's cover too, and once payments out have begun nobody new is paid.
 */
function keepDone(means: Map<string, Means>, done: readonly Payment[], planned: readonly Payment[]): void {
  const keysOf = (payments: readonly Payment[], direction: 'in' | 'out'): Set<string> =>
    new Set(
      payments.filter((payment) => payment.direction === direction).map(({ accountKey }) => accountKey),
    );
  const payers = keysOf(planned, 'in');
  const receivers = keysOf(planned, 'out');
  const paid = keysOf(done, 'out');
  for (const [accountKey, known] of means) {
    const changed = { ...known };
    if (!payers.has(accountKey)) Object.assign(changed, { balanceMicro: 0n, approvalMicro: 0n });
    if (paid.has(accountKey)) Object.assign(changed, { cannotReceive: null, receivesFromMicro: 1n });
    else if (paid.size > 0 && !receivers.has(accountKey)) changed.cannotReceive ??= LEFT_OUT;
    means.set(accountKey, changed);
  }
  for (const { accountKey, direction, amountMicro } of done) {
    if (direction === 'out') continue;
    const drawn = parseAmount(amountMicro);
    const known = means.get(accountKey);
    means.set(accountKey, { ...known, balanceMicro: drawn, approvalMicro: drawn, cannotPay: null });
  }
}

const LEFT_OUT = 'it could not be paid when the payments of this batch began';

/** Errors that say something about who is paid; all others are about who pays. */
const OF_RECEIVER = /BelowMinimum|CannotCreate|Blocked|Overflow/;

/**
 * An extrinsic failed, and nothing that can be asked before says why: finds the payment that the chain refuses and leaves it out of the
 * batch from now on. False when the chain would carry out all of them now.
 * Throws `unavailable` when it is the settlement account that cannot pay or be paid.
 */
export async function leaveOutRefused(
  chain: CommunityChain,
  ledger: Ledger,
  batchId: string,
  payments: readonly Payment[],
  head: BlockRef,
): Promise<boolean> {
  const refusal = await chain.firstRefusal(
    payments.map(({ direction, accountKey, amountMicro }) => ({
      direction,
      accountKey,
      amountMicro: parseAmount(amountMicro),
    })),
    head.hash,
  );
  const payment = refusal === null ? undefined : payments[refusal.index];
  if (refusal === null || payment === undefined) return false;
  const { accountKey, direction } = payment;
  if ((direction === 'out') !== OF_RECEIVER.test(refusal.error)) throw ownFault(refusal, payment);
  ledger.addRefusal(batchId, { accountKey, direction, why: `the chain refuses it: ${refusal.error}` });
  return true;
}

function ownFault(
  { error }: PaymentRefusal,
  { direction, participant, amountMicro }: Payment,
): CommonwattError {
  return new CommonwattError(
    'unavailable',
    direction === 'out'
      ? `the settlement account cannot pay ${amountMicro} micro-units to ${participant}: ${error}`
      : `the settlement account cannot take ${amountMicro} micro-units of ${participant}: ${error}`,
    { remedy: 'give the settlement account what it lacks; the batch then goes on' },
  );
}
