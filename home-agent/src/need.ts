import type { ExpectedSlot, Quantiles } from './types.ts';

/** What a home needs from battery and grid in a slot, Wh (load - PV; below zero is surplus): low, middle, high. */
export interface Need {
  readonly low: number;
  readonly mid: number;
  readonly high: number;
}

/** Load and PV err independently, so their spreads add in squares. */
export function needOf({ loadWh, pvWh }: Pick<ExpectedSlot, 'loadWh' | 'pvWh'>): Need {
  const mid = loadWh.p50 - pvWh.p50;
  return {
    low: mid - Math.hypot(loadWh.p50 - loadWh.p10, pvWh.p90 - pvWh.p50),
    mid,
    high: mid + Math.hypot(loadWh.p90 - loadWh.p50, pvWh.p50 - pvWh.p10),
  };
}

/** Weights that give back mean and spread of a distribution from its 10, 50 and 90 % points (Swanson's rule). */
export const NEED_WEIGHTS = [0.3, 0.4, 0.3] as const;

/** Mean of a quantity known by its quantiles, whole Wh. Sums over homes need means: medians of skewed loads add up too low. */
export function meanWh({ p10, p50, p90 }: Quantiles): number {
  return Math.round(NEED_WEIGHTS[0] * p10 + NEED_WEIGHTS[1] * p50 + NEED_WEIGHTS[2] * p90);
}
