import type { BundleRecord, MeterFault } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEEDER, RULES, signedReading } from '../statement/community.fixture.ts';
import { boundedFit } from './bounded-fit.ts';
import { community, homeName, type Wrong } from './communities.fixture.ts';
import { feederSlotOf, usableSlots } from './flows.ts';
import { feederReport } from './suspects.ts';

const WEEK = 672;
const HOMES = 20;

function suspectsOf(seed: number, wrong?: Wrong, homes = HOMES, slots = WEEK) {
  const data = community({ seed, homes, slots, ...(wrong === undefined ? {} : { wrong }) });
  return feederReport(FEEDER, data, RULES).suspects;
}

/** Homes 1, 5, 9 ... have a roof and a battery, 4, 8, 12 ... neither, 3, 6, 9 ... a counter with steps of 100 Wh. */
describe('a wrong meter', () => {
  it.each<[what: string, wrong: Wrong, fault: MeterFault, shows: number | null]>([
    ['counts 70 %, roof', { fault: 'scale', home: 1, shows: 0.7 }, 'scale', 700],
    ['counts 70 %, no roof', { fault: 'scale', home: 7, shows: 0.7 }, 'scale', 700],
    ['counts 80 %', { fault: 'scale', home: 9, shows: 0.8 }, 'scale', 800],
    ['counts 120 %', { fault: 'scale', home: 9, shows: 1.2 }, 'scale', 1200],
    ['counts 130 %, roof', { fault: 'scale', home: 1, shows: 1.3 }, 'scale', 1300],
    ['counts 130 %, no roof', { fault: 'scale', home: 7, shows: 1.3 }, 'scale', 1300],
    ['takes import for export, roof', { fault: 'swapped', home: 5 }, 'swapped', null],
    ['takes import for export, no roof', { fault: 'swapped', home: 3 }, 'swapped', null],
    ['stands still from the third day on, roof', { fault: 'stuck', home: 6, fromSlot: 200 }, 'stuck', 0],
    ['stands still from the third day on, no roof', { fault: 'stuck', home: 7, fromSlot: 200 }, 'stuck', 0],
    ['never moves, roof', { fault: 'stuck', home: 5 }, 'stuck', 0],
    ['a third of the use bypasses it', { fault: 'tap', home: 2, share: 0.33 }, 'tap', 670],
    ['half of the use bypasses it', { fault: 'tap', home: 6, share: 0.5 }, 'tap', 500],
  ])('is named: %s', (_what, wrong, fault, shows) => {
    for (const seed of [1, 2, 3]) {
      const suspects = suspectsOf(seed, wrong);
      const home = 'home' in wrong ? homeName(wrong.home) : FEEDER;
      expect(suspects.map((suspect) => suspect.participant)).toEqual([home]);
      const [suspect] = suspects;
      expect(suspect).toMatchObject({ fault });
      expect(suspect?.confidencePermille).toBeGreaterThanOrEqual(800);
      expect(suspect?.text.startsWith(`${home}: `)).toBe(true);
      expect(Math.abs((suspect?.showsPermille ?? 0) - (shows ?? 0))).toBeLessThan(120);
    }
  });

  it("is the feeder's own when no home explains it", () => {
    expect(suspectsOf(1, { fault: 'feeder', shows: 0.9 })).toMatchObject([
      { participant: FEEDER, fault: 'scale' },
    ]);
  });

  it('is found beside a second one', () => {
    const data = community({ seed: 4, homes: HOMES, slots: WEEK, wrong: { fault: 'swapped', home: 1 } });
    // The second counts 60 % from here on; the feeder sees what truly flowed.
    const both = data.map(({ check, homes }) => {
      const [missing] = homes.slice(9, 10).map(({ importWh, exportWh }) => ({
        importWh: importWh - Math.floor(importWh * 0.6),
        exportWh: exportWh - Math.floor(exportWh * 0.6),
      }));
      const lost = missing ?? { importWh: 0, exportWh: 0 };
      return {
        check: { ...check, differenceWh: (check.differenceWh ?? 0) + lost.importWh - lost.exportWh },
        homes: homes.map((home, index) =>
          index === 9
            ? { ...home, importWh: home.importWh - lost.importWh, exportWh: home.exportWh - lost.exportWh }
            : home,
        ),
      };
    });
    const named = feederReport(FEEDER, both, RULES).suspects.map(({ participant }) => participant);
    expect(named.toSorted()).toEqual([homeName(1), homeName(9)]);
  });
});

