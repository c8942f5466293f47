import { type SlotId, slotStartMs } from '@commonwatt/domain';
import { batteryBounds } from './battery.ts';
import { importShareW } from './plan.ts';
import type {
  AgentBattery,
  AgentHome,
  BatterySetpoint,
  HomePlan,
  HomeReading,
  ImportLimit,
  PlanSlot,
} from './types.ts';

export interface DispatchInput {
  readonly home: AgentHome;
  readonly nowMs: number;
  readonly slot: SlotId;
  readonly slotEndMs: number;
  /** Sold less bought in the market for this slot. */
  readonly positionWh: number;
  /** Net export metered so far in the slot. */
  readonly deliveredSoFarWh: number;
  readonly reading: HomeReading;
  readonly plan: HomePlan;
  readonly limits: readonly ImportLimit[];
  /** How long this setpoint will stand until the next one, ms; a minute when left out. Errors are not corrected faster than that. */
  readonly holdMs?: number;
}

/** Correcting the rest of a slot faster than setpoints are renewed would only make the power swing. */
const HOLD_MS = 60_000;

/**
 * The battery's power now. It makes the slot's metered energy meet the position (imbalance costs the whole band), unless the stored
 * energy is worth more than the retail price or less than the feed-in price; then it keeps import limit and fuse, at any price.
 */
export function dispatchBattery(input: DispatchInput): BatterySetpoint {
  const { home, nowMs, reading, limits } = input;
  if (home.battery === null) return { powerW: 0, reason: 'no battery', baselineW: 0 };
  // A battery must not answer for numbers that are none.
  if (!Number.isFinite(reading.gridW + reading.batteryW + reading.stateOfChargePermille)) {
    return { powerW: 0, reason: 'no good reading', baselineW: 0 };
  }
  const hours = Math.max(input.holdMs ?? HOLD_MS, input.slotEndMs - nowMs) / 3_600_000;
  // What the home would draw if the battery stood still.
  const needW = reading.gridW + reading.batteryW;
  const situation = { home, battery: home.battery, reading, hours, needW, prices: input.plan };

  // The same trades are met with and without a signal; what differs is the plan, and whether a limit overrides it.
  const lackWh = needW * hours + input.positionWh - input.deliveredSoFarWh;
  const active = limits.filter((limit) => limit.fromMs <= nowMs && nowMs < limit.toMs);
  const now = steer(situation, {
    lackWh,
    planned: slotOf(input.plan.slots, input.slot),
    importMaxW: importShareW(active, nowMs, nowMs + 1, home.importFuseW),
  });
  const free = steer(situation, {
    lackWh,
    planned: slotOf(input.plan.baselineSlots, input.slot),
    importMaxW: home.importFuseW,
  });
  return { ...now, baselineW: free.powerW };
}

function slotOf(slots: readonly PlanSlot[], slot: SlotId): PlanSlot | undefined {
  const startMs = slotStartMs(slot);
  return slots.find((candidate) => candidate.slotStartMs === startMs);
}

interface Situation {
  readonly home: AgentHome;
  readonly battery: AgentBattery;
  readonly reading: HomeReading;
  readonly hours: number;
  readonly needW: number;
  readonly prices: Pick<HomePlan, 'retailMicroPerKwh' | 'feedInMicroPerKwh'>;
}

interface Aim {
  /** What the rest of the slot lacks to meet the position. */
  readonly lackWh: number;
  readonly planned: PlanSlot | undefined;
  readonly importMaxW: number;
}

function steer(
  { home, battery, reading, hours, needW, prices }: Situation,
  { lackWh, planned, importMaxW }: Aim,
): { readonly powerW: number; readonly reason: string } {
  const wish = valued(lackWh, hours, battery, planned, prices);
  const [lowestW, highestW] = reach(battery, reading, hours);
  const possible = Math.min(highestW, Math.max(lowestW, wish.energyWh / hours));
  let reason =
    possible > wish.energyWh / hours + 1 || possible < wish.energyWh / hours - 1
      ? `${wish.reason}, at the battery's bound`
      : wish.reason;
  let powerW = possible;
  const leastW = needW - importMaxW;
  if (powerW < leastW) {
    powerW = leastW;
    reason = importMaxW < home.importFuseW ? 'import limit' : 'fuse';
  }
  const mostW = needW + home.importFuseW;
  if (powerW > mostW) {
    powerW = mostW;
    reason = 'fuse';
  }
  return { powerW: Math.trunc(Math.min(highestW, Math.max(lowestW, powerW))) + 0, reason };
}

/** Energy the battery should give in the rest of the slot, by what it is worth later. */
function valued(
  lackWh: number,
  hours: number,
  battery: AgentBattery,
  planned: PlanSlot | undefined,
  prices: Pick<HomePlan, 'retailMicroPerKwh' | 'feedInMicroPerKwh'>,
): { readonly energyWh: number; readonly reason: string } {
  if (planned === undefined) return { energyWh: lackWh, reason: 'position' };
  const { retailMicroPerKwh: retail, feedInMicroPerKwh: feedIn } = prices;
  // More than retail: worth buying for. At least feed-in: worth keeping rather than exporting.
  const within = (steps: PlanSlot['charge'], holds: (price: number) => boolean): number =>
    steps.reduce((total, step) => total + (holds(step.priceMicroPerKwh) ? step.energyWh : 0), 0);
  const buyFor = Math.min(
    battery.chargeMaxW * hours,
    within(planned.charge, (price) => price > retail),
  );
  if (buyFor > 0) {
    const keep = Math.max(
      buyFor,
      Math.min(
        -lackWh,
        within(planned.charge, (price) => price >= feedIn),
      ),
    );
    return { energyWh: -keep, reason: 'filling up for later' };
  }
  const giveAway = Math.min(
    battery.dischargeMaxW * hours,
    within(planned.discharge, (price) => price < feedIn),
  );
  if (lackWh > 0) {
    const give = Math.min(
      lackWh,
      within(planned.discharge, (price) => price <= retail),
    );
    return { energyWh: Math.max(give, giveAway), reason: give < lackWh ? 'saving for later' : 'position' };
  }
  if (giveAway > 0) return { energyWh: giveAway, reason: 'making room' };
  const take = Math.min(
    -lackWh,
    within(planned.charge, (price) => price >= feedIn),
  );
  return { energyWh: -take, reason: take < -lackWh ? 'leaving room for later' : 'position' };
}

/** Least and most power the battery can hold for `hours`: its rating, and what it has above the reserve and below the top. */
function reach(battery: AgentBattery, reading: HomeReading, hours: number): readonly [number, number] {
  const { floorWh, topWh, efficiency } = batteryBounds(battery);
  const storedWh = (battery.capacityWh * reading.stateOfChargePermille) / 1000;
  const giveW = (Math.max(0, storedWh - floorWh) * efficiency) / hours;
  const takeW = Math.max(0, topWh - storedWh) / efficiency / hours;
  return [-Math.min(battery.chargeMaxW, takeW), Math.min(battery.dischargeMaxW, giveW)];
}
