import type { Side, SlotMinutes } from '@commonwatt/domain';

/**
 * The household as its agent sees it. Energy in whole Wh, power in whole W, prices in whole micro-units per kWh.
 * Signs: battery power and energy are positive when it discharges; net energy is positive on export; a limit is positive on import.
 */
export interface AgentHome {
  readonly participant: string;
  readonly slotMinutes: SlotMinutes;
  readonly battery: AgentBattery | null;
  /** The connection's rating; holds for export as well. */
  readonly importFuseW: number;
}

export interface AgentBattery {
  readonly capacityWh: number;
  readonly chargeMaxW: number;
  readonly dischargeMaxW: number;
  /** Energy out per energy in, at the home's side. */
  readonly roundTripPermille: number;
  /** Share of the capacity that is never given away. */
  readonly reservePermille: number;
}

/** Wh, p10 <= p50 <= p90. */
export interface Quantiles {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

/** Port: what a forecast says of a slot. */
export interface ExpectedSlot {
  readonly slotStartMs: number;
  readonly loadWh: Quantiles;
  readonly pvWh: Quantiles;
}

/** Port: what the market has shown so far. A price is null for a slot in which nobody traded. */
export interface MarketOutlook {
  readonly retailMicroPerKwh: number;
  readonly feedInMicroPerKwh: number;
  readonly recentPrices: readonly {
    readonly slotStartMs: number;
    readonly priceMicroPerKwh: number | null;
    readonly volumeWh: number;
  }[];
}

/** This home's share of a feeder's import limit in [from, to), signed W: below zero it is asked to export. */
export interface ImportLimit {
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly shareW: number;
}

/** What was sold less what was bought for a slot whose gate has closed. */
export interface Commitment {
  readonly slotStartMs: number;
  readonly positionWh: number;
}

/** Some energy (at the home's side of the battery) and what it is worth per kWh. */
export interface ValueStep {
  readonly energyWh: number;
  readonly priceMicroPerKwh: number;
}

export interface PlanSlot {
  readonly slotStartMs: number;
  /** Positive discharges. */
  readonly batteryWh: number;
  /** Expected net export: PV + battery - load. */
  readonly netWh: number;
  /** Expected state of charge when the slot starts; null without a (known) battery. */
  readonly stateOfChargeWh: number | null;
  /** What the battery could give in this slot, cheapest first: the price is what that energy would earn later instead. */
  readonly discharge: readonly ValueStep[];
  /** What it could take, dearest first: the price is what that energy will earn later. */
  readonly charge: readonly ValueStep[];
  /** Most energy the home may import in the slot (fuse and import limits); below zero it has to export. */
  readonly importMaxWh: number;
}

export interface HomePlan {
  readonly slots: readonly PlanSlot[];
  /** The same without import limits, from the same state: what the home would do if nobody had asked. */
  readonly baselineSlots: readonly PlanSlot[];
  /** What a lack costs and a surplus earns outside the market: the prices the plan was made with. */
  readonly retailMicroPerKwh: number;
  readonly feedInMicroPerKwh: number;
}

/** An order to sign. Prices lie within [feed-in, retail]. */
export interface HomeOrder {
  readonly side: Side;
  readonly energyWh: number;
  readonly priceMicroPerKwh: number;
  /** Stable within home and slot: `bid-1`, `offer-2`. */
  readonly tag: string;
}

/** What the gateway reads now. Grid positive on import, battery positive on discharge, PV never negative. */
export interface HomeReading {
  readonly gridW: number;
  readonly pvW: number;
  readonly batteryW: number;
  readonly stateOfChargePermille: number;
}

export interface BatterySetpoint {
  /** Positive discharges. */
  readonly powerW: number;
  readonly reason: string;
  /** What it would be without demand signals. */
  readonly baselineW: number;
}
