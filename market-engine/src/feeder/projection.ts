/** One value per slot. */
export type Series = Float64Array;

/** Part of a series that is left of it may be rounding: such a column says nothing that the others do not. */
const NEGLIGIBLE = 1e-9;

/** An orthonormal base of what is known to move the differences; weighted slot by slot (modified Gram-Schmidt). */
export class Projection {
  readonly #base: Series[] = [];
  readonly #weights: Series;

  /** `weights` are the square roots of the observations' weights. */
  constructor(columns: readonly Series[], weights: Series) {
    this.#weights = weights;
    for (const column of columns) {
      const weighted = column.map((value, t) => value * weights[t]!);
      const left = this.#remove(weighted);
      const size = Math.sqrt(dot(left, left));
      if (size > NEGLIGIBLE * Math.sqrt(dot(weighted, weighted)) && size > 0) {
        this.#base.push(left.map((value) => value / size));
      }
    }
  }

  get dimensions(): number {
    return this.#base.length;
  }

  /** What of the series the base does not explain, weighted. */
  rest(series: Series): Series {
    return this.#remove(series.map((value, t) => value * this.#weights[t]!));
  }

  #remove(series: Series): Series {
    for (const axis of this.#base) {
      const along = dot(axis, series);
      for (let t = 0; t < series.length; t++) series[t]! -= along * axis[t]!;
    }
    return series;
  }
}

/** Where Huber's weights begin to fall, in standard deviations: single strange slots do not decide. */
const HUBER = 2.5;

/** Square roots of Huber's weights for these residuals. */
export function huberWeights(residuals: Series, scale: number): Series {
  return residuals.map((residual) =>
    Math.sqrt(Math.min(1, (HUBER * scale) / Math.max(Math.abs(residual), 1e-12))),
  );
}

/** Standard deviation as the median absolute deviation from zero tells it. */
export function robustScale(residuals: Series): number {
  const sizes = residuals.map(Math.abs).sort();
  return 1.4826 * (sizes[sizes.length >> 1] ?? 0);
}

/** How much of a residual is in the next one, -1 to 1. */
export function autocorrelation(residuals: Series): number {
  let together = 0;
  for (let t = 1; t < residuals.length; t++) together += residuals[t]! * residuals[t - 1]!;
  const square = dot(residuals, residuals);
  return square === 0 ? 0 : together / square;
}

export function dot(a: Series, b: Series): number {
  let sum = 0;
  for (let t = 0; t < a.length; t++) sum += a[t]! * b[t]!;
  return sum;
}

export function mean(series: Series): number {
  return series.length === 0 ? 0 : series.reduce((sum, value) => sum + value, 0) / series.length;
}
