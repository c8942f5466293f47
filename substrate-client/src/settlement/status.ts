import type { BlockRef } from '../chain/types.ts';
import { waitingText, type Waiting } from '../multisig/desk.ts';
import type { LedgerBatch } from './ledger.ts';

/** What an operator watches. Fees and funds in the chain's smallest native unit. */
export interface SettlementStatus {
  readonly batchesPending: number;
  readonly slotsWaiting: number;
  readonly finalizedBlock: number;
  /** Blocks that are not final yet. */
  readonly finalityLagBlocks: number;
  readonly feesNative: bigint;
  readonly fundsNative: bigint;
  /** Batches the funds last for, at the mean fee so far; null while none was paid. */
  readonly batchesLeft: number | null;
  /** What keeps settlement from going on now; null when nothing does. */
  readonly trouble: string | null;
  /** For whose approval the current batch waits; null for a single key, and when no batch is proposed. */
  readonly waitingFor: string | null;
  readonly alarms: readonly string[];
}

const BATCHES_LEFT_MIN = 100;
const PENDING_MAX = 8;
const LAG_MAX = 100;

/** Pure: the alarms follow from the figures. */
export function statusOf(input: {
  readonly batches: readonly Pick<LedgerBatch, 'state'>[];
  readonly slotsWaiting: number;
  readonly finalized: BlockRef;
  readonly best: BlockRef;
  readonly feesNative: bigint;
  readonly fundsNative: bigint;
  readonly trouble: string | null;
  readonly waiting?: Waiting | null;
}): SettlementStatus {
  const { batches, slotsWaiting, finalized, best, feesNative, fundsNative, trouble, waiting } = input;
  const final = batches.filter(({ state }) => state === 'final').length;
  const batchesPending = batches.length - final;
  const meanFee = final > 0 ? feesNative / BigInt(final) : 0n;
  const batchesLeft = meanFee > 0n ? Number(fundsNative / meanFee) : null;
  const finalityLagBlocks = Math.max(0, best.number - finalized.number);
  const alarms: string[] = [];
  if (batchesLeft !== null && batchesLeft < BATCHES_LEFT_MIN) {
    alarms.push(
      `the settlement account can pay the fees of ${batchesLeft} more batches: send it some of the native token`,
    );
  }
  if (fundsNative === 0n) alarms.push('the settlement account has nothing to pay fees with');
  if (batchesPending > PENDING_MAX) alarms.push(`${batchesPending} batches wait for the chain`);
  if (finalityLagBlocks > LAG_MAX) alarms.push(`finality is ${finalityLagBlocks} blocks behind`);
  const waitingFor = waiting == null ? null : waitingText(waiting);
  if (waiting?.signatories.some(({ said }) => said === 'refused') === true) {
    alarms.push(`a signatory refuses: ${waitingText(waiting)}`);
  }
  if (trouble !== null) alarms.push(`settlement is held up: ${trouble}`);
  return {
    batchesPending,
    slotsWaiting,
    finalizedBlock: finalized.number,
    finalityLagBlocks,
    feesNative,
    fundsNative,
    batchesLeft,
    trouble,
    waitingFor,
    alarms,
  };
}
