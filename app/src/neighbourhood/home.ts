import { socPermille, stepBattery, capacityMilliJ } from './battery.ts';
import {
  initialControl,
  orderOf,
  reverted,
  reversionAtMs,
  type BatteryControl,
  type BatteryOrder,
} from './control.ts';
import { energyBetween, meanW, MILLIJ_PER_WH, type EnergySeries } from './energy.ts';
import { between, textSeed } from './random.ts';
import type { BatterySpec, DeviceRole, HomeSpec } from './spec.ts';

/** The longest step of the physics, so that batteries follow load and sun closely. */
export const STEP_MS = 60_000;

/** Counters in millijoules, all unsigned and growing: load + charged + export = import + pv + discharged, exactly. */
export interface Totals {
  readonly loadMilliJ: number;
  readonly pvMilliJ: number;
  readonly importMilliJ: number;
  readonly exportMilliJ: number;
  readonly chargedMilliJ: number;
  readonly dischargedMilliJ: number;
  readonly lostMilliJ: number;
}

/**
 * All that a home's devices remember. Grid power is positive on import, battery power when it discharges.
 * What a device's counter shows is the total plus its offset: meters are not new, and they can be reset.
 */
export interface HomeState {
  readonly atMs: number;
  readonly totals: Totals;
  readonly storedMilliJ: number;
  readonly gridW: number;
  readonly loadW: number;
  readonly pvW: number;
  readonly batteryW: number;
  readonly control: BatteryControl | null;
  readonly revertAtMs: number | null;
  readonly offsets: Offsets;
  /** What the grid meter shows of what flows, in percent; 100 when left out. */
  readonly meterPercent?: number;
}

export interface Offsets {
  readonly importMilliJ: number;
  readonly exportMilliJ: number;
  readonly pvMilliJ: number;
  readonly chargedMilliJ: number;
  readonly dischargedMilliJ: number;
}

/** What drives a home from outside; `pv` is null where there is none. */
export interface HomeDrive {
  readonly load: EnergySeries;
  readonly pv: EnergySeries | null;
}

/** A home at its first moment: counters as of devices some years old, a battery between half and nearly full. */
export function initialHome(spec: HomeSpec, seed: number, atMs: number): HomeState {
  const id = textSeed(spec.id);
  const wh = (low: number, high: number, what: number): number =>
    between(low, high, seed, id, what) * MILLIJ_PER_WH;
  const { battery } = spec;
  return {
    atMs,
    totals: {
      loadMilliJ: 0,
      pvMilliJ: 0,
      importMilliJ: 0,
      exportMilliJ: 0,
      chargedMilliJ: 0,
      dischargedMilliJ: 0,
      lostMilliJ: 0,
    },
    storedMilliJ: battery ? Math.floor((capacityMilliJ(battery) * between(500, 900, seed, id, 1)) / 1000) : 0,
    gridW: 0,
    loadW: 0,
    pvW: 0,
    batteryW: 0,
    control: battery ? initialControl(spec.protocol) : null,
    revertAtMs: null,
    offsets: {
      importMilliJ: wh(200_000, 4_000_000, 2),
      exportMilliJ: spec.pvPeakW === null ? 0 : wh(200_000, 4_000_000, 3),
      pvMilliJ: spec.pvPeakW === null ? 0 : wh(500_000, 8_000_000, 4),
      chargedMilliJ: battery ? wh(600_000, 900_000, 5) : 0,
      dischargedMilliJ: battery ? wh(400_000, 500_000, 6) : 0,
    },
  };
}

/** Model 124 has one reference for both directions: the larger of the two limits. */
export function ratedW(battery: BatterySpec): number {
  return Math.max(battery.chargeMaxW, battery.dischargeMaxW);
}

/** Runs a home to an instant in steps of at most a minute; the same instant or an earlier one changes nothing. */
export function advanceHome(spec: HomeSpec, drive: HomeDrive, from: HomeState, toMs: number): HomeState {
  let state = afterReversion(from);
  while (state.atMs < toMs) {
    const nextMs = Math.min(toMs, (Math.floor(state.atMs / STEP_MS) + 1) * STEP_MS);
    const untilMs = state.revertAtMs === null ? nextMs : Math.min(nextMs, state.revertAtMs);
    state = afterReversion(stepHome(spec, drive, state, untilMs));
  }
  return state;
}

/** The battery falls back to self-consumption at the very moment its timer runs out. */
function afterReversion(state: HomeState): HomeState {
  if (!state.control || state.revertAtMs === null || state.revertAtMs > state.atMs) return state;
  return { ...state, control: reverted(state.control), revertAtMs: null };
}

