import type { FeederVerdict, MarketRules, QualityFlag } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOT } from '../auction/books.fixture.ts';
import { FEEDER, participantsOf, RULES, signedReading } from '../statement/community.fixture.ts';
import { checkFeeder, type FeederFacts } from './check.ts';

type Energy = readonly [importWh: number, exportWh: number, flag?: QualityFlag];

const rules: MarketRules = { ...RULES, feederLossPermille: 50, feederLossW: 40, feederToleranceWh: 10 };

/** Four homes, `home-0` on; a home given as null is estimated at 0. */
function facts(feeder: Energy | null, homes: readonly (Energy | null)[]): FeederFacts {
  const names = homes.map((_, index) => `home-${index}`);
  const reading = (participant: string, [importWh, exportWh, flag]: Energy) =>
    signedReading(participant, importWh, exportWh, { flags: flag === undefined ? [] : [flag] }).payload;
  return {
    rules,
    slot: SLOT,
    participants: participantsOf(names, FEEDER),
    readings: [
      ...homes.flatMap((home, index) => (home === null ? [] : [reading(names[index] ?? '', home)])),
      ...(feeder === null ? [] : [reading(FEEDER, feeder)]),
    ],
    estimates: homes.flatMap((home, index) =>
      home === null
        ? [{ participant: names[index] ?? '', slot: SLOT, importWh: 0, exportWh: 0, basis: 'test' }]
        : [],
    ),
  };
}

/** 1600 Wh in, 400 Wh out: throughput 2000, so at most 100 + 10 Wh are lost; tolerance 10 x sqrt(4) = 20. */
const HOMES: readonly Energy[] = [
  [1000, 0],
  [600, 0],
  [0, 300],
  [0, 100],
];

describe('a slot held against the feeder meter', () => {
  it.each<[what: string, feeder: Energy | null, homes: readonly (Energy | null)[], verdict: FeederVerdict]>([
    ['nothing is lost', [1200, 0], HOMES, 'normal'],
    ['the usual loss', [1260, 0], HOMES, 'normal'],
    ['the most that may be lost, and the tolerance', [1330, 0], HOMES, 'normal'],
    ['one Wh more: somebody draws without a meter', [1331, 0], HOMES, 'loss'],
    ['the tolerance the other way', [1180, 0], HOMES, 'normal'],
    ['one Wh less: a meter counts too much', [1179, 0], HOMES, 'gain'],
    ['both ways at the feeder: the difference counts', [1500, 300], HOMES, 'normal'],
    [
      'a feeder that gives',
      [0, 1200],
      [
        [0, 1250],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      'normal',
    ],
    [
      'homes that say they gave more than came out',
      [0, 1000],
      [
        [0, 1250],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      'loss',
    ],
    [
      'homes that say they gave less than came out',
      [0, 1250],
      [
        [0, 1000],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      'gain',
    ],
    [
      'nobody moves anything',
      [10, 0],
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      'normal',
    ],
    ['no reading of the feeder', null, HOMES, 'unknown'],
    ['a home is estimated', [1200, 0], [...HOMES.slice(0, 3), null], 'unknown'],
    ["a home's meter was silent", [1200, 0], [...HOMES.slice(0, 3), [0, 0, 'stale']], 'unknown'],
    ["the feeder's counter jumped", [1200, 0, 'jump'], HOMES, 'unknown'],
    [
      'an interpolated boundary is good enough',
      [1200, 0],
      [...HOMES.slice(0, 3), [0, 100, 'interpolated']],
      'normal',
    ],
  ])('%s', (_what, feeder, homes, verdict) => {
    expect(checkFeeder(facts(feeder, homes))?.verdict).toBe(verdict);
  });

  it('says all it looked at', () => {
    expect(checkFeeder(facts([1260, 0], [...HOMES.slice(0, 3), [0, 100, 'stale']]))).toEqual({
      slot: SLOT,
      feeder: FEEDER,
      importWh: 1260,
      exportWh: 0,
      homesImportWh: 1600,
      homesExportWh: 400,
      homes: 4,
      homesInDoubt: 1,
      differenceWh: 60,
      lossWhMax: 110,
      toleranceWh: 20,
      verdict: 'unknown',
    });
  });

  it('is silent in a community without a feeder meter', () => {
    const without = { ...facts(null, HOMES), participants: participantsOf(['home-0']) };
    expect(checkFeeder(without)).toBeNull();
  });

  it('is normal exactly when the physical loss lies within the rules', () => {
    const energy = fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 5000 }));
    fc.assert(
      fc.property(
        fc.array(energy, { minLength: 1, maxLength: 30 }),
        fc.nat({ max: 3000 }),
        (homes, lossWh) => {
          const netWh = homes.reduce((sum, [importWh, exportWh]) => sum + importWh - exportWh, lossWh);
          const check = checkFeeder(facts([Math.max(netWh, 0), Math.max(-netWh, 0)], homes));
          const throughputWh = homes.reduce((sum, [importWh, exportWh]) => sum + importWh + exportWh, 0);
          const most = Math.floor(throughputWh / 20) + 10 + Math.floor(10 * Math.sqrt(homes.length));
          expect(check).toMatchObject({ differenceWh: lossWh, verdict: lossWh > most ? 'loss' : 'normal' });
        },
      ),
    );
  });
});
