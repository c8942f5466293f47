import { slotIdAt } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { situations } from '../test/arbitraries.ts';
import { dispatchBattery, type DispatchInput } from './dispatch.ts';
import { planHome } from './plan.ts';
import type { AgentHome, HomePlan, HomeReading, PlanSlot } from './types.ts';

const START_MS = Date.UTC(2026, 5, 1, 12);
const END_MS = START_MS + 900_000;
const HOME: AgentHome = {
  participant: 'home-01',
  slotMinutes: 15,
  battery: {
    capacityWh: 10_000,
    chargeMaxW: 4000,
    dischargeMaxW: 4000,
    roundTripPermille: 900,
    reservePermille: 100,
  },
  importFuseW: 10_000,
};

function plan(part: Partial<PlanSlot> = {}, baseline: Partial<PlanSlot> = part): HomePlan {
  const slot: PlanSlot = {
    slotStartMs: START_MS,
    batteryWh: 0,
    netWh: 0,
    stateOfChargeWh: 5000,
    discharge: [{ energyWh: 1000, priceMicroPerKwh: 200_000 }],
    charge: [{ energyWh: 1000, priceMicroPerKwh: 180_000 }],
    importMaxWh: 2500,
  };
  return {
    slots: [{ ...slot, ...part }],
    baselineSlots: [{ ...slot, ...baseline }],
    retailMicroPerKwh: 250_000,
    feedInMicroPerKwh: 80_000,
  };
}

function dispatch(
  reading: Partial<HomeReading>,
  overrides: Partial<DispatchInput> = {},
): ReturnType<typeof dispatchBattery> {
  return dispatchBattery({
    home: HOME,
    nowMs: START_MS,
    slot: slotIdAt(START_MS),
    slotEndMs: END_MS,
    positionWh: 0,
    deliveredSoFarWh: 0,
    reading: { gridW: 0, pvW: 0, batteryW: 0, stateOfChargePermille: 500, ...reading },
    plan: plan(),
    limits: [],
    ...overrides,
  });
}

describe('the battery now', () => {
  test.each([
    ['covers what the home draws', { gridW: 800 }, {}, 800, 'position'],
    ['keeps doing so when the meter already shows it', { gridW: 0, batteryW: 800 }, {}, 800, 'position'],
    ['takes the surplus', { gridW: -1500, pvW: 2000 }, {}, -1500, 'position'],
    ['delivers what was sold', { gridW: 0 }, { positionWh: 500 }, 2000, 'position'],
    ['lets in what was bought', { gridW: 2000 }, { positionWh: -500 }, 0, 'position'],
    ['makes up for what is missing', { gridW: 0 }, { deliveredSoFarWh: -200 }, 800, 'position'],
    [
      'stops at its rating',
      { gridW: 6000 },
      { plan: plan({ discharge: [{ energyWh: 9000, priceMicroPerKwh: 200_000 }] }) },
      4000,
      "position, at the battery's bound",
    ],
    [
      'gives nothing from the reserve',
      { gridW: 800, stateOfChargePermille: 100 },
      {},
      0,
      "position, at the battery's bound",
    ],
    [
      'takes nothing when full',
      { gridW: -800, stateOfChargePermille: 1000 },
      {},
      0,
      "position, at the battery's bound",
    ],
    [
      'saves what is worth more than the retail price later',
      { gridW: 800 },
      { plan: plan({ discharge: [{ energyWh: 1000, priceMicroPerKwh: 900_000 }] }) },
      0,
      'saving for later',
    ],
    [
      'buys at the retail price what is worth more later',
      { gridW: 400 },
      { plan: plan({ charge: [{ energyWh: 500, priceMicroPerKwh: 900_000 }] }) },
      -2000,
      'filling up for later',
    ],
    [
      'leaves a surplus to the grid that would be worth less stored',
      { gridW: -1200 },
      { plan: plan({ charge: [{ energyWh: 1000, priceMicroPerKwh: 30_000 }] }) },
      0,
      'leaving room for later',
    ],
  ])('%s', (_, reading, overrides, powerW, reason) => {
    expect(dispatch(reading, overrides)).toMatchObject({ powerW, reason });
  });

  test('an import limit comes before the position and before saving', () => {
    const limits = [{ id: 'x', fromMs: START_MS, toMs: END_MS, shareW: -500 }];
    const bought = dispatch({ gridW: 2000 }, { positionWh: -500, limits });
    expect(bought).toEqual({ powerW: 2500, reason: 'import limit', baselineW: 0 });
    const saving = plan({ discharge: [{ energyWh: 1000, priceMicroPerKwh: 900_000 }] }, {});
    expect(dispatch({ gridW: 2000 }, { limits, plan: saving })).toMatchObject({
      powerW: 2500,
      baselineW: 2000,
    });
  });

  test('a limit that is over or not yet there changes nothing', () => {
    const limits = [
      { id: 'past', fromMs: START_MS - 900_000, toMs: START_MS, shareW: -4000 },
      { id: 'next', fromMs: END_MS, toMs: END_MS + 900_000, shareW: -4000 },
    ];
    expect(dispatch({ gridW: 300 }, { limits })).toEqual({ powerW: 300, reason: 'position', baselineW: 300 });
  });

  test('the fuse comes first: no charging past it, no selling past it', () => {
    const filling = plan({ charge: [{ energyWh: 1000, priceMicroPerKwh: 900_000 }] });
    expect(dispatch({ gridW: 8500 }, { plan: filling })).toMatchObject({ powerW: -1500, reason: 'fuse' });
    expect(dispatch({ gridW: -9000, pvW: 9000 }, { positionWh: 4000 })).toMatchObject({
      powerW: 1000,
      reason: 'fuse',
    });
  });

  test('no battery, or a reading that is no number: nothing is asked', () => {
    expect(dispatch({}, { home: { ...HOME, battery: null } })).toEqual({
      powerW: 0,
      reason: 'no battery',
      baselineW: 0,
    });
    expect(dispatch({ gridW: Number.NaN }).powerW).toBe(0);
  });

  test('near the end it corrects no faster than setpoints are renewed', () => {
    const late = { nowMs: END_MS - 10_000, positionWh: 20 };
    expect(dispatch({}, late).powerW).toBe(1200);
    expect(dispatch({}, { ...late, holdMs: 300_000 }).powerW).toBe(240);
  });

  test('without a plan for the slot it still meets the position', () => {
    const none = { ...plan(), slots: [], baselineSlots: [] };
    expect(dispatch({ gridW: 700 }, { plan: none })).toMatchObject({ powerW: 700, reason: 'position' });
  });
});