function stepHome(spec: HomeSpec, drive: HomeDrive, state: HomeState, untilMs: number): HomeState {
  const durationMs = untilMs - state.atMs;
  const load = energyBetween(drive.load, state.atMs, untilMs);
  const pv = drive.pv ? energyBetween(drive.pv, state.atMs, untilMs) : 0;
  const { battery } = spec;
  const moved =
    battery && state.control
      ? moveBattery(
          battery,
          orderOf(state.control, ratedW(battery)),
          state.storedMilliJ,
          load - pv,
          durationMs,
        )
      : { storedMilliJ: state.storedMilliJ, chargedMilliJ: 0, dischargedMilliJ: 0, lostMilliJ: 0 };
  const grid = load - pv + moved.chargedMilliJ - moved.dischargedMilliJ;
  const { totals } = state;
  return {
    ...state,
    atMs: untilMs,
    totals: {
      loadMilliJ: totals.loadMilliJ + load,
      pvMilliJ: totals.pvMilliJ + pv,
      importMilliJ: totals.importMilliJ + Math.max(0, grid),
      exportMilliJ: totals.exportMilliJ + Math.max(0, -grid),
      chargedMilliJ: totals.chargedMilliJ + moved.chargedMilliJ,
      dischargedMilliJ: totals.dischargedMilliJ + moved.dischargedMilliJ,
      lostMilliJ: totals.lostMilliJ + moved.lostMilliJ,
    },
    storedMilliJ: moved.storedMilliJ,
    gridW: meanW(grid, durationMs),
    loadW: meanW(load, durationMs),
    pvW: meanW(pv, durationMs),
    batteryW: meanW(moved.dischargedMilliJ - moved.chargedMilliJ, durationMs),
  };
}

/** Self-consumption covers the deficit (positive) or stores the surplus (negative); an order narrows that to its window. */
function moveBattery(
  battery: BatterySpec,
  order: BatteryOrder,
  storedMilliJ: number,
  deficitMilliJ: number,
  durationMs: number,
): ReturnType<typeof stepBattery> {
  const low = order.lowW === null ? -Infinity : order.lowW * durationMs;
  const high = order.highW === null ? Infinity : order.highW * durationMs;
  // A window turned inside out, as between two writes of a careless master, means: stand still.
  let asked = low > high ? 0 : Math.min(high, Math.max(low, deficitMilliJ));
  if (!order.gridCharging) asked = Math.max(asked, Math.min(0, deficitMilliJ));
  return stepBattery(battery, storedMilliJ, asked, durationMs, order.reservePermille);
}

/** A write to the battery's control registers: takes effect from the next step on, and starts the reversion timer anew. */
export function withControl(state: HomeState, control: BatteryControl): HomeState {
  return { ...state, control, revertAtMs: reversionAtMs(control, state.atMs) };
}

/** The device's counters fall to zero. */
export function withResetCounter(state: HomeState, role: DeviceRole): HomeState {
  const { totals, offsets } = state;
  const reset: Record<DeviceRole, Partial<Offsets>> = {
    'grid-meter': {
      importMilliJ: -shownPart(totals.importMilliJ, state.meterPercent ?? 100),
      exportMilliJ: -shownPart(totals.exportMilliJ, state.meterPercent ?? 100),
    },
    pv: { pvMilliJ: -totals.pvMilliJ },
    battery: { chargedMilliJ: -totals.chargedMilliJ, dischargedMilliJ: -totals.dischargedMilliJ },
  };
  return { ...state, offsets: { ...offsets, ...reset[role] } };
}

/** The grid meter shows only so much of what flows from now on; its counters go on from where they stand. */
export function withMeterPercent(state: HomeState, percent: number): HomeState {
  const { totals, offsets } = state;
  const { importMilliJ, exportMilliJ } = totals;
  const before = state.meterPercent ?? 100;
  const goesOn = (energy: number, offset: number): number =>
    offset + shownPart(energy, before) - shownPart(energy, percent);
  return {
    ...state,
    meterPercent: percent,
    offsets: {
      ...offsets,
      importMilliJ: goesOn(importMilliJ, offsets.importMilliJ),
      exportMilliJ: goesOn(exportMilliJ, offsets.exportMilliJ),
    },
  };
}

/** floor(energy x percent / 100) without leaving the safe integers. */
function shownPart(energyMilliJ: number, percent: number): number {
  const hundreds = Math.floor(energyMilliJ / 100);
  return hundreds * percent + Math.floor(((energyMilliJ - hundreds * 100) * percent) / 100);
}

/** What the devices show. Energies are whole Wh, powers W; signs as in `HomeState`. */
export interface HomeView {
  readonly atMs: number;
  readonly gridW: number;
  readonly pvW: number;
  readonly batteryW: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly pvWh: number;
  readonly chargedWh: number;
  readonly dischargedWh: number;
  readonly socPermille: number;
}

export function viewHome(spec: HomeSpec, state: HomeState): HomeView {
  const { totals, offsets } = state;
  const percent = state.meterPercent ?? 100;
  const show = (key: keyof Offsets): number => Math.floor((totals[key] + offsets[key]) / MILLIJ_PER_WH);
  const showGrid = (key: 'importMilliJ' | 'exportMilliJ'): number =>
    Math.floor((shownPart(totals[key], percent) + offsets[key]) / MILLIJ_PER_WH);
  return {
    atMs: state.atMs,
    gridW: Math.round((state.gridW * percent) / 100),
    pvW: state.pvW,
    batteryW: state.batteryW,
    importWh: showGrid('importMilliJ'),
    exportWh: showGrid('exportMilliJ'),
    pvWh: show('pvMilliJ'),
    chargedWh: show('chargedMilliJ'),
    dischargedWh: show('dischargedMilliJ'),
    socPermille: spec.battery ? socPermille(spec.battery, state.storedMilliJ) : 0,
  };
}
