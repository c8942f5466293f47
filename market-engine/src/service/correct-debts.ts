import { COMMUNITY_FUND } from '@commonwatt/domain';
import type { Debt } from '../journal/rows.ts';

export interface Outstanding {
  /** Debts that no statement has charged yet. */
  readonly owed: readonly Debt[];
  /** Claims that no statement has paid yet, oldest first. */
  readonly claims: readonly Debt[];
}

interface Outcome {
  readonly batchId: string;
  readonly debts: readonly Debt[];
  readonly claims: readonly Debt[];
}

/**
 * What is outstanding once a batch's outcome is known, or known to be another than before (`before`: the chain took the batch back and
 * carried it out again). A debt that is less than it was becomes less; as far as a statement has charged it already, the debtor gets a
 * claim. A claim that is less becomes less; as far as it was paid already, who got it owes it. The fund owes what is then not covered:
 * it was paid back an advance that it did not make in the end. Pure.
 */
export function correctDebts(
  outstanding: Outstanding,
  before: Outcome | null,
  after: Outcome,
): { owed: Debt[]; claims: Debt[] } {
  const { batchId } = after;
  const owed = [...outstanding.owed];
  const claims = [...outstanding.claims];
  const move = (from: Debt[], to: Debt[], participant: string, changeMicro: bigint): void => {
    if (changeMicro > 0n) add(from, participant, batchId, changeMicro);
    const rest = changeMicro < 0n ? takeBack(from, participant, batchId, -changeMicro) : 0n;
    if (rest > 0n) add(to, participant, batchId, rest);
  };
  for (const [participant, change] of changes(before?.debts ?? [], after.debts))
    move(owed, claims, participant, change);
  for (const [participant, change] of changes(before?.claims ?? [], after.claims))
    move(claims, owed, participant, change);
  const missing = before === null ? 0n : total(claims) - total(owed);
  if (missing > 0n) add(owed, COMMUNITY_FUND, batchId, missing);
  return { owed, claims };
}

/** By how much each participant's amount is more (or, negative, less) than before. */
function changes(before: readonly Debt[], after: readonly Debt[]): Map<string, bigint> {
  const found = new Map<string, bigint>();
  for (const [entries, sign] of [
    [after, 1n],
    [before, -1n],
  ] as const) {
    for (const { participant, amountMicro } of entries)
      found.set(participant, (found.get(participant) ?? 0n) + sign * BigInt(amountMicro));
  }
  return found;
}

function add(open: Debt[], participant: string, batchId: string, amountMicro: bigint): void {
  const index = open.findIndex((entry) => entry.participant === participant && entry.batchId === batchId);
  const before = BigInt(open[index]?.amountMicro ?? '0');
  const entry = { participant, batchId, amountMicro: String(before + amountMicro) };
  if (index < 0) open.push(entry);
  else open[index] = entry;
}

/** Reduces what is open; returns what is not open any more. */
function takeBack(open: Debt[], participant: string, batchId: string, amountMicro: bigint): bigint {
  const index = open.findIndex((entry) => entry.participant === participant && entry.batchId === batchId);
  const entry = open[index];
  if (entry === undefined) return amountMicro;
  const left = BigInt(entry.amountMicro) - amountMicro;
  if (left > 0n) open[index] = { ...entry, amountMicro: String(left) };
  else open.splice(index, 1);
  return left < 0n ? -left : 0n;
}

function total(entries: readonly Debt[]): bigint {
  return entries.reduce((sum, { amountMicro }) => sum + BigInt(amountMicro), 0n);
}
