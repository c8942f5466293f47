const LEVELS = [0.1, 0.5, 0.9] as const;
/** A normal distribution's quantiles in units of its mean absolute deviation: where the bands start. */
const START = [-1.6, 0, 1.6] as const;

/**
 * Quantiles of a forecast's error that correct themselves: each moves up when the truth was above it and down when below, so that in
 * the long run the stated share of slots falls below it (adaptive conformal inference, Gibbs and Candes 2021). Errors are scaled.
 */
export class ErrorBand {
  private readonly marks = Float64Array.from(START);
  private seen = 0;

  learn(scaledError: number): void {
    this.seen += 1;
    const step = 0.02 + 2 / (this.seen + 20);
    for (let i = 0; i < LEVELS.length; i += 1) {
      const level = LEVELS[i] as number;
      const mark = this.marks[i] as number;
      this.marks[i] = mark + step * (scaledError > mark ? level : level - 1);
    }
  }

  /** Scaled error at 0: 10 %, 1: 50 %, 2: 90 %. */
  mark(which: 0 | 1 | 2): number {
    return this.marks[which] as number;
  }
}
