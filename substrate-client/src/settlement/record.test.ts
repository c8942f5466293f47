import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMUNITY_FUND, parseAmount, type BundleRecord, type SettlementRecord } from '@commonwatt/domain';
import { checkClaims } from '../verify/claims-check.ts';
import { checkNets, checkPayments } from '../verify/settlement-check.ts';
import { claimsAfter, type Claim } from './claims.ts';
import type { Means } from './means.ts';
import type { SlotOfBatch } from './netting.ts';
import { settlementRecord } from './record.ts';

const keyOf = (participant: string): string => Buffer.from(participant.padEnd(32, '.')).toString('hex');
const RICH: Means = { balanceMicro: 10n ** 15n, approvalMicro: 10n ** 15n };
const NO_ACCOUNT: Partial<Means> = { cannotReceive: 'no place for the asset' };

/** A slot whose lines give everyone so many micro-units; the fund takes what is over. */
function slotWith(micro: Record<string, number>): SlotOfBatch {
  const total = Object.values(micro).reduce((sum, amount) => sum + amount, 0);
  const all = { ...micro, [COMMUNITY_FUND]: (micro[COMMUNITY_FUND] ?? 0) - total };
  const records = Object.entries(all).flatMap(([participant, amount]): BundleRecord[] => [
    {
      type: 'participant',
      participant: { id: participant, accountKey: keyOf(participant), role: 'household' },
    },
    {
      type: 'line',
      line: {
        participant,
        reason: 'sold',
        energyWh: 0,
        priceMicroPerKwh: 0,
        amountNano: String(BigInt(amount) * 1000n),
        text: '',
      },
    },
  ]);
  return { slot: '2026-06-01T12:00:00Z', root: '00'.repeat(32), records };
}

interface Batch {
  readonly micro: Record<string, number>;
  readonly means?: Record<string, Partial<Means>>;
}

/** Batches after each other, each with what the ones before have kept. */
function settleAll(batches: readonly Batch[]): { records: SettlementRecord[]; slots: SlotOfBatch[] } {
  const records: SettlementRecord[] = [];
  const slots = batches.map(({ micro }) => slotWith(micro));
  batches.forEach(({ means }, index) => {
    const { claims, overdrawn } = claimsAfter(records);
    expect(overdrawn).toEqual([]);
    const names = new Set(
      slots.flatMap((slot) => slot.records.flatMap((r) => (r.type === 'line' ? r.line.participant : []))),
    );
    const all = new Map([...names].map((name) => [keyOf(name), { ...RICH, ...means?.[name] }]));
    records.push(settlementRecord('test', `b-${index + 1}`, [slots[index]!], all, claims));
  });
  return { records, slots };
}

/** `in a 3; out b 2` */
const moves = (record: SettlementRecord): string =>
  record.payments
    .map(({ direction, participant, amountMicro }) => `${direction} ${participant} ${amountMicro}`)
    .join('; ');
const kept = (claims: readonly Claim[]): string =>
  claims
    .map(({ participant, batchId, amountMicro }) => `${participant} ${batchId} ${amountMicro}`)
    .join('; ');

function problems(records: readonly SettlementRecord[], slots: readonly SlotOfBatch[]): string[] {
  const batches = records.map((record, index) => ({ record, records: slots[index]!.records }));
  return [
    ...records.flatMap((record, index) => [...checkPayments(record), ...checkNets(record, [slots[index]!])]),
    ...checkClaims(batches, () => false).faults,
  ].map(({ record, what }) => `${record}: ${what}`);
}