describe('nobody is named', () => {
  it.each([
    [100, 20, WEEK],
    [100, 8, 96],
    [100, 4, 48],
  ])('in %i honest communities of %i homes over %i slots', (runs, homes, slots) => {
    const accused = Array.from({ length: runs }, (_, seed) => suspectsOf(seed + 1, undefined, homes, slots));
    expect(accused.flat()).toEqual([]);
  });

  it('when something draws energy that belongs to no home', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const data = community({ seed, homes: 10, slots: 192, wrong: { fault: 'unmetered', powerW: 2000 } });
      expect(data.some(({ check }) => check.verdict === 'loss')).toBe(true);
      expect(feederReport(FEEDER, data, RULES).suspects).toEqual([]);
    }
  });

  it('without a feeder, or with too few slots', () => {
    const data = community({ seed: 1, homes: 8, slots: 39, wrong: { fault: 'swapped', home: 1 } });
    expect(feederReport(FEEDER, data, RULES)).toEqual({
      feeder: FEEDER,
      slots: 39,
      from: data[0]?.check.slot,
      to: data.at(-1)?.check.slot,
      suspects: [],
    });
    expect(feederReport(null, [], RULES)).toEqual({
      feeder: null,
      slots: 0,
      from: null,
      to: null,
      suspects: [],
    });
  });
});

describe('the search', () => {
  it('leaves out slots in doubt, and the one after each', () => {
    const data = community({ seed: 1, homes: 4, slots: 6 });
    const doubtful = data.map((slot, index) =>
      index === 2 ? { ...slot, check: { ...slot.check, verdict: 'unknown' as const } } : slot,
    );
    expect(usableSlots(doubtful).map((slot) => doubtful.indexOf(slot))).toEqual([0, 1, 4, 5]);
  });

  it("takes a home's own roof and battery from its reading", () => {
    const check = community({ seed: 1, homes: 1, slots: 1 })[0]!.check;
    const reading = signedReading('a', 100, 20, {
      pvWh: 500,
      batteryChargedWh: 300,
      batteryDischargedWh: 10,
    });
    const records: BundleRecord[] = [
      { type: 'reading', reading },
      { type: 'reading', reading: signedReading(FEEDER, 1, 2) },
      { type: 'feeder', check },
    ];
    expect(feederSlotOf(records)?.homes).toEqual([
      { participant: 'a', importWh: 100, exportWh: 20, ownWh: 210, sound: true },
    ]);
    expect(feederSlotOf(records.slice(0, 2))).toBeNull();
  });

  it('does not depend on the order of the slots, nor of the homes', () => {
    const data = community({ seed: 2, homes: 8, slots: 200, wrong: { fault: 'swapped', home: 2 } });
    const turned = data.toReversed().map((slot) => ({ ...slot, homes: slot.homes.toReversed() }));
    expect(feederReport(FEEDER, turned, RULES)).toEqual(feederReport(FEEDER, data, RULES));
  });

  it('keeps coefficients within their ranges, and finds them when they lie inside', () => {
    const number = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.nat(), (a, b, seed) => {
        const length = 30;
        const values = (k: number) =>
          Float64Array.from({ length }, (_, t) => Math.sin(t * k + seed) + 0.1 * k);
        const [x, z] = [values(1.3), values(2.9)];
        const y = x.map((value, t) => a * value + b * z[t]!);
        const inside = boundedFit(
          [x, z].map((v) => ({ values: v, min: -1, max: 1 })),
          y,
        ).coefficients;
        expect(inside[0]).toBeCloseTo(a, 5);
        expect(inside[1]).toBeCloseTo(b, 5);
        const tight = boundedFit(
          [x, z].map((v) => ({ values: v, min: -0.2, max: 0.3 })),
          y,
        ).coefficients;
        for (const coefficient of tight) {
          expect(coefficient).toBeGreaterThanOrEqual(-0.2);
          expect(coefficient).toBeLessThanOrEqual(0.3);
        }
      }),
    );
  });
});
