import { slotMs } from '@commonwatt/domain';
import { batteryBounds, homeSideWh } from './battery.ts';
import { needOf } from './need.ts';
import { expectedPrices } from './price-outlook.ts';
import type {
  AgentBattery,
  AgentHome,
  Commitment,
  ExpectedSlot,
  HomePlan,
  ImportLimit,
  MarketOutlook,
  PlanSlot,
  ValueStep,
} from './types.ts';
import { corners, earns, type Grid, type Stage, valueAt, valueTable } from './value-function.ts';

export interface PlanInput {
  readonly home: AgentHome;
  readonly nowMs: number;
  /** Energy in the battery now; null when unknown: the battery is then left alone. */
  readonly stateOfChargeWh: number | null;
  /** The next slots in order, up to a day. The first may have begun. */
  readonly expected: readonly ExpectedSlot[];
  readonly outlook: MarketOutlook;
  readonly limits: readonly ImportLimit[];
  /** Positions of slots whose gate has closed; what differs from them is imbalance. */
  readonly committed?: readonly Commitment[];
}

/** Breaking a limit or the fuse costs this many times the retail price: more than any price can earn. */
const PENALTY_TIMES_RETAIL = 10;
/** Share of the price band that a Wh through the battery has to earn. */
const WEAR_SHARE = 0.01;
const STEPS_MIN = 24;
const STEPS_MAX = 96;
/** Steps of storage a full-power slot should span, so that its power can be dosed. */
const STEPS_PER_SLOT = 6;
const VALUE_STEPS = 3;

/**
 * The battery plan that earns the household most over the coming slots: dynamic programming over the state of charge with three cases of
 * need per slot, expected market prices, and limits as penalties. Pure; takes about a millisecond for a day of quarter hours.
 */
export function planHome(input: PlanInput): HomePlan {
  const slots = planSlots(input);
  const baselineSlots = input.limits.length === 0 ? slots : planSlots({ ...input, limits: [] });
  const { retailMicroPerKwh, feedInMicroPerKwh } = input.outlook;
  return { slots, baselineSlots, retailMicroPerKwh, feedInMicroPerKwh };
}

function planSlots(input: PlanInput): readonly PlanSlot[] {
  const { home, stateOfChargeWh, expected } = input;
  const stages = stagesOf(input);
  const battery = home.battery;
  const grid = battery === null ? null : gridOf(battery, home);
  if (battery === null || grid === null || stateOfChargeWh === null) {
    return stages.map((stage, t) => idleSlot(expected[t] as ExpectedSlot, stage));
  }
  const width = grid.steps + 1;
  const flat = Array.from({ length: width }, (_, j) => j * grid.stepWh * leftoverValue(input, grid));
  let terminal: ArrayLike<number> = flat;
  if (stages.length * home.slotMinutes >= 20 * 60) {
    // Tomorrow is much like today: what is left at the end is worth what it would be worth now.
    const rough = valueTable(stages, grid, flat, 'middle');
    terminal = rough.subarray(0, width);
  }
  const values = valueTable(stages, grid, terminal, 'all');
  return walk(stages, grid, values, stateOfChargeWh, expected);
}

function stagesOf({ home, nowMs, expected, outlook, limits, committed = [] }: PlanInput): Stage[] {
  const lengthMs = slotMs(home.slotMinutes);
  const { sell, buy } = expectedPrices(outlook, expected, home.slotMinutes);
  const penalty = PENALTY_TIMES_RETAIL * Math.max(1, outlook.retailMicroPerKwh);
  const wear = WEAR_SHARE * (outlook.retailMicroPerKwh - outlook.feedInMicroPerKwh);
  const bounds = home.battery === null ? null : batteryBounds(home.battery);
  return expected.map((slot, t) => {
    const left = Math.min(1, Math.max(0.01, (slot.slotStartMs + lengthMs - nowMs) / lengthMs));
    const hours = (left * lengthMs) / 3_600_000;
    const need = needOf(slot);
    const position = committed.find(({ slotStartMs }) => slotStartMs === slot.slotStartMs);
    const fuseWh = home.importFuseW * hours;
    return {
      needs: [need.low * left, need.mid * left, need.high * left],
      sell: position === undefined ? (sell[t] as number) : outlook.feedInMicroPerKwh,
      buy: position === undefined ? (buy[t] as number) : outlook.retailMicroPerKwh,
      positionWh: (position?.positionWh ?? 0) * left,
      importMaxWh:
        importShareW(limits, slot.slotStartMs, slot.slotStartMs + lengthMs, home.importFuseW) * hours,
      exportMaxWh: fuseWh,
      penalty,
      wear,
      upWh: (home.battery?.chargeMaxW ?? 0) * hours * (bounds?.efficiency ?? 1),
      downWh: ((home.battery?.dischargeMaxW ?? 0) * hours) / (bounds?.efficiency ?? 1),
    };
  });
}