describe('a receiver that cannot be paid', () => {
  const cases: [what: string, batches: Batch[], payments: string[], keptAfter: string][] = [
    [
      'has it kept by the settlement account, and gets it when it can be paid',
      [{ micro: { a: -100, b: 60, c: 40 }, means: { b: NO_ACCOUNT } }, { micro: { a: -10, b: 10 } }],
      ['in a 100; out c 40', 'in a 10; out b 70'],
      '',
    ],
    [
      'gets it though it has no part in the later batch',
      [{ micro: { a: -100, b: 60, c: 40 }, means: { b: NO_ACCOUNT } }, { micro: { a: -10, c: 10 } }],
      ['in a 100; out c 40', 'in a 10; out b 60; out c 10'],
      '',
    ],
    [
      'waits as long as it takes, and claims add up',
      [
        { micro: { a: -100, b: 60, c: 40 }, means: { b: NO_ACCOUNT } },
        { micro: { a: -5, b: 5 }, means: { b: NO_ACCOUNT } },
        { micro: { a: -5, c: 5 }, means: { b: NO_ACCOUNT } },
      ],
      ['in a 100; out c 40', 'in a 5', 'in a 5; out c 5'],
      'b b-1 60; b b-2 5',
    ],
    [
      'is paid together what would each be below the minimum',
      [
        { micro: { a: -9, b: 6, c: 3 }, means: { b: { receivesFromMicro: 10n } } },
        { micro: { a: -4, b: 4 }, means: { b: { receivesFromMicro: 10n } } },
      ],
      ['in a 9; out c 3', 'in a 4; out b 10'],
      '',
    ],
    [
      'pays from what is kept first, oldest first, and only then from its account',
      [
        { micro: { a: -100, b: 60, c: 40 }, means: { b: NO_ACCOUNT } },
        { micro: { a: -5, b: 5 }, means: { b: NO_ACCOUNT } },
        { micro: { b: -62, c: 62 }, means: { b: NO_ACCOUNT } },
        { micro: { b: -10, c: 10 }, means: { b: { ...NO_ACCOUNT, balanceMicro: 7n } } },
      ],
      ['in a 100; out c 40', 'in a 5', 'out c 62', 'in b 7; out c 10'],
      '',
    ],
    [
      'is cut like everyone else, and keeps the rest',
      [
        {
          micro: { a: -100, b: 60, c: 40 },
          means: {
            a: { approvalMicro: 0n },
            b: NO_ACCOUNT,
            [COMMUNITY_FUND]: { balanceMicro: 0n },
          },
        },
        {
          micro: { a: -50, d: -50, b: 60, c: 40 },
          means: {
            a: { cannotPay: 'its account is frozen' },
            b: NO_ACCOUNT,
            [COMMUNITY_FUND]: { balanceMicro: 0n },
          },
        },
      ],
      ['', 'in d 50; out c 20'],
      'b b-2 30',
    ],
    [
      'may be the fund, which covers gaps with what is kept for it',
      [
        { micro: { a: -100, [COMMUNITY_FUND]: 100 }, means: { [COMMUNITY_FUND]: NO_ACCOUNT } },
        {
          micro: { a: -30, b: 30 },
          means: { a: { balanceMicro: 0n }, [COMMUNITY_FUND]: { ...NO_ACCOUNT, balanceMicro: 0n } },
        },
      ],
      ['in a 100', 'out b 30'],
      `${COMMUNITY_FUND} b-1 70`,
    ],
  ];

  it.each(cases)('%s', (_what, batches, payments, keptAfter) => {
    const { records, slots } = settleAll(batches);
    expect(records.map(moves)).toEqual(payments);
    expect(kept(claimsAfter(records).claims)).toBe(keptAfter);
    expect(problems(records, slots)).toEqual([]);
  });

  it('is named with the reason', () => {
    const { records } = settleAll([
      { micro: { a: -9, b: 6, c: 3 }, means: { b: { receivesFromMicro: 10n }, c: NO_ACCOUNT } },
    ]);
    expect(records[0]!.held?.map(({ participant, why }) => `${participant}: ${why}`)).toEqual([
      "b: it does not hold the asset yet, and 6 is below the asset's minimum of 10 micro-units",
      'c: no place for the asset',
    ]);
  });

  it('leaves no trace in the record of a batch that pays everyone', () => {
    const { records } = settleAll([{ micro: { a: -9, b: 9 } }]);
    expect(Object.keys(records[0]!)).not.toContain('held');
    expect(Object.keys(records[0]!)).not.toContain('released');
  });
});

