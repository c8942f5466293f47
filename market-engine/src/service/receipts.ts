import type { SettlementReceipt, SlotId } from '@commonwatt/domain';
import type { Memory } from './memory.ts';

/** What the chain has done with the batches, and the debts that they left; all of it from the journal. */
export class Receipts {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  ofSlot(slot: SlotId): SettlementReceipt | null {
    const batchId = this.#memory.state.slots.get(slot)?.stored?.context.batchId ?? null;
    return batchId === null ? null : this.#ofBatch(batchId);
  }

  /** The batch's unpaid debts are charged by the next statements. Safe to repeat. */
  addCarries(receipt: SettlementReceipt): void {
    const row = this.#memory.state.debts.rowFor(receipt);
    if (row !== null) this.#memory.commit([row]);
  }

  /** A batch that the chain has carried out again, elsewhere or otherwise; false when that is nothing new. */
  correct(receipt: SettlementReceipt): boolean {
    const known = this.#ofBatch(receipt.batchId);
    if (known === null || isSameReceipt(known, receipt)) return false;
    const debts = this.#memory.state.debts.rowFor(receipt);
    this.#memory.commit([{ type: 'batch', receipt }, ...(debts === null ? [] : [debts])]);
    return true;
  }

  #ofBatch(batchId: string): SettlementReceipt | null {
    const { state, journal } = this.#memory;
    const known = state.batch(batchId);
    const row = known === null ? null : journal.decisionAt(known.seq);
    return row?.type === 'batch' ? row.receipt : null;
  }
}

function isSameReceipt(a: SettlementReceipt, b: SettlementReceipt): boolean {
  return a.blockHash === b.blockHash && a.extrinsicHash === b.extrinsicHash && a.root === b.root;
}
