import { dot, type Series } from './projection.ts';

/** One explanation of a series, and the range its coefficient may have. */
export interface Column {
  readonly values: Series;
  readonly min: number;
  readonly max: number;
}

const SWEEPS_MAX = 2000;
const PRECISION = 1e-10;

/**
 * Least squares with every coefficient kept within its range, by coordinate descent on the normal equations: the problem is convex, so
 * the sweeps end at its minimum.
 */
export function boundedFit(
  columns: readonly Column[],
  y: Series,
): { readonly coefficients: readonly number[]; readonly residuals: Series } {
  const gram = columns.map((a) => columns.map((b) => dot(a.values, b.values)));
  const right = columns.map((a) => dot(a.values, y));
  const coefficients = columns.map(({ min, max }) => Math.min(max, Math.max(min, 0)));
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
    let moved = 0;
    for (const [i, { min, max }] of columns.entries()) {
      const row = gram[i]!;
      const own = row[i]!;
      if (own === 0) continue;
      const others = row.reduce((sum, value, j) => (j === i ? sum : sum + value * coefficients[j]!), 0);
      const next = Math.min(max, Math.max(min, (right[i]! - others) / own));
      moved += (next - coefficients[i]!) ** 2 * own;
      coefficients[i] = next;
    }
    if (moved <= PRECISION ** 2 * (dot(y, y) + 1)) break;
  }
  const residuals = y.map((value, t) =>
    columns.reduce((left, { values }, i) => left - coefficients[i]! * values[t]!, value),
  );
  return { coefficients, residuals };
}