describe('verify, about what is kept', () => {
  const honest = settleAll([
    { micro: { a: -100, b: 60, c: 40 }, means: { b: NO_ACCOUNT } },
    { micro: { a: -5, b: 5 }, means: { b: NO_ACCOUNT } },
    { micro: { a: -10, b: 10 } },
  ]);
  const [first, second, third] = honest.records as [SettlementRecord, SettlementRecord, SettlementRecord];
  const lies: [what: string, records: SettlementRecord[], fault: RegExp][] = [
    ['money that is gone', [{ ...first, held: [] }, second, third], /settlement payment b: does not follow/],
    [
      'more released than was kept',
      [first, second, { ...third, released: [{ participant: 'b', batchId: 'b-1', amountMicro: '61' }] }],
      /was not kept since batch b-1/,
    ],
    [
      'less paid than is kept',
      [
        first,
        second,
        {
          ...third,
          released: third.released!.slice(0, 1),
          payments: third.payments.map((payment) =>
            payment.direction === 'out' ? { ...payment, amountMicro: '70' } : payment,
          ),
        },
      ],
      /payment b: leaves out what is kept for it/,
    ],
    [
      'the younger claim before the older',
      [
        first,
        second,
        {
          ...third,
          released: third.released!.slice(1),
          payments: third.payments.map((payment) =>
            payment.direction === 'out' ? { ...payment, amountMicro: '15' } : payment,
          ),
        },
      ],
      /batch b-2 came before an older claim/,
    ],
    [
      'an account of somebody else',
      [{ ...first, held: [{ ...first.held![0]!, accountKey: keyOf('c') }] }, second, third],
      /names an account that is not in the nets/,
    ],
    [
      'another cut than the rule gives',
      [
        {
          ...first,
          unpaid: [{ participant: 'a', amountMicro: '100', why: 'poor' }],
          cuts: [
            { participant: 'b', amountMicro: '60' },
            { participant: 'c', amountMicro: '39' },
          ],
          fundCoverMicro: '1',
        },
      ],
      /settlement cut b: does not follow/,
    ],
  ];

  it('has nothing to say about an honest one', () => {
    expect(problems(honest.records, honest.slots)).toEqual([]);
  });

  it.each(lies)('finds %s', (_what, records, fault) => {
    expect(problems(records, honest.slots).join('\n')).toMatch(fault);
  });
});

describe('any sequence of batches', () => {
  const names = ['a', 'b', 'c', 'd', 'supplier', COMMUNITY_FUND];
  const amount = fc.integer({ min: -3000, max: 3000 });
  const purse = fc.bigInt({ min: 0n, max: 4000n });
  const account = fc.record({
    balanceMicro: purse,
    approvalMicro: purse,
    cannotPay: fc.constantFrom(null, null, null, 'frozen'),
    cannotReceive: fc.constantFrom(null, null, 'no account'),
    receivesFromMicro: fc.constantFrom(1n, 1n, 500n),
  });
  const batch = fc.record({
    micro: fc.dictionary(fc.constantFrom(...names.slice(0, 5)), amount, { minKeys: 1, maxKeys: 5 }),
    means: fc.record(Object.fromEntries(names.map((name) => [name, account]))),
  });

  it('keeps every micro-unit: what came in went out or is kept, and everyone has what its nets, cuts and debts say', () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 6 }), (batches) => {
        const { records, slots } = settleAll(batches as Batch[]);
        expect(problems(records, slots)).toEqual([]);
        const { claims, overdrawn } = claimsAfter(records);
        expect(overdrawn).toEqual([]);
        const has: Record<string, bigint> = {};
        const due: Record<string, bigint> = {};
        const add = (to: Record<string, bigint>, name: string, micro: bigint): void => {
          to[name] = (to[name] ?? 0n) + micro;
        };
        let inMicro = 0n;
        for (const [index, record] of records.entries()) {
          const means = (batches[index] as Batch).means!;
          for (const { participant, direction, amountMicro } of record.payments) {
            const micro = parseAmount(amountMicro);
            const of = means[participant]!;
            // The chain would carry out every payment.
            expect(
              direction === 'in'
                ? of.cannotPay === null && of.balanceMicro! >= micro && of.approvalMicro! >= micro
                : of.cannotReceive === null && micro >= of.receivesFromMicro!,
            ).toBe(true);
            add(has, participant, direction === 'in' ? -micro : micro);
            inMicro += direction === 'in' ? micro : -micro;
          }
          for (const net of record.nets) add(due, net.participant, parseAmount(net.amountMicro));
          for (const { participant, amountMicro } of record.unpaid)
            add(due, participant, parseAmount(amountMicro));
          for (const { participant, amountMicro } of record.cuts)
            add(due, participant, -parseAmount(amountMicro));
          add(due, COMMUNITY_FUND, -parseAmount(record.fundCoverMicro));
        }
        for (const { participant, amountMicro } of claims) {
          add(has, participant, amountMicro);
          inMicro -= amountMicro;
        }
        expect(inMicro).toBe(0n);
        for (const name of names) expect(has[name] ?? 0n).toBe(due[name] ?? 0n);
      }),
      { numRuns: 400 },
    );
  });
});
