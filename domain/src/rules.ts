import type { SlotMinutes } from './slot.ts';

/** What a community has agreed on; part of every public bundle. Prices in whole micro-units per kWh. */
export interface MarketRules {
  readonly community: string;
  readonly slotMinutes: SlotMinutes;
  readonly mechanism: MechanismName;
  /** Where in [lo, hi] the uniform price lies, 0 to 100. */
  readonly kPercent: number;
  /** The supplier sells at this price. */
  readonly retailMicroPerKwh: number;
  /** The supplier buys at this price; never above the retail price. */
  readonly feedInMicroPerKwh: number;
  /** Paid by the importer on every metered kWh drawn; goes to the community fund. */
  readonly networkFeeMicroPerKwh: number;
  readonly levyMicroPerKwh: number;
  /** Orders close this long before the slot starts. */
  readonly gateClosureMs: number;
  /** Slots take orders from this many slots before their start. */
  readonly openSlotsAhead: number;
  /** Readings are waited for until this long after the slot's end; then the missing are estimated. */
  readonly meteringDeadlineMs: number;
  /** Late readings are trued up until this long after the slot's end. */
  readonly trueUpLimitMs: number;
  readonly ordersMaxPerParticipant: number;
  readonly orderEnergyWhMax: number;
  /** A feeder may lose up to this share of what the homes' meters count (import + export); 40 when left out. */
  readonly feederLossPermille?: number;
  /** ... and this much power besides, for transformer and meters; 500 when left out. */
  readonly feederLossW?: number;
  /** Step of a meter's counter; the homes' sum may be off by this times the square root of their number. 100 when left out. */
  readonly feederToleranceWh?: number;
}

export type MechanismName = 'uniform' | 'pay-as-bid' | 'mcafee';

/** Retail 0.25, feed-in 0.08 a kWh, gate 5 minutes before the slot, meters awaited 10 minutes. */
export const DEFAULT_RULES: Omit<MarketRules, 'community'> = {
  slotMinutes: 15,
  mechanism: 'uniform',
  kPercent: 50,
  retailMicroPerKwh: 250_000,
  feedInMicroPerKwh: 80_000,
  networkFeeMicroPerKwh: 0,
  levyMicroPerKwh: 0,
  gateClosureMs: 5 * 60_000,
  openSlotsAhead: 4,
  meteringDeadlineMs: 10 * 60_000,
  trueUpLimitMs: 48 * 3_600_000,
  ordersMaxPerParticipant: 20,
  orderEnergyWhMax: 1_000_000,
  feederLossPermille: 40,
  feederLossW: 500,
  feederToleranceWh: 100,
};
