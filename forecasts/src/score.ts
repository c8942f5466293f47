import type { Quantiles } from './types.ts';

/** A forecast and what then happened, Wh. */
export interface Scored {
  readonly actualWh: number;
  readonly forecastWh: Quantiles;
}

export interface Score {
  readonly slots: number;
  /** Sum of |error| of the median over the sum of what happened. */
  readonly normalisedError: number;
  /** Sum of error over the sum of what happened: above 0 means forecast too high. */
  readonly bias: number;
  /** Mean pinball loss of the three quantiles per slot, Wh; lower is better. */
  readonly pinballWh: number;
  /** Share of slots within p10..p90; 0.8 is right. */
  readonly coverage: number;
}

/** Scores forecasts against the truth. With no slots, or none with energy, the ratios are NaN. */
export function scoreForecasts(pairs: Iterable<Scored>): Score {
  let slots = 0;
  let actual = 0;
  let absolute = 0;
  let signed = 0;
  let pinball = 0;
  let within = 0;
  for (const { actualWh, forecastWh } of pairs) {
    slots += 1;
    actual += actualWh;
    absolute += Math.abs(forecastWh.p50 - actualWh);
    signed += forecastWh.p50 - actualWh;
    pinball +=
      (loss(0.1, actualWh - forecastWh.p10) +
        loss(0.5, actualWh - forecastWh.p50) +
        loss(0.9, actualWh - forecastWh.p90)) /
      3;
    if (actualWh >= forecastWh.p10 && actualWh <= forecastWh.p90) within += 1;
  }
  return {
    slots,
    normalisedError: actual > 0 ? absolute / actual : Number.NaN,
    bias: actual > 0 ? signed / actual : Number.NaN,
    pinballWh: pinball / slots,
    coverage: within / slots,
  };
}

function loss(level: number, error: number): number {
  return error >= 0 ? level * error : (level - 1) * error;
}
