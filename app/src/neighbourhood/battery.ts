import type { BatterySpec } from './spec.ts';
import { MILLIJ_PER_WH } from './energy.ts';

/** No battery here goes below this by itself: manufacturers keep a reserve. */
export const SOC_MIN_PERMILLE = 50;

/** What a battery did in a step, in millijoules on the home's side, both unsigned; at most one is above zero. */
export interface BatteryStep {
  readonly storedMilliJ: number;
  readonly chargedMilliJ: number;
  readonly dischargedMilliJ: number;
  /** Turned into heat: charged - discharged = growth of stored + lost, exactly. */
  readonly lostMilliJ: number;
}

/** Efficiency of one way, in parts per million; both ways together give the round trip. */
export function oneWayPpm(roundTripPermille: number): number {
  return Math.floor(Math.sqrt(roundTripPermille / 1000) * 1_000_000);
}

export function capacityMilliJ(battery: BatterySpec): number {
  return battery.capacityWh * MILLIJ_PER_WH;
}

export function socPermille(battery: BatterySpec, storedMilliJ: number): number {
  return Math.round((storedMilliJ * 1000) / capacityMilliJ(battery));
}

/**
 * Moves the energy that is asked for (positive: discharge into the home) within power, capacity and reserve.
 * Integers up to 150 kW and 60 s; a full or empty battery takes or gives what it can.
 */
export function stepBattery(
  battery: BatterySpec,
  storedMilliJ: number,
  askedMilliJ: number,
  durationMs: number,
  reservePermille: number,
): BatteryStep {
  const ppm = oneWayPpm(battery.roundTripPermille);
  if (askedMilliJ >= 0) {
    const reserve = Math.ceil((capacityMilliJ(battery) * reservePermille) / 1000);
    const available = Math.max(0, storedMilliJ - reserve);
    let given = Math.min(askedMilliJ, battery.dischargeMaxW * durationMs);
    let taken = Math.ceil((given * 1_000_000) / ppm);
    if (taken > available) {
      given = Math.floor((available * ppm) / 1_000_000);
      taken = Math.min(available, Math.ceil((given * 1_000_000) / ppm));
    }
    return {
      storedMilliJ: storedMilliJ - taken,
      chargedMilliJ: 0,
      dischargedMilliJ: given,
      lostMilliJ: taken - given,
    };
  }
  const room = Math.max(0, capacityMilliJ(battery) - storedMilliJ);
  let accepted = Math.min(-askedMilliJ, battery.chargeMaxW * durationMs);
  let kept = Math.floor((accepted * ppm) / 1_000_000);
  if (kept > room) {
    accepted = Math.floor((room * 1_000_000) / ppm);
    kept = Math.floor((accepted * ppm) / 1_000_000);
  }
  return {
    storedMilliJ: storedMilliJ + kept,
    chargedMilliJ: accepted,
    dischargedMilliJ: 0,
    lostMilliJ: accepted - kept,
  };
}