/** The tightest limit that touches [from, to), W; the fuse when there is none. */
export function importShareW(
  limits: readonly ImportLimit[],
  fromMs: number,
  toMs: number,
  fuseW: number,
): number {
  let shareW = fuseW;
  for (const limit of limits) {
    if (limit.fromMs < toMs && limit.toMs > fromMs) shareW = Math.min(shareW, limit.shareW);
  }
  return shareW;
}

function gridOf(battery: AgentBattery, home: AgentHome): Grid | null {
  const { floorWh, topWh, efficiency } = batteryBounds(battery);
  const usableWh = topWh - floorWh;
  const slotWh = (Math.min(battery.chargeMaxW, battery.dischargeMaxW) * home.slotMinutes) / 60;
  if (!(usableWh > 0) || !(slotWh > 0)) return null;
  const steps = Math.ceil((usableWh * STEPS_PER_SLOT) / slotWh);
  const bounded = Math.min(STEPS_MAX, Math.max(STEPS_MIN, steps));
  return { floorWh, stepWh: usableWh / bounded, steps: bounded, efficiency };
}

/** Per stored Wh at the end of a short outlook: between selling it and needing it. */
function leftoverValue({ outlook }: PlanInput, grid: Grid): number {
  return ((outlook.feedInMicroPerKwh + outlook.retailMicroPerKwh) / 2) * grid.efficiency * 0.9;
}

/** Forward from the present state with the middle need. */
function walk(
  stages: readonly Stage[],
  grid: Grid,
  values: Float64Array,
  stateOfChargeWh: number,
  expected: readonly ExpectedSlot[],
): readonly PlanSlot[] {
  const width = grid.steps + 1;
  let storedWh = stateOfChargeWh;
  return stages.map((stage, t) => {
    const next = (t + 1) * width;
    const position = (storedWh - grid.floorWh) / grid.stepWh;
    const need = stage.needs[1];
    const upWh = Math.max(0, Math.min(stage.upWh, (grid.steps - position) * grid.stepWh));
    const downWh = Math.max(0, Math.min(stage.downWh, position * grid.stepWh));
    const worth = (change: number): number =>
      earns(stage, grid, need, change) + valueAt(values, next, grid, position + change / grid.stepWh);
    let change = 0;
    let best = worth(0);
    const consider = (wanted: number): void => {
      const possible = Math.min(upWh, Math.max(-downWh, wanted));
      const value = worth(possible);
      if (value > best + 1e-6) {
        best = value;
        change = possible;
      }
    };
    for (const corner of corners(stage, grid, need)) consider(corner);
    for (let i = Math.ceil(position - downWh / grid.stepWh); i <= position + upWh / grid.stepWh; i += 1) {
      consider((i - position) * grid.stepWh);
    }
    consider(upWh);
    consider(-downWh);
    const batteryWh = towardsZero(homeSideWh(change, grid.efficiency));
    const slot: PlanSlot = {
      slotStartMs: (expected[t] as ExpectedSlot).slotStartMs,
      batteryWh,
      netWh: Math.round(batteryWh - need),
      stateOfChargeWh: Math.round(storedWh),
      discharge: valueSteps(values, next, grid, position, -downWh),
      charge: valueSteps(values, next, grid, position, upWh),
      importMaxWh: Math.floor(stage.importMaxWh),
    };
    storedWh += change;
    return slot;
  });
}

/** What the storage within reach in one direction is worth, in a few steps, seen from the home's side. */
function valueSteps(
  values: Float64Array,
  next: number,
  grid: Grid,
  position: number,
  reachWh: number,
): readonly ValueStep[] {
  const steps: ValueStep[] = [];
  const part = reachWh / VALUE_STEPS;
  if (Math.abs(part) * grid.efficiency < 1) return steps;
  let price = reachWh < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  let before = valueAt(values, next, grid, position);
  for (let i = 1; i <= VALUE_STEPS; i += 1) {
    const after = valueAt(values, next, grid, position + (i * part) / grid.stepWh);
    const homeWh = Math.abs(homeSideWh(part, grid.efficiency));
    const perKwh = Math.abs(after - before) > 0 ? (after - before) / (reachWh < 0 ? -homeWh : homeWh) : 0;
    // Rounding in the table must not break the order: giving gets dearer, taking gets cheaper.
    price = reachWh < 0 ? Math.max(price, perKwh) : Math.min(price, perKwh);
    steps.push({ energyWh: Math.floor(homeWh), priceMicroPerKwh: Math.round(price) });
    before = after;
  }
  return steps;
}

function idleSlot(expected: ExpectedSlot, stage: Stage): PlanSlot {
  return {
    slotStartMs: expected.slotStartMs,
    batteryWh: 0,
    netWh: Math.round(-stage.needs[1]),
    stateOfChargeWh: null,
    discharge: [],
    charge: [],
    importMaxWh: Math.floor(stage.importMaxWh),
  };
}

function towardsZero(value: number): number {
  return Math.trunc(value) + 0;
}
