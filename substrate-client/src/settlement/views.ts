import {
  CommonwattError,
  parseAmount,
  sum,
  type BatchView,
  type SettlementReceipt,
} from '@commonwatt/domain';
import type { Ledger, LedgerBatch } from './ledger.ts';

/** What settlement answers for a final batch. */
export function toReceipt(batch: LedgerBatch): SettlementReceipt {
  if (batch.record === null || batch.block === null || batch.extrinsicHash === null) {
    throw new CommonwattError('internal', `batch ${batch.batchId} is final without a block`);
  }
  return {
    batchId: batch.batchId,
    slots: batch.slots,
    blockNumber: batch.block.number,
    blockHash: batch.block.hash,
    extrinsicHash: batch.extrinsicHash,
    root: batch.root ?? '',
    feeNative: String(batch.feeNative),
    record: batch.record,
  };
}

/** A batch as the pages show it; the amount is what payers paid in. */
export function toView(ledger: Ledger, batch: LedgerBatch): BatchView {
  const payments = batch.record?.payments ?? [];
  const paid = payments.filter(({ direction }) => direction === 'in');
  const status = batch.state === 'planned' || batch.state === 'signed' ? 'pending' : batch.state;
  return {
    batchId: batch.batchId,
    slots: batch.slots,
    status,
    blockNumber: batch.block?.number ?? null,
    extrinsicHash: batch.extrinsicHash ?? ledger.attempts(batch.batchId).at(-1)?.hash ?? null,
    root: batch.root ?? '',
    payments: payments.length,
    amountMicro: String(sum(paid.map(({ amountMicro }) => parseAmount(amountMicro)))),
  };
}
