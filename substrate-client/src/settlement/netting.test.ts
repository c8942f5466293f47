import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMUNITY_FUND, parseAmount, type BundleRecord, type SettlementRecord } from '@commonwatt/domain';
import { checkPayments } from '../verify/settlement-check.ts';
import type { Means } from './means.ts';
import { netAmounts } from './netting.ts';
import { settlementRecord } from './record.ts';

const SLOT = '2026-06-01T12:00:00Z';
const keyOf = (participant: string): string => Buffer.from(participant.padEnd(32, '.')).toString('hex');

function slotWith(nano: Record<string, bigint>): { slot: string; root: string; records: BundleRecord[] } {
  const records = Object.entries(nano).flatMap(([participant, amountNano]): BundleRecord[] => [
    {
      type: 'participant',
      participant: { id: participant, accountKey: keyOf(participant), role: 'household' },
    },
    {
      type: 'line',
      line: {
        participant,
        reason: 'sold',
        energyWh: 1,
        priceMicroPerKwh: 1,
        amountNano: String(amountNano),
        text: '',
      },
    },
  ]);
  return { slot: SLOT, root: '00'.repeat(32), records };
}

function settle(nano: Record<string, bigint>, means: Record<string, Partial<Means>> = {}): SettlementRecord {
  const plenty: Means = { balanceMicro: 10n ** 15n, approvalMicro: 10n ** 15n };
  const all = new Map(
    Object.keys(nano).map((participant) => [keyOf(participant), { ...plenty, ...means[participant] }]),
  );
  return settlementRecord('test', 'b-1', [slotWith(nano)], all);
}

const moved = (record: SettlementRecord): Record<string, bigint> =>
  Object.fromEntries(
    record.payments.map(({ participant, direction, amountMicro }) => [
      participant,
      direction === 'in' ? -parseAmount(amountMicro) : parseAmount(amountMicro),
    ]),
  );

describe('netting', () => {
  it('rounds payers up and receivers down; the difference goes to the fund', () => {
    const record = settle({ a: -1001n, b: 1999n, c: -998n, [COMMUNITY_FUND]: 0n });
    expect(moved(record)).toEqual({ a: -2n, b: 1n, c: -1n, [COMMUNITY_FUND]: 2n });
  });

  it('takes out a payer that cannot pay; the fund covers what it can, receivers are cut pro rata for the rest', () => {
    const record = settle(
      { a: -100_000n, b: -50_000n, c: 60_000n, d: 70_000n, [COMMUNITY_FUND]: 20_000n },
      { a: { balanceMicro: 99n }, [COMMUNITY_FUND]: { approvalMicro: 10n } },
    );
    expect(record.unpaid).toEqual([
      { participant: 'a', amountMicro: '100', why: 'balance 99 below 100 micro-units' },
    ]);
    // The gap is 100; the fund gives the 20 it would receive and the 10 that can be drawn; 70 are cut: 60:70 of 130.
    expect(record.fundCoverMicro).toBe('30');
    expect(record.cuts).toEqual([
      { participant: 'c', amountMicro: '32' },
      { participant: 'd', amountMicro: '38' },
    ]);
    expect(moved(record)).toEqual({ b: -50n, c: 28n, d: 32n, [COMMUNITY_FUND]: -10n });
  });

  it('gives the odd unit of a cut to the largest remainder, then to the smaller account', () => {
    const record = settle(
      { a: -3_000n, b: -3_000n, c: 2_000n, d: 2_000n, e: 2_000n, [COMMUNITY_FUND]: 0n },
      { a: { approvalMicro: 0n }, [COMMUNITY_FUND]: { balanceMicro: 0n } },
    );
    expect(moved(record)).toEqual({ b: -3n, c: 1n, d: 1n, e: 1n });
    const odd = settle(
      { a: -1_000n, b: -5_000n, c: 2_000n, d: 2_000n, e: 2_000n, [COMMUNITY_FUND]: 0n },
      { a: { approvalMicro: 0n }, [COMMUNITY_FUND]: { balanceMicro: 0n } },
    );
    expect(odd.cuts).toEqual([{ participant: 'c', amountMicro: '1' }]);
  });

  it('refuses lines that do not sum to zero, and participants without an account', () => {
    expect(() => netAmounts([slotWith({ a: 1n })])).toThrow('not to zero');
    const records = slotWith({ a: 0n, [COMMUNITY_FUND]: 0n }).records.filter(
      (record) => record.type !== 'participant' || record.participant.id !== 'a',
    );
    expect(() => netAmounts([{ records }])).toThrow('a has statement lines but no account');
  });

  const amounts = fc.array(fc.bigInt({ min: -5_000_000n, max: 5_000_000n }), { minLength: 1, maxLength: 12 });
  const small = fc.bigInt({ min: 0n, max: 6_000n });

  it('sums to zero, rounds by less than a micro-unit each, and pays nobody more than its net', () => {
    fc.assert(
      fc.property(
        amounts,
        fc.array(fc.tuple(small, small), { minLength: 13, maxLength: 13 }),
        (list, purses) => {
          const nano: Record<string, bigint> = Object.fromEntries(
            list.map((amount, index) => [`p${index}`, amount]),
          );
          nano[COMMUNITY_FUND] = -list.reduce((sum, amount) => sum + amount, 0n);
          const means = Object.fromEntries(
            Object.keys(nano).map((participant, index) => {
              const [balanceMicro, approvalMicro] = purses[index] ?? [0n, 0n];
              return [participant, { balanceMicro, approvalMicro }];
            }),
          );
          const record = settle(nano, means);
          const nets = record.nets.map(({ amountMicro }) => parseAmount(amountMicro));
          expect(nets.reduce((sum, amount) => sum + amount, 0n)).toBe(0n);
          for (const { participant, amountNano, amountMicro } of record.nets) {
            const exact = parseAmount(amountNano);
            const lost = exact - parseAmount(amountMicro) * 1000n;
            expect(participant === COMMUNITY_FUND ? lost <= 0n : lost >= 0n && lost < 1000n).toBe(true);
          }
          const done = moved(record);
          expect(Object.values(done).reduce((sum, amount) => sum + amount, 0n)).toBe(0n);
          for (const { participant, amountMicro } of record.nets) {
            if (participant === COMMUNITY_FUND) continue;
            const net = parseAmount(amountMicro);
            const amount = done[participant] ?? 0n;
            // A receiver gets at most its net; a payer pays its net or, taken out, nothing.
            expect(net > 0n ? amount >= 0n && amount <= net : amount === net || amount === 0n).toBe(true);
          }
          for (const [participant, amount] of Object.entries(done)) {
            const { balanceMicro, approvalMicro } = means[participant]!;
            expect(amount >= 0n || (-amount <= balanceMicro && -amount <= approvalMicro)).toBe(true);
          }
          expect(checkPayments(record)).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
