import type { AgentBattery } from './types.ts';

/** A battery's bounds in Wh and its one-way efficiency; losses are split evenly between charging and discharging. */
export interface BatteryBounds {
  readonly floorWh: number;
  readonly topWh: number;
  /** 0 to 1, one way. */
  readonly efficiency: number;
}

export function batteryBounds(battery: AgentBattery): BatteryBounds {
  return {
    floorWh: (battery.capacityWh * battery.reservePermille) / 1000,
    topWh: battery.capacityWh,
    efficiency: Math.sqrt(Math.min(1000, Math.max(1, battery.roundTripPermille)) / 1000),
  };
}

/** What the home's side sees (positive: discharged) when the stored energy changes by `storedWh` (positive: more stored). */
export function homeSideWh(storedWh: number, efficiency: number): number {
  return storedWh > 0 ? -storedWh / efficiency : -storedWh * efficiency;
}

/** The stored energy's change when the home's side sees `homeWh` (positive: discharged). */
export function storedWhOf(homeWh: number, efficiency: number): number {
  return homeWh > 0 ? -homeWh / efficiency : -homeWh * efficiency;
}
