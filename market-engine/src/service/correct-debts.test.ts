import { COMMUNITY_FUND } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Debt } from '../journal/rows.ts';
import { correctDebts } from './correct-debts.ts';

const BATCH = 'b-1';
/** `a 5, b 3` */
const list = (text: string): Debt[] =>
  text === ''
    ? []
    : text.split(', ').map((entry) => {
        const [participant, amountMicro] = entry.split(' ') as [string, string];
        return { participant, batchId: BATCH, amountMicro };
      });
const text = (entries: readonly Debt[]): string =>
  entries.map(({ participant, amountMicro }) => `${participant} ${amountMicro}`).join(', ');

describe('debts of a batch that was carried out again', () => {
  it.each<
    [
      string,
      open: [string, string],
      before: [string, string] | null,
      after: [string, string],
      result: [string, string],
    ]
  >([
    ['are new the first time', ['', ''], null, ['a 10', 'b 4'], ['a 10', 'b 4']],
    ['are gone when all could pay', ['a 10', 'b 4'], ['a 10', 'b 4'], ['', ''], ['', '']],
    [
      'are less, or more',
      ['a 10, c 5', 'b 4'],
      ['a 10, c 5', 'b 4'],
      ['a 7, c 6', 'b 2'],
      ['a 7, c 6', 'b 2'],
    ],
    ['are given back when they were charged already', ['', ''], ['a 10', 'b 10'], ['', ''], ['b 10', 'a 10']],
    [
      'are given back by the fund that had taken them',
      ['', ''],
      ['a 10', ''],
      ['', ''],
      [`${COMMUNITY_FUND} 10`, 'a 10'],
    ],
    // The fund was paid back 6 and advanced nothing in the end.
    [
      'are of somebody else',
      ['', ''],
      ['a 10', 'b 4'],
      ['c 8', 'b 8'],
      [`c 8, ${COMMUNITY_FUND} 6`, 'a 10, b 4'],
    ],
    [
      'are given back as far as they were charged',
      ['a 4', 'b 4'],
      ['a 10', 'b 10'],
      ['', ''],
      ['b 6', 'a 6'],
    ],
  ])('%s', (_what, open, before, after, result) => {
    const outcome = ([debts, claims]: [string, string]) => ({
      batchId: BATCH,
      debts: list(debts),
      claims: list(claims),
    });
    const found = correctDebts(
      { owed: list(open[0]), claims: list(open[1]) },
      before === null ? null : outcome(before),
      outcome(after),
    );
    expect([text(found.owed), text(found.claims)]).toEqual(result);
  });

  it('leave everyone with what the last outcome says, however much was charged and paid before', () => {
    const names = ['a', 'b', 'c', 'd'];
    const amounts = fc.array(fc.nat(50), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(
        amounts,
        amounts,
        amounts,
        amounts,
        fc.nat(100),
        (debts, debtsAfter, cuts, cutsAfter, share) => {
          const entries = (list: readonly number[], most: number): Debt[] => {
            // Cuts never exceed what was not paid.
            let left = most;
            return names.flatMap((participant, index) => {
              const micro = Math.min(left, list[index]!);
              left -= micro;
              return micro === 0 ? [] : [{ participant, batchId: BATCH, amountMicro: String(micro) }];
            });
          };
          const sum = (list: readonly Debt[]): number => list.reduce((s, d) => s + Number(d.amountMicro), 0);
          const of = (list: readonly Debt[], name: string): number =>
            sum(list.filter(({ participant }) => participant === name));
          const outcome = (d: readonly number[], c: readonly number[]) => {
            const found = entries(d, Number.MAX_SAFE_INTEGER);
            return { batchId: BATCH, debts: found, claims: entries(c, sum(found)) };
          };
          const [before, after] = [outcome(debts, cuts), outcome(debtsAfter, cutsAfter)];
          // Some of the debts are charged: they paid the claims first, and then the fund.
          const charged = before.debts.slice(0, Math.round((before.debts.length * share) / 100));
          let money = sum(charged);
          const claims = before.claims.flatMap((claim) => {
            const paid = Math.min(money, Number(claim.amountMicro));
            money -= paid;
            const left = Number(claim.amountMicro) - paid;
            return left === 0 ? [] : [{ ...claim, amountMicro: String(left) }];
          });
          const open = { owed: before.debts.slice(charged.length), claims };
          const found = correctDebts(open, before, after);
          for (const name of names) {
            const chargedOf = of(charged, name);
            const paidOf = of(before.claims, name) - of(claims, name);
            const finally_ = chargedOf - paidOf + of(found.owed, name) - of(found.claims, name);
            expect(finally_).toBe(of(after.debts, name) - of(after.claims, name));
          }
          // All that is claimed is owed by somebody.
          expect(sum(found.owed)).toBeGreaterThanOrEqual(sum(found.claims));
        },
      ),
      { numRuns: 300 },
    );
  });
});
