import type { CounterPoint, CounterState } from './tracker.ts';

/** The counters' value at a slot boundary. `gapMs` is how far apart the polls around it lie; null when the value is carried, not measured. */
export interface BoundaryValue {
  readonly totalsWh: Readonly<Record<string, number>>;
  readonly rawsWh: Readonly<Record<string, number>>;
  readonly epoch: number;
  readonly gapMs: number | null;
}

/** Whole Wh on the straight line from a to b, rounded down; exact for any safe integers. */
function between(a: number, b: number, atMs: number, fromMs: number, toMs: number): number {
  if (toMs <= fromMs) return b;
  const growth = BigInt(b - a) * BigInt(Math.round(atMs - fromMs));
  return a + Number(growth / BigInt(Math.round(toMs - fromMs)));
}

/** True once a point at or after the boundary is there. */
export function reaches(state: CounterState, boundaryMs: number): boolean {
  return (state.points.at(-1)?.atMs ?? -Infinity) >= boundaryMs;
}

/**
 * The value at the boundary: on the line between the points around it, else the last value before it (`gapMs: null`).
 * Undefined when there is no point at or before the boundary and none after it either. Never falls as the boundary moves on.
 */
export function valueAt(state: CounterState, boundaryMs: number): BoundaryValue | undefined {
  let before: CounterPoint | undefined;
  let after: CounterPoint | undefined;
  for (const point of state.points) {
    if (point.atMs <= boundaryMs) before = point;
    if (point.atMs >= boundaryMs) {
      after = point;
      break;
    }
  }
  const known = before ?? after;
  if (!known) return undefined;
  if (!before || !after || before === after) {
    const measured = after !== undefined;
    return { totalsWh: known.totalsWh, rawsWh: known.rawsWh, epoch: known.epoch, gapMs: measured ? 0 : null };
  }
  const totalsWh: Record<string, number> = {};
  const rawsWh: Record<string, number> = {};
  for (const [name, total] of Object.entries(before.totalsWh)) {
    const value = between(total, after.totalsWh[name] ?? total, boundaryMs, before.atMs, after.atMs);
    totalsWh[name] = value;
    rawsWh[name] = (before.rawsWh[name] ?? 0) + (value - total);
  }
  return { totalsWh, rawsWh, epoch: before.epoch, gapMs: after.atMs - before.atMs };
}
