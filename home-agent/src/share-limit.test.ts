import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LimitedHome, shareImportLimit } from './share-limit.ts';

const home = (
  participant: string,
  expectedNetImportW: number,
  part: Partial<LimitedHome> = {},
): LimitedHome => ({
  participant,
  expectedNetImportW,
  batteryDischargeMaxW: 0,
  stateOfChargeWh: 0,
  slotsHours: 1,
  ...part,
});
const battery = (batteryDischargeMaxW: number, stateOfChargeWh: number): Partial<LimitedHome> => ({
  batteryDischargeMaxW,
  stateOfChargeWh,
});
const shares = (limitW: number, homes: LimitedHome[]): Record<string, number> =>
  Object.fromEntries(shareImportLimit({ limitW, homes }));

test('room to spare is split evenly', () => {
  expect(shares(5000, [home('a', 1000), home('b', 2000)])).toEqual({ a: 2000, b: 3000 });
});

test('homes with batteries take what the others cannot', () => {
  expect(shares(1000, [home('a', 2000), home('b', 1000, battery(5000, 8000))])).toEqual({
    a: 2000,
    b: -1000,
  });
});

test('in proportion to what they can give for the whole time', () => {
  const homes = [home('a', 3000), home('b', 0, battery(4000, 2000)), home('c', 0, battery(4000, 9000))];
  expect(shares(0, homes)).toEqual({ a: 3000, b: -1000, c: -2000 });
});

test('out of reach: every battery gives all, and nobody is asked for what he has not', () => {
  expect(shares(-9000, [home('a', 1000), home('b', 500, battery(2000, 1500))])).toEqual({
    a: 1000,
    b: -1000,
  });
});

test('nobody home, nothing to share', () => {
  expect(shares(1000, [])).toEqual({});
});

test('shares are whole, sum to at most the limit when reachable, and ask no battery for more than it has', () => {
  const homes = fc.array(
    fc.record({
      expectedNetImportW: fc.double({ min: -9000, max: 9000, noNaN: true }),
      batteryDischargeMaxW: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8000 })),
      stateOfChargeWh: fc.integer({ min: 0, max: 15_000 }),
      slotsHours: fc.constantFrom(0.25, 0.5, 1, 2, 3.75),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(homes, fc.integer({ min: -50_000, max: 100_000 }), (drawn, limitW) => {
      const list = drawn.map((part, index) => ({ participant: `home-${index}`, ...part }));
      const result = shareImportLimit({ limitW, homes: list });
      let total = 0;
      let least = 0;
      for (const one of list) {
        const shareW = result.get(one.participant) as number;
        const flexibleW = Math.floor(
          Math.min(one.batteryDischargeMaxW, one.stateOfChargeWh / one.slotsHours),
        );
        expect(Number.isSafeInteger(shareW)).toBe(true);
        expect(shareW).toBeGreaterThanOrEqual(Math.ceil(one.expectedNetImportW) - flexibleW);
        total += shareW;
        least += Math.ceil(one.expectedNetImportW) - flexibleW;
      }
      expect(total).toBeLessThanOrEqual(Math.max(limitW, least, list.length === 0 ? 0 : -Infinity));
    }),
    { numRuns: 500 },
  );
});
