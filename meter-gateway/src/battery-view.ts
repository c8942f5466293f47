import type { Nameplate } from './config.ts';
import type { BatteryState } from './contract.ts';
import type { DispatchView } from './dispatch/dispatcher.ts';
import type { Poller } from './poller.ts';

/** The battery as the agent sees it; null without one, and while one of its figures is missing or stale. */
export function batteryState(
  bank: Poller | undefined,
  nameplate: Nameplate | undefined,
  fresh: (poller: Poller) => boolean,
): BatteryState | null {
  if (!bank || !fresh(bank)) return null;
  const { capacityWh, chargeMaxW, dischargeMaxW, stateOfChargePermille } = { ...nameplate, ...bank.values };
  if (capacityWh === undefined || stateOfChargePermille === undefined) return null;
  if (chargeMaxW === undefined || dischargeMaxW === undefined) return null;
  return {
    capacityWh,
    chargeMaxW: Math.floor(chargeMaxW),
    dischargeMaxW: Math.floor(dischargeMaxW),
    stateOfChargePermille,
  };
}

/** What a setpoint is judged by, or what of it is missing. */
export function dispatchView(
  meter: Poller,
  bank: Poller | undefined,
  nameplate: Nameplate | undefined,
  fresh: (poller: Poller) => boolean,
): DispatchView {
  const { powerW: gridW } = meter.values;
  if (!fresh(meter) || gridW === undefined) return { missing: 'the grid meter is stale' };
  if (!bank || !fresh(bank)) return { missing: 'the battery is stale' };
  const { stateOfChargePermille, chargeMaxW, dischargeMaxW, powerW } = { ...nameplate, ...bank.values };
  if (stateOfChargePermille === undefined) return { missing: 'the state of charge is not known' };
  if (chargeMaxW === undefined || dischargeMaxW === undefined) {
    return { missing: "the battery's power limits are not known: give its nameplate" };
  }
  return {
    // A battery that does not tell its power was not seen doing anything.
    batteryAtMs: powerW === undefined ? -Infinity : (bank.goodAtMs ?? 0),
    facts: { stateOfChargePermille, chargeMaxW, dischargeMaxW, batteryW: powerW ?? 0, gridW },
  };
}
