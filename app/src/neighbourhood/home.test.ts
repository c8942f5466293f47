import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capacityMilliJ, oneWayPpm, stepBattery } from './battery.ts';
import type { BatteryControl, OpcuaControl, SunSpecControl } from './control.ts';
import { initialControl } from './control.ts';
import {
  advanceHome,
  initialHome,
  viewHome,
  withControl,
  withResetCounter,
  type HomeDrive,
  type HomeState,
} from './home.ts';
import type { BatterySpec, HomeSpec } from './spec.ts';

const battery: BatterySpec = {
  capacityWh: 10_000,
  chargeMaxW: 4_000,
  dischargeMaxW: 5_000,
  roundTripPermille: 900,
};
const spec: HomeSpec = {
  id: 'home-01',
  protocol: 'modbus',
  meter: 'sdm630',
  pvPeakW: 8_000,
  battery,
  importFuseW: 17_250,
};
const HALF = capacityMilliJ(battery) / 2;

function steady(loadW: number, pvW: number): HomeDrive {
  const series = (powerW: number) => ({
    originMs: 0,
    intervalMs: 60_000,
    energyMilliJ: () => powerW * 60_000,
  });
  return { load: series(loadW), pv: series(pvW) };
}

function atHalf(control: BatteryControl = initialControl('modbus')): HomeState {
  return withControl({ ...initialHome(spec, 1, 0), storedMilliJ: HALF }, control);
}

const self = initialControl('modbus') as SunSpecControl;
const forced = (storCtlMod: number, outWRte: number, inWRte: number, more: Partial<SunSpecControl> = {}) => ({
  ...self,
  storCtlMod,
  outWRte,
  inWRte,
  ...more,
});
const opcua = (mode: number, setpointW: number, timeoutS = 900): OpcuaControl => ({
  kind: 'opcua',
  mode,
  setpointW,
  timeoutS,
});

