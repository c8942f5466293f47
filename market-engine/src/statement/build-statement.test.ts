import { costNano, sum, type StatementLine } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOT } from '../auction/books.fixture.ts';
import { buildStatement, statementTotals } from './build-statement.ts';
import { arbitraryInput, clearingOf, participantsOf, RULES, trueUpOf } from './community.fixture.ts';
import type { StatementInput } from './statement-input.ts';

const HOMES = ['alice', 'bob', 'carol'];
const nothingTraded = clearingOf({});

function inputOf(changes: Partial<StatementInput>): StatementInput {
  return {
    rules: RULES,
    slot: SLOT,
    participants: participantsOf(HOMES),
    clearing: nothingTraded,
    metered: HOMES.map((participant) => ({ participant, importWh: 0, exportWh: 0, source: 'reading' })),
    trueUps: [],
    carries: [],
    ...changes,
  };
}

/** Import and export of alice, bob and carol. */
function metered(...energies: readonly (readonly [number, number])[]): StatementInput['metered'] {
  return HOMES.map((participant, n) => {
    const [importWh, exportWh] = energies[n] ?? [0, 0];
    return { participant, importWh, exportWh, source: 'reading' };
  });
}

/** `alice bought -800 @ 165000 = -132000000`. */
function shown(lines: readonly StatementLine[]): string[] {
  return lines.map(
    (l) => `${l.participant} ${l.reason} ${l.energyWh} @ ${l.priceMicroPerKwh} = ${l.amountNano}`,
  );
}

describe('the statement, for every input', () => {
  const everyInput = (holds: (input: StatementInput) => void): void =>
    fc.assert(fc.property(arbitraryInput, holds), { numRuns: 200 });

  it('cash sums to zero, in whole nano-units', () => {
    everyInput((input) => {
      expect(sum(statementTotals(buildStatement(input)).values())).toBe(0n);
    });
  });

  it('traded + imbalance = metered for everyone, in whole Wh', () => {
    everyInput((input) => {
      const { positions } = buildStatement(input);
      expect(positions.map(({ participant }) => participant)).toEqual(
        input.metered.map(({ participant }) => participant).toSorted(),
      );
      for (const { participant, meteredWh, tradedWh, imbalanceWh } of positions) {
        const meter = input.metered.find((m) => m.participant === participant);
        expect(meteredWh).toBe((meter?.exportWh ?? 0) - (meter?.importWh ?? 0));
        expect(tradedWh + imbalanceWh).toBe(meteredWh);
      }
      expect(positions.reduce((total, { tradedWh }) => total + tradedWh, 0)).toBe(0);
    });
  });

  it('what is traded has a price between feed-in and retail', () => {
    everyInput((input) => {
      const { retailMicroPerKwh, feedInMicroPerKwh } = input.rules;
      for (const line of buildStatement(input).lines) {
        const inside =
          line.priceMicroPerKwh >= feedInMicroPerKwh && line.priceMicroPerKwh <= retailMicroPerKwh;
        expect(inside || !['bought', 'sold'].includes(line.reason)).toBe(true);
      }
    });
  });

  it('a line is its energy times its price, and says so in words', () => {
    everyInput((input) => {
      for (const line of buildStatement(input).lines) {
        const isMoneyOnly = line.reason === 'debt' || line.reason === 'claim';
        const amount = isMoneyOnly ? line.amountNano : String(costNano(line.energyWh, line.priceMicroPerKwh));
        expect(line.amountNano).toBe(amount);
        expect(line.text.length).toBeGreaterThan(10);
      }
    });
  });

  it('the lines of a participant add up to its position, valued', () => {
    everyInput((input) => {
      const { positions, lines } = buildStatement(input);
      for (const { participant, tradedWh, imbalanceWh } of positions) {
        const energyOf = (...reasons: string[]): number =>
          lines
            .filter((l) => l.participant === participant && reasons.includes(l.reason))
            .reduce((total, l) => total + l.energyWh, 0);
        expect(energyOf('bought', 'sold')).toBe(tradedWh);
        expect(energyOf('short', 'surplus')).toBe(imbalanceWh);
      }
    });
  });

  it('supplier and households together: energy is neither made nor lost', () => {
    everyInput((input) => {
      const { positions, lines } = buildStatement(input);
      const supplied = lines
        .filter((l) => l.reason === 'supplier-sold' || l.reason === 'supplier-bought')
        .reduce((total, l) => total + l.energyWh, 0);
      expect(positions.reduce((total, { meteredWh }) => total + meteredWh, supplied)).toBe(0);
    });
  });

  it('the same input in another order gives the same statement', () => {
    everyInput((input) => {
      const turned = {
        ...input,
        metered: input.metered.toReversed(),
        participants: input.participants.toReversed(),
        trueUps: input.trueUps.toReversed(),
        carries: input.carries.toReversed(),
      };
      expect(buildStatement(turned)).toEqual(buildStatement(input));
    });
  });

  it('nobody is worse off for trading what it then delivers or uses', () => {
    everyInput((input) => {
      const { retailMicroPerKwh: retail, feedInMicroPerKwh: feedIn } = input.rules;
      const asTraded = input.metered.map(({ participant }) => {
        const bought = input.clearing.trades.filter((t) => t.buyer === participant);
        const sold = input.clearing.trades.filter((t) => t.seller === participant);
        const energy = (trades: typeof bought): number => trades.reduce((total, t) => total + t.energyWh, 0);
        return { participant, importWh: energy(bought), exportWh: energy(sold), source: 'reading' as const };
      });
      const noFees = { ...input.rules, networkFeeMicroPerKwh: 0, levyMicroPerKwh: 0 };
      const totals = statementTotals(
        buildStatement({ ...input, rules: noFees, metered: asTraded, trueUps: [], carries: [] }),
      );
      for (const { participant, importWh, exportWh } of asTraded) {
        const without = costNano(exportWh, feedIn) - costNano(importWh, retail);
        expect((totals.get(participant) ?? 0n) >= without).toBe(true);
      }
    });
  });
});

