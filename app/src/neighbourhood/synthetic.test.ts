import { describe, expect, test } from 'vitest';
import { MILLIJ_PER_WH } from './energy.ts';
import { advanceHome, initialHome } from './home.ts';
import { localOffset } from './local-time.ts';
import { panelIrradiance, sunAt } from './sun.ts';
import { planSynthetic, syntheticDrives } from './synthetic.ts';

const HOUR_MS = 3_600_000;

describe('a synthetic neighbourhood', () => {
  test('has the mix of protocols, meters, PV and batteries that was asked for', () => {
    const { homes } = planSynthetic({ homes: 24, seed: 5 });
    const count = (holds: (home: (typeof homes)[number]) => boolean) => homes.filter(holds).length;
    expect(homes.map(({ id }) => id).slice(0, 2)).toEqual(['home-01', 'home-02']);
    expect(count(({ protocol }) => protocol === 'opcua')).toBe(8);
    for (const make of ['sdm630', 'em340', 'iem3155']) {
      expect(count(({ meter }) => meter === make)).toBeGreaterThanOrEqual(5);
    }
    expect(count(({ pvPeakW }) => pvPeakW !== null)).toBe(18);
    expect(count(({ battery }) => battery !== null)).toBe(12);
    expect(count(({ battery, protocol }) => battery !== null && protocol === 'opcua')).toBe(4);
    expect(count(({ battery, pvPeakW }) => battery !== null && pvPeakW === null)).toBe(0);
  });

  test('is the same for the same seed and another for another', () => {
    const trace = (seed: number): number[] => {
      const spec = planSynthetic({ homes: 4, seed });
      return syntheticDrives(spec).flatMap(({ load, pv }) =>
        [600, 720, 1_180].flatMap((minute) => {
          const index = spec.startMs / 60_000 + minute;
          return [load.energyMilliJ(index), pv?.energyMilliJ(index) ?? 0];
        }),
      );
    };
    expect(trace(1)).toEqual(trace(1));
    expect(trace(1)).not.toEqual(trace(2));
  });

  test('a moment does not depend on what was asked before', () => {
    const spec = planSynthetic({ homes: 4, seed: 9 });
    const index = spec.startMs / 60_000 + 1_000;
    const [fresh, used] = [syntheticDrives(spec)[3]?.load, syntheticDrives(spec)[3]?.load];
    for (let day = 0; day < 9; day++) used?.energyMilliJ(index + day * 1440);
    expect(used?.energyMilliJ(index)).toBe(fresh?.energyMilliJ(index));
  });

  test.each([1, 2, 3, 7, 42])(
    'seed %i: in June a lively market, with surplus and need at the same time',
    (seed) => {
      const spec = planSynthetic({ homes: 20, seed });
      const drives = syntheticDrives(spec);
      let states = spec.homes.map((home) => initialHome(home, seed, spec.startMs));
      const hours = Array.from({ length: 24 }, (_, hour) => {
        const before = states;
        states = states.map((state, index) => {
          const [home, drive] = [spec.homes[index], drives[index]];
          if (!home || !drive) throw new Error('no home');
          return advanceHome(home, drive, state, spec.startMs + (hour + 1) * HOUR_MS);
        });
        const grown = (key: 'importMilliJ' | 'exportMilliJ') =>
          states.map(
            ({ totals }, index) => (totals[key] - (before[index]?.totals[key] ?? 0)) / MILLIJ_PER_WH,
          );
        return { imports: grown('importMilliJ'), exports: grown('exportMilliJ') };
      });
      const noon = hours.slice(9, 13);
      for (const { imports, exports } of noon) {
        expect(exports.filter((wh) => wh > 500).length).toBeGreaterThanOrEqual(5);
        expect(imports.filter((wh) => wh > 100).length).toBeGreaterThanOrEqual(3);
      }
      const loadWhPerHome =
        states.reduce((sum, { totals }) => sum + totals.loadMilliJ, 0) / MILLIJ_PER_WH / 20;
      expect(loadWhPerHome).toBeGreaterThan(7_000);
      expect(loadWhPerHome).toBeLessThan(25_000);
      for (const { totals } of states) expect(totals.loadMilliJ / MILLIJ_PER_WH).toBeGreaterThan(1_500);
    },
  );

  test.each([0, 501, 1.5, Number.NaN])('refuses %s homes', (homes) => {
    expect(() => planSynthetic({ homes, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'out-of-range' }),
    );
  });
});

describe('the sun', () => {
  test.each([
    // At true noon the height is 90 - latitude + declination; 23.44 degrees at the June solstice.
    ['June noon', Date.UTC(2026, 5, 21, 11, 28), 66.0],
    ['December noon', Date.UTC(2026, 11, 21, 11, 24), 19.2],
    ['equinox noon', Date.UTC(2026, 2, 20, 11, 33), 42.6],
  ])('%s', (_, atMs, degrees) => {
    const sun = sunAt(atMs, 47.4, 8.5);
    expect((Math.asin(sun.sinElevation) * 180) / Math.PI).toBeCloseTo(degrees, 0);
    expect(Math.abs(sun.azimuth)).toBeLessThan(0.05);
  });

  test('is down at night, and clouds dim it', () => {
    expect(panelIrradiance(sunAt(Date.UTC(2026, 5, 1, 23), 47.4, 8.5), 30, 0, 0)).toBe(0);
    const noon = sunAt(Date.UTC(2026, 5, 1, 11, 30), 47.4, 8.5);
    const clear = panelIrradiance(noon, 30, 0, 0);
    expect(clear).toBeGreaterThan(900);
    expect(clear).toBeLessThan(1_100);
    expect(panelIrradiance(noon, 30, 0, 1)).toBeLessThan(clear / 3);
  });

  test('an east roof works in the morning, a west roof in the afternoon', () => {
    const morning = sunAt(Date.UTC(2026, 5, 1, 7), 47.4, 8.5);
    expect(panelIrradiance(morning, 35, -60, 0)).toBeGreaterThan(panelIrradiance(morning, 35, 60, 0));
  });
});

test('local time follows daylight saving', () => {
  const zurich = localOffset('Europe/Zurich');
  expect([Date.UTC(2026, 0, 1), Date.UTC(2026, 5, 1)].map(zurich)).toEqual([60, 120]);
  expect(localOffset('America/Los_Angeles')(Date.UTC(2016, 7, 1))).toBe(-420);
  expect(localOffset('UTC')(0)).toBe(0);
});
