import type { SlotMinutes } from '@commonwatt/domain';

/** Energy metered in one slot, whole Wh, unsigned; null where it was not measured. */
export interface SlotEnergy {
  readonly slotStartMs: number;
  readonly loadWh: number | null;
  readonly pvWh: number | null;
}

/** What a forecaster knows of a home before it has seen a single slot. Longitude is positive to the east. */
export interface HomeSite {
  readonly slotMinutes: SlotMinutes;
  /** Nameplate of the panels; null for a home without. */
  readonly pvPeakW: number | null;
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  /** IANA name: habits follow the clock on the wall. */
  readonly timezone: string;
}

/** Whole Wh, 0 <= p10 <= p50 <= p90: in one slot of ten the truth is below p10, in one of ten above p90. */
export interface Quantiles {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

export interface SlotForecast {
  readonly slotStartMs: number;
  readonly loadWh: Quantiles;
  readonly pvWh: Quantiles;
}
