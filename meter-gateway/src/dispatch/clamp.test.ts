import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clampSetpoint, type ClampFacts } from './clamp.ts';

const FACTS: ClampFacts = {
  chargeMaxW: 5000,
  dischargeMaxW: 4000,
  stateOfChargePermille: 500,
  reservePermille: 100,
  gridW: 1000,
  batteryW: 0,
  fuseW: 10_000,
};

describe('clamps', () => {
  test.each<[string, number, Partial<ClampFacts>, number, string[]]>([
    ['within everything', 2000, {}, 2000, []],
    ['whole W, towards zero', -1999.9, {}, -1999, []],
    ['nameplate of discharge', 9000, {}, 4000, ['discharge-limit']],
    ['nameplate of charge', -9000, {}, -5000, ['charge-limit']],
    ['at the reserve it discharges no more', 2000, { stateOfChargePermille: 100 }, 0, ['reserve']],
    ['at the reserve it may charge', -2000, { stateOfChargePermille: 100 }, -2000, []],
    ['full, it charges no more', -2000, { stateOfChargePermille: 1000 }, 0, ['full']],
    ['charging stops at the fuse', -5000, { gridW: 7000 }, -3000, ['import-fuse']],
    ['what it charges now counts as room', -5000, { gridW: 9000, batteryW: -4000 }, -5000, []],
    ['a home beyond its fuse already: no charging', -5000, { gridW: 12_000 }, 0, ['import-fuse']],
    ['discharging stops at the fuse', 4000, { gridW: -8000 }, 2000, ['export-fuse']],
    ['a battery without power', 1000, { dischargeMaxW: 0 }, 0, ['discharge-limit']],
  ])('%s', (_name, askedW, facts, powerW, by) => {
    expect(clampSetpoint(askedW, { ...FACTS, ...facts })).toEqual({ powerW, by });
  });

  test.each([Number.NaN, Infinity, -Infinity])('%d is refused', (askedW) => {
    expect(() => clampSetpoint(askedW, FACTS)).toThrow(RangeError);
  });

  test('property: never beyond what was asked, never the other way round, never over the fuse by its own doing', () => {
    const facts = fc.record({
      chargeMaxW: fc.integer({ min: 0, max: 20_000 }),
      dischargeMaxW: fc.integer({ min: 0, max: 20_000 }),
      stateOfChargePermille: fc.integer({ min: 0, max: 1000 }),
      reservePermille: fc.integer({ min: 0, max: 300 }),
      gridW: fc.integer({ min: -30_000, max: 30_000 }),
      batteryW: fc.integer({ min: -20_000, max: 20_000 }),
      fuseW: fc.integer({ min: 1000, max: 30_000 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: -50_000, max: 50_000 }), facts, (askedW, now) => {
        const { powerW } = clampSetpoint(askedW, now);
        expect(Number.isSafeInteger(powerW)).toBe(true);
        expect(Math.abs(powerW)).toBeLessThanOrEqual(Math.abs(askedW));
        expect(powerW * askedW).toBeGreaterThanOrEqual(0);
        const gridW = now.gridW + now.batteryW - powerW;
        expect(powerW >= 0 || gridW <= now.fuseW).toBe(true);
        expect(powerW <= 0 || gridW >= -now.fuseW).toBe(true);
      }),
    );
  });
});