describe('a battery', () => {
  const anything = fc.record({
    stored: fc.integer({ min: 0, max: capacityMilliJ(battery) }),
    asked: fc.integer({ min: -20_000 * 60_000, max: 20_000 * 60_000 }),
    durationMs: fc.integer({ min: 1, max: 60_000 }),
    reserve: fc.integer({ min: 0, max: 1000 }),
    roundTripPermille: fc.integer({ min: 500, max: 1000 }),
  });

  test('loses nothing but heat, and keeps its limits', () => {
    fc.assert(
      fc.property(anything, ({ stored, asked, durationMs, reserve, roundTripPermille }) => {
        const step = stepBattery({ ...battery, roundTripPermille }, stored, asked, durationMs, reserve);
        const { storedMilliJ, chargedMilliJ, dischargedMilliJ, lostMilliJ } = step;
        expect(storedMilliJ).toBe(stored + chargedMilliJ - dischargedMilliJ - lostMilliJ);
        expect(Object.values(step).every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
        expect(storedMilliJ).toBeLessThanOrEqual(capacityMilliJ(battery));
        expect(chargedMilliJ).toBeLessThanOrEqual(
          Math.min(Math.max(0, -asked), battery.chargeMaxW * durationMs),
        );
        expect(dischargedMilliJ).toBeLessThanOrEqual(
          Math.min(Math.max(0, asked), battery.dischargeMaxW * durationMs),
        );
        const floor = Math.min(stored, Math.ceil((capacityMilliJ(battery) * reserve) / 1000));
        expect(storedMilliJ).toBeGreaterThanOrEqual(floor);
      }),
    );
  });

  test('gives back its round trip', () => {
    const energy = 4_000 * 60_000;
    const full = stepBattery(battery, 0, -energy, 60_000, 0);
    const empty = stepBattery(battery, full.storedMilliJ, energy, 60_000, 0);
    expect(empty.dischargedMilliJ / energy).toBeCloseTo(0.9, 5);
    expect(empty.storedMilliJ).toBeLessThanOrEqual(1);
    expect(oneWayPpm(900)).toBe(948_683);
  });
});

describe('a home', () => {
  test('conserves energy: load = import - export + pv + discharged - charged, in every step, whatever is asked', () => {
    const control = fc.oneof(
      fc.record({
        mod: fc.integer({ min: 0, max: 3 }),
        out: fc.integer({ min: -10_000, max: 10_000 }),
        in: fc.integer({ min: -10_000, max: 10_000 }),
        grid: fc.integer({ min: 0, max: 1 }),
        revert: fc.integer({ min: 0, max: 600 }),
      }),
    );
    const step = fc.record({
      afterMs: fc.integer({ min: 1, max: 400_000 }),
      control: fc.option(control, { nil: null }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 5, maxLength: 5 }),
        fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 5, maxLength: 5 }),
        (steps, loads, pvs) => {
          const series = (powers: number[]) => ({
            originMs: 0,
            intervalMs: 900_000,
            energyMilliJ: (index: number) => (powers[index % 5] ?? 0) * 900_000 + 7,
          });
          const drive = { load: series(loads), pv: series(pvs) };
          let state = atHalf();
          const start = state.storedMilliJ;
          for (const { afterMs, control } of steps) {
            if (control) {
              state = withControl(
                state,
                forced(control.mod, control.out, control.in, {
                  chaGriSet: control.grid,
                  rvrtTms: control.revert,
                }),
              );
            }
            const before = state.totals;
            state = advanceHome(spec, drive, state, state.atMs + afterMs);
            const t = state.totals;
            expect(t.loadMilliJ).toBe(
              t.importMilliJ - t.exportMilliJ + t.pvMilliJ + t.dischargedMilliJ - t.chargedMilliJ,
            );
            expect(state.storedMilliJ).toBe(start + t.chargedMilliJ - t.dischargedMilliJ - t.lostMilliJ);
            for (const key of Object.keys(t) as (keyof typeof t)[]) {
              expect(t[key]).toBeGreaterThanOrEqual(before[key]);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['self-consumption covers the load', self, 2_000, 0, 2_000, 0],
    ['self-consumption stores the surplus', self, 500, 3_000, -2_500, 0],
    ['self-consumption keeps to the power limits', self, 9_000, 0, 5_000, 4_000],
    ['forced discharge exports', forced(3, 6_000, -6_000), 500, 0, 3_000, -2_500],
    ['forced charge imports', forced(3, -4_000, 4_000), 500, 0, -2_000, 2_500],
    [
      'forced charge from PV alone takes the surplus',
      forced(3, -4_000, 4_000, { chaGriSet: 0 }),
      500,
      1_100,
      -600,
      0,
    ],
    ['hold stands still', forced(3, 0, 0), 500, 3_000, 0, -2_500],
    ['a charge limit alone leaves discharge free', forced(1, 10_000, 0), 1_500, 0, 1_500, 0],
    ['a charge limit alone stops charging', forced(1, 10_000, 0), 0, 1_500, 0, -1_500],
    ['a window turned inside out stands still', forced(3, -4_000, -4_000), 500, 0, 0, 500],
    ['OPC-UA mode 1 follows the setpoint', opcua(1, 1_700), 500, 0, 1_700, -1_200],
    ['OPC-UA mode 1 charges', opcua(1, -1_700), 500, 0, -1_700, 2_200],
    ['OPC-UA mode 0 ignores the setpoint', opcua(0, 1_700), 500, 0, 500, 0],
  ] as const)('%s', (_, control, loadW, pvW, batteryW, gridW) => {
    const state = advanceHome(spec, steady(loadW, pvW), atHalf(control), 60_000);
    expect([state.batteryW, state.gridW]).toEqual([batteryW, gridW]);
  });

  test('returns to self-consumption when the timer runs out, to the millisecond', () => {
    const start = atHalf(forced(3, 6_000, -6_000, { rvrtTms: 90 }));
    const state = advanceHome(spec, steady(1_000, 0), start, 180_000);
    // 90 s at 3 kW, then 90 s at the load's 1 kW.
    expect(state.totals.dischargedMilliJ).toBe(90_000 * 3_000 + 90_000 * 1_000);
    expect((state.control as SunSpecControl).storCtlMod).toBe(0);
  });

  test('a write starts the timer anew; a timer of 0 never ends', () => {
    const first = advanceHome(spec, steady(0, 0), atHalf(opcua(1, 1_000, 60)), 50_000);
    const renewed = advanceHome(spec, steady(0, 0), withControl(first, opcua(1, 1_000, 60)), 100_000);
    expect(renewed.batteryW).toBe(1_000);
    expect(advanceHome(spec, steady(0, 0), renewed, 111_000).control).toMatchObject({ mode: 0 });
    expect(advanceHome(spec, steady(0, 0), atHalf(opcua(1, 10, 0)), 9e6).control).toMatchObject({ mode: 1 });
  });

  test('the same instant again, or an earlier one, changes nothing', () => {
    const state = advanceHome(spec, steady(1_000, 0), atHalf(), 120_000);
    expect(advanceHome(spec, steady(1_000, 0), state, 120_000)).toBe(state);
    expect(advanceHome(spec, steady(1_000, 0), state, 60_000)).toBe(state);
  });

  test('stops at full and at the reserve', () => {
    const full = advanceHome(spec, steady(0, 8_000), atHalf(), 4 * 3_600_000);
    expect(viewHome(spec, full)).toMatchObject({ socPermille: 1000, batteryW: 0, gridW: -8_000 });
    const empty = advanceHome(spec, steady(8_000, 0), atHalf(), 4 * 3_600_000);
    expect(viewHome(spec, empty)).toMatchObject({ socPermille: 50, batteryW: 0, gridW: 8_000 });
  });

  test('a reset counter counts from zero, and the truth goes on', () => {
    const before = advanceHome(spec, steady(3_600, 0), atHalf(opcua(1, 0)), 600_000);
    const reset = withResetCounter(before, 'grid-meter');
    expect(viewHome(spec, before).importWh).toBeGreaterThan(600);
    expect(viewHome(spec, reset)).toMatchObject({ importWh: 0, exportWh: 0 });
    const after = advanceHome(spec, steady(3_600, 0), reset, 660_000);
    expect(viewHome(spec, after).importWh).toBe(60);
    expect(after.totals.importMilliJ).toBe(3_600 * 660_000);
  });
});
