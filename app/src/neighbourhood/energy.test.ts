import fc from 'fast-check';
import { expect, test } from 'vitest';
import { energyBetween, MILLIJ_PER_WH } from './energy.ts';

const hourly = {
  originMs: 0,
  intervalMs: 3_600_000,
  energyMilliJ: (index: number) => (index % 7) * 1_234_567 * MILLIJ_PER_WH + index,
};

test('pieces of an interval add up to the interval, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 * 3_600_000 }), { minLength: 1, maxLength: 30 }),
      (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), 5 * 3_600_000];
        let sum = 0;
        for (let i = 1; i < at.length; i++) {
          const piece = energyBetween(hourly, at[i - 1] ?? 0, at[i] ?? 0);
          expect(piece).toBeGreaterThanOrEqual(0);
          sum += piece;
        }
        expect(sum).toBe([0, 1, 2, 3, 4].reduce((total, index) => total + hourly.energyMilliJ(index), 0));
      },
    ),
  );
});

test('energy is spread evenly inside an interval', () => {
  const kwh = { originMs: 0, intervalMs: 900_000, energyMilliJ: () => 1000 * MILLIJ_PER_WH };
  expect(energyBetween(kwh, 0, 90_000)).toBe(100 * MILLIJ_PER_WH);
  expect(energyBetween(kwh, 850_000, 950_000)).toBe(Math.floor((1000 * MILLIJ_PER_WH) / 9));
});
