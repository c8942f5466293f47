import type { Window } from './columns.ts';
import {
  autocorrelation,
  dot,
  huberWeights,
  mean,
  Projection,
  robustScale,
  type Series,
} from './projection.ts';

/** A meter is allowed to be off by so much (class B, current transformers, a step of its counter) before it is wrong. */
export const CLASS_ERROR = 0.02;
/** Standard deviations by which a meter must be beyond that before it is named; more where there are few values (see `certain`). */
const CERTAIN = 4.5;
const REWEIGHT_ROUNDS = 3;
/** Whole Wh, boundaries between polls: no sum of readings is better than this share of what flows. */
const NOISE_SHARE = 0.004;

/** The rest of a series, robustly: slots that fit nothing weigh less. */
export function unexplained(
  y: Series,
  columns: readonly Series[],
  floor: number,
): { readonly projection: Projection; readonly rest: Series } {
  let weights: Series = new Float64Array(y.length).fill(1);
  let projection = new Projection(columns, weights);
  let rest = projection.rest(y);
  for (let round = 1; round < REWEIGHT_ROUNDS; round++) {
    const residuals = rest.map((value, t) => value / weights[t]!);
    weights = huberWeights(residuals, Math.max(robustScale(residuals), floor));
    projection = new Projection(columns, weights);
    rest = projection.rest(y);
  }
  return { projection, rest };
}

/** Of a mean: residuals that resemble the one before say less than independent ones. */
export function varianceOf(residuals: Series, parameters: number, floor: number): number {
  const free = Math.max(1, residuals.length - parameters);
  const spread = Math.max(dot(residuals, residuals) / free, floor ** 2);
  const echo = Math.min(0.8, Math.max(0, autocorrelation(residuals)));
  return (spread * (1 + echo)) / (1 - echo);
}

/**
 * The step of a meter's own counter is in its flows and, with the other sign, in the difference: it makes a meter look as if it
 * counted too much. Two counters, each with the variance of a difference of two rounded values, step^2 / 6; half as much again to be safe. It never
 * looks like more than the whole flow.
 */
export function stepError({ stepWh, differenceWh }: Window, size: number): number {
  return Math.min(1, (1.5 * differenceWh.length * stepWh ** 2) / (3 * size));
}

/** With few values the noise is known badly, and the best of many explanations fits it by chance. */
export function certain({ differenceWh }: Window): number {
  return CERTAIN * (1 + 12 / differenceWh.length);
}

export function floorOf({ averageUseWh, homes }: Window): number {
  return 1 + NOISE_SHARE * mean(averageUseWh) * homes.length;
}