test('a setpoint is whole, within the rating, spares the reserve and never breaks the fuse where it can help it', () => {
  const readings = fc.record({
    gridW: fc.integer({ min: -20_000, max: 20_000 }),
    pvW: fc.integer({ min: 0, max: 10_000 }),
    batteryW: fc.integer({ min: -5000, max: 5000 }),
    stateOfChargePermille: fc.integer({ min: 0, max: 1000 }),
  });
  const positions = fc.integer({ min: -3000, max: 3000 });
  fc.assert(
    fc.property(
      situations,
      readings,
      positions,
      positions,
      (situation, reading, positionWh, deliveredSoFarWh) => {
        const { home, nowMs, limits, expected } = situation;
        const startMs = expected[0]?.slotStartMs ?? 0;
        const slotEndMs = startMs + home.slotMinutes * 60_000;
        const { powerW, baselineW } = dispatchBattery({
          home,
          nowMs,
          slot: slotIdAt(startMs),
          slotEndMs,
          positionWh,
          deliveredSoFarWh,
          reading,
          plan: planHome(situation),
          limits,
        });
        const battery = home.battery;
        if (battery === null) return;
        for (const asked of [powerW, baselineW]) {
          expect(Number.isSafeInteger(asked)).toBe(true);
          expect(asked).toBeLessThanOrEqual(battery.dischargeMaxW);
          expect(-asked).toBeLessThanOrEqual(battery.chargeMaxW);
        }
        const hours = Math.max(60_000, slotEndMs - nowMs) / 3_600_000;
        const efficiency = Math.sqrt(battery.roundTripPermille / 1000);
        const storedWh = (battery.capacityWh * reading.stateOfChargePermille) / 1000;
        const afterWh = storedWh - (powerW > 0 ? powerW / efficiency : powerW * efficiency) * hours;
        const floorWh = (battery.capacityWh * battery.reservePermille) / 1000;
        expect(afterWh).toBeGreaterThanOrEqual(Math.min(storedWh, floorWh) - 0.01);
        expect(afterWh).toBeLessThanOrEqual(battery.capacityWh + 0.01);
        // Standing still or better: the battery is never what breaks the fuse.
        const needW = reading.gridW + reading.batteryW;
        expect(Math.abs(needW - powerW)).toBeLessThanOrEqual(Math.max(home.importFuseW + 1, Math.abs(needW)));
      },
    ),
    { numRuns: 500 },
  );
});