describe('the statement, by example', () => {
  const traded = clearingOf({ alice: ['bid', 1000, 250_000], bob: ['offer', 800, 80_000] });

  it('a trade delivered as agreed', () => {
    const { lines, positions } = buildStatement(
      inputOf({ clearing: traded, metered: metered([800, 0], [0, 800]) }),
    );
    expect(shown(lines)).toEqual([
      'alice bought -800 @ 250000 = -200000000',
      'bob sold 800 @ 250000 = 200000000',
    ]);
    expect(positions).toEqual([
      { participant: 'alice', meteredWh: -800, tradedWh: -800, imbalanceWh: 0, source: 'reading' },
      { participant: 'bob', meteredWh: 800, tradedWh: 800, imbalanceWh: 0, source: 'reading' },
      { participant: 'carol', meteredWh: 0, tradedWh: 0, imbalanceWh: 0, source: 'reading' },
    ]);
  });

  it('short and surplus: what balances inside earns the fund the spread', () => {
    const { lines } = buildStatement(inputOf({ metered: metered([1000, 0], [0, 600]) }));
    expect(shown(lines)).toEqual([
      'alice short -1000 @ 250000 = -250000000',
      'bob surplus 600 @ 80000 = 48000000',
      'supplier supplier-sold 400 @ 250000 = 100000000',
      'community-fund fund-share 600 @ 170000 = 102000000',
    ]);
  });

  it('more surplus than shortage: the supplier buys', () => {
    const { lines } = buildStatement(inputOf({ metered: metered([100, 0], [0, 600]) }));
    expect(shown(lines)).toContain('supplier supplier-bought -500 @ 80000 = -40000000');
  });

  it('a buyer that used less has a surplus, a seller that delivered less is short', () => {
    const { lines } = buildStatement(inputOf({ clearing: traded, metered: metered([700, 0], [0, 500]) }));
    expect(shown(lines).slice(2)).toEqual([
      'alice surplus 100 @ 80000 = 8000000',
      'bob short -300 @ 250000 = -75000000',
      'supplier supplier-sold 200 @ 250000 = 50000000',
      'community-fund fund-share 100 @ 170000 = 17000000',
    ]);
  });

  it('fees on every Wh drawn, to the fund', () => {
    const rules = { ...RULES, networkFeeMicroPerKwh: 50_000, levyMicroPerKwh: 20_000 };
    const { lines } = buildStatement(inputOf({ rules, metered: metered([1000, 200], [500, 0]) }));
    expect(shown(lines).slice(3)).toEqual([
      'alice network-fee -1000 @ 50000 = -50000000',
      'bob network-fee -500 @ 50000 = -25000000',
      'community-fund network-fee 1500 @ 50000 = 75000000',
      'alice levy -1000 @ 20000 = -20000000',
      'bob levy -500 @ 20000 = -10000000',
      'community-fund levy 1500 @ 20000 = 30000000',
    ]);
  });

  it('the gap of a reduction goes to the fund', () => {
    const clearing = clearingOf(
      {
        alice: ['bid', 10, 240_000],
        bob: ['offer', 10, 90_000],
        carol: ['bid', 10, 200_000],
        dave: ['offer', 10, 195_000],
      },
      'mcafee',
    );
    const participants = participantsOf([...HOMES, 'dave']);
    const meters = [
      ...metered([10, 0], [0, 10]),
      { participant: 'dave', importWh: 0, exportWh: 0, source: 'reading' as const },
    ];
    expect(shown(buildStatement(inputOf({ clearing, participants, metered: meters })).lines)).toEqual([
      'alice bought -10 @ 200000 = -2000000',
      'bob sold 10 @ 195000 = 1950000',
      'community-fund price-gap 10 @ 5000 = 50000',
    ]);
  });

  it.each([
    [
      'drew less than estimated',
      [1000, 0],
      [800, 0],
      undefined,
      ['alice 200 @ 250000', 'supplier -200 @ 250000'],
    ],
    [
      'drew more than estimated',
      [1000, 0],
      [1100, 0],
      undefined,
      ['alice -100 @ 250000', 'supplier 100 @ 250000'],
    ],
    ['delivered more', [0, 500], [0, 700], undefined, ['alice 200 @ 80000', 'supplier -200 @ 80000']],
    ['delivered less', [0, 500], [0, 400], undefined, ['alice -100 @ 80000', 'supplier 100 @ 80000']],
    [
      'drew where it was to deliver',
      [0, 100],
      [50, 0],
      undefined,
      ['alice -50 @ 250000', 'supplier 50 @ 250000', 'alice -100 @ 80000', 'supplier 100 @ 80000'],
    ],
    [
      'short of what it had sold',
      [0, 1000],
      [0, 900],
      1000,
      ['alice -100 @ 250000', 'supplier 100 @ 250000'],
    ],
    ['beyond what it had bought', [1000, 0], [900, 0], -1000, ['alice 100 @ 80000', 'supplier -100 @ 80000']],
    ['just as estimated', [300, 0], [300, 0], undefined, []],
  ] as const)('a late reading: %s', (_, estimated, read, tradedWh, expected) => {
    const { lines } = buildStatement(inputOf({ trueUps: [trueUpOf('alice', estimated, read, tradedWh)] }));
    expect(lines.map((l) => `${l.participant} ${l.energyWh} @ ${l.priceMicroPerKwh}`)).toEqual(expected);
    expect(lines.every((l) => l.reason === 'true-up' && l.reference === '2026-06-01T11:00:00Z')).toBe(true);
  });

  it('estimate and true-up together cost what the reading would have cost', () => {
    const rules = { ...RULES, networkFeeMicroPerKwh: 50_000 };
    const home = fc.tuple(fc.nat(5000), fc.nat(5000));
    fc.assert(
      fc.property(home, home, fc.integer({ min: -800, max: 800 }), (estimated, read, traded) => {
        const clearing =
          traded === 0
            ? nothingTraded
            : clearingOf({
                alice: [traded < 0 ? 'bid' : 'offer', Math.abs(traded), 100_000],
                bob: [traded < 0 ? 'offer' : 'bid', Math.abs(traded), 100_000],
              });
        const aliceNet = (changes: Partial<StatementInput>): bigint =>
          statementTotals(buildStatement(inputOf({ rules, ...changes }))).get('alice') ?? 0n;
        const trueUps = [trueUpOf('alice', estimated, read, traded)];
        expect(aliceNet({ clearing, metered: metered(estimated) }) + aliceNet({ trueUps })).toBe(
          aliceNet({ clearing, metered: metered(read) }),
        );
      }),
    );
  });

  it('a debt pays the claims, oldest first, then the fund', () => {
    const claims = [
      { participant: 'bob', batchId: 'b1', amountMicro: '400' },
      { participant: 'carol', batchId: 'b2', amountMicro: '100' },
    ];
    const linesFor = (amountMicro: string): string[] =>
      shown(
        buildStatement(inputOf({ carries: [{ debtor: 'alice', batchId: 'b1', amountMicro, claims }] })).lines,
      );
    expect(linesFor('1000')).toEqual([
      'alice debt 0 @ 0 = -1000000',
      'bob claim 0 @ 0 = 400000',
      'carol claim 0 @ 0 = 100000',
      'community-fund claim 0 @ 0 = 500000',
    ]);
    expect(linesFor('450').slice(1)).toEqual(['bob claim 0 @ 0 = 400000', 'carol claim 0 @ 0 = 50000']);
    expect(linesFor('300').slice(1)).toEqual(['bob claim 0 @ 0 = 300000']);
  });

  it('reads like a bill', () => {
    const rules = { ...RULES, networkFeeMicroPerKwh: 12_345 };
    const meters = metered([1234, 0], [0, 700]).map((meter) =>
      meter.participant === 'bob' ? { ...meter, source: 'estimate' as const } : meter,
    );
    const carries = [
      {
        debtor: 'carol',
        batchId: 'batch-7',
        amountMicro: '5',
        claims: [{ participant: 'bob', batchId: 'batch-7', amountMicro: '3' }],
      },
    ];
    const trueUps = [trueUpOf('carol', [1000, 0], [900, 0])];
    const { lines } = buildStatement(inputOf({ rules, clearing: traded, metered: meters, carries, trueUps }));
    expect(lines.map(({ participant, text }) => `${participant}: ${text}`)).toEqual([
      'alice: Bought 0.800 kWh from bob at 0.25 per kWh',
      'bob: Sold 0.800 kWh to alice at 0.25 per kWh',
      'alice: 0.434 kWh short of the position, bought at the retail price of 0.25 per kWh',
      'bob: 0.100 kWh short of the position, bought at the retail price of 0.25 per kWh (metered by estimate)',
      'supplier: Delivered 0.534 kWh that the neighbourhood was short of, at the retail price of 0.25 per kWh',
      'alice: Network fee on 1.234 kWh drawn, 0.012345 per kWh',
      'community-fund: Network fee on 1.234 kWh drawn, 0.012345 per kWh',
      'carol: Late reading of 2026-06-01T11:00:00Z: 0.100 kWh more delivered than estimated, at 0.25 per kWh',
      'supplier: Late reading of carol for 2026-06-01T11:00:00Z: 0.100 kWh more taken, at 0.25 per kWh',
      'carol: Late reading of 2026-06-01T11:00:00Z: fees on 0.100 kWh less drawn, 0.012345 per kWh',
      'community-fund: Late reading of carol for 2026-06-01T11:00:00Z: fees on 0.100 kWh less drawn, 0.012345 per kWh',
      'carol: Not paid in batch batch-7, charged now',
      'bob: Owed since batch batch-7, paid now by carol',
      'community-fund: Advanced by the fund in batch batch-7, paid back now by carol',
    ]);
  });

  it.each<[string, Partial<StatementInput>, string]>([
    [
      'a price above retail',
      { rules: { ...RULES, retailMicroPerKwh: 200_000 }, clearing: traded },
      'out-of-range',
    ],
    [
      'a price below feed-in',
      {
        clearing: clearingOf({ alice: ['bid', 10, 90_000], bob: ['offer', 10, 10_000] }),
        rules: { ...RULES, feedInMicroPerKwh: 100_000 },
      },
      'out-of-range',
    ],
    ['feed-in above retail', { rules: { ...RULES, feedInMicroPerKwh: 300_000 } }, 'conflict'],
    ['a household without a meter', { metered: metered().slice(1) }, 'conflict'],
    ['a household metered twice', { metered: [...metered(), ...metered()] }, 'conflict'],
    ['a stranger at the meter', { participants: participantsOf(['alice', 'bob']) }, 'conflict'],
    [
      'a stranger in a trade',
      { clearing: clearingOf({ alice: ['bid', 10, 200_000], zoe: ['offer', 10, 200_000] }) },
      'conflict',
    ],
    ['a clearing of another slot', { slot: '2026-06-01T12:15:00Z' }, 'conflict'],
    ['energy below zero', { metered: metered([-1, 0]) }, 'out-of-range'],
    ['half a Wh', { metered: metered([0.5, 0]) }, 'out-of-range'],
    [
      'a true-up of this slot',
      {
        slot: '2026-06-01T11:00:00Z',
        clearing: { ...nothingTraded, slot: '2026-06-01T11:00:00Z' },
        trueUps: [trueUpOf('alice', [1, 0], [2, 0])],
      },
      'conflict',
    ],
    [
      "a true-up with another home's reading",
      {
        trueUps: [{ ...trueUpOf('alice', [1, 0], [2, 0]), reading: trueUpOf('bob', [1, 0], [2, 0]).reading }],
      },
      'conflict',
    ],
    [
      'a debt of a stranger',
      { carries: [{ debtor: 'zoe', batchId: 'b', amountMicro: '1', claims: [] }] },
      'conflict',
    ],
    [
      'a negative debt',
      { carries: [{ debtor: 'alice', batchId: 'b', amountMicro: '-1', claims: [] }] },
      'conflict',
    ],
  ])('refuses %s', (_, changes, code) => {
    expect(() => buildStatement(inputOf(changes))).toThrow(
      expect.objectContaining({ name: 'CommonwattError', code }),
    );
  });
});
