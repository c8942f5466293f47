import { canonicalJson, type Carry, type SettlementReceipt } from '@commonwatt/domain';
import type { Debt, Decision } from '../journal/rows.ts';
import { correctDebts } from './correct-debts.ts';

type DebtsRow = Extract<Decision, { type: 'debts' }>;

/**
 * Who owes what from batches it could not pay, and who waits for that money. A debt is charged in the next statement that is fixed;
 * its debtor is locked out until the batch with that statement is final. If that batch cannot collect it either, the new receipt
 * makes a new debt of it. What is charged goes to the oldest claims first; the rest is the fund's.
 */
export class Debts {
  readonly #known = new Map<string, DebtsRow>();
  #owed: Debt[] = [];
  #claims: Debt[] = [];
  /** Charged in a statement that is not final yet: slot -> debtors. */
  readonly #charged = new Map<string, readonly string[]>();

  /**
   * The journal row for what a receipt leaves unpaid, or null when there is nothing new in it. A batch that was carried out again, with
   * another outcome, gives a row that replaces the one before.
   */
  rowFor(receipt: SettlementReceipt): DebtsRow | null {
    const { batchId, unpaid, cuts } = receipt.record;
    const known = this.#known.get(batchId);
    const debt = (entry: { participant: string; amountMicro: string }): Debt => ({
      participant: entry.participant,
      batchId,
      amountMicro: entry.amountMicro,
    });
    const [debts, claims] = [unpaid.map(debt), cuts.map(debt)];
    if (known === undefined) return debts.length === 0 ? null : { type: 'debts', batchId, debts, claims };
    const same = canonicalJson([debts, claims]) === canonicalJson([known.debts, known.claims]);
    return same ? null : { type: 'debts', batchId, debts, claims, instead: true };
  }

  apply(row: DebtsRow): void {
    const before = this.#known.get(row.batchId);
    if (before !== undefined && row.instead !== true) return;
    this.#known.set(row.batchId, row);
    const corrected = correctDebts({ owed: this.#owed, claims: this.#claims }, before ?? null, row);
    this.#owed = corrected.owed;
    this.#claims = corrected.claims;
  }

  /** What the next statement charges: every open debt, each with the oldest claims it pays. Changes nothing. */
  carries(): Carry[] {
    const claims = this.#claims.map((claim) => ({ ...claim, left: BigInt(claim.amountMicro) }));
    return this.#owed.map((debt) => {
      let left = BigInt(debt.amountMicro);
      const paid: Debt[] = [];
      for (const claim of claims) {
        const part = claim.left < left ? claim.left : left;
        if (part === 0n) continue;
        claim.left -= part;
        left -= part;
        paid.push({ participant: claim.participant, batchId: claim.batchId, amountMicro: part.toString() });
      }
      return { debtor: debt.participant, batchId: debt.batchId, amountMicro: debt.amountMicro, claims: paid };
    });
  }

  /** A statement has charged these. */
  charge(slot: string, carries: readonly Carry[]): void {
    if (carries.length === 0) return;
    for (const carry of carries) {
      const index = this.#owed.findIndex(
        (debt) => debt.participant === carry.debtor && debt.batchId === carry.batchId,
      );
      if (index >= 0) this.#owed.splice(index, 1);
      for (const paid of carry.claims) this.#reduceClaim(paid);
    }
    this.#charged.set(
      slot,
      carries.map((carry) => carry.debtor),
    );
  }

  /** The statement's batch is final; what it did not collect is in the receipt's own row. */
  settled(slot: string): void {
    this.#charged.delete(slot);
  }

  /** What the participant owes, charged or not, in micro-units; 0n for an amount that is charged and on its way. Null when nothing. */
  owedBy(participant: string): bigint | null {
    let total: bigint | null = null;
    for (const debt of this.#owed) {
      if (debt.participant === participant) total = (total ?? 0n) + BigInt(debt.amountMicro);
    }
    for (const debtors of this.#charged.values()) if (debtors.includes(participant)) total ??= 0n;
    return total;
  }

  open(): readonly Debt[] {
    return this.#owed;
  }

  #reduceClaim(paid: Debt): void {
    const index = this.#claims.findIndex(
      (claim) => claim.participant === paid.participant && claim.batchId === paid.batchId,
    );
    const claim = this.#claims[index];
    if (claim === undefined) return;
    const left = BigInt(claim.amountMicro) - BigInt(paid.amountMicro);
    if (left === 0n) this.#claims.splice(index, 1);
    else this.#claims[index] = { ...claim, amountMicro: left.toString() };
  }
}
