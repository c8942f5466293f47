import { homeSideWh, storedWhOf } from './battery.ts';
import { NEED_WEIGHTS } from './need.ts';

/** One slot of the planning problem. Energy in Wh, prices in micro/kWh (so Wh x price is nano-units); floats, inside the plan only. */
export interface Stage {
  /** Net need, low to high. */
  readonly needs: readonly [number, number, number];
  readonly sell: number;
  readonly buy: number;
  /** Position already traded, or null while the market is open: what differs from it goes at `sell` and `buy`. */
  readonly positionWh: number;
  readonly importMaxWh: number;
  readonly exportMaxWh: number;
  /** Per Wh beyond the two maxima. */
  readonly penalty: number;
  /** Per Wh through the battery: wear, and the tie-breaker against moving energy for nothing. */
  readonly wear: number;
  /** Most stored energy that can be added and taken in the slot. */
  readonly upWh: number;
  readonly downWh: number;
}

/** The battery as the plan sees it: stored energy from `floorWh` in equal steps. */
export interface Grid {
  readonly floorWh: number;
  readonly stepWh: number;
  readonly steps: number;
  readonly efficiency: number;
}

/** What ending a slot with a change in storage earns in that slot (negative: costs), nano-units. */
export function earns(stage: Stage, grid: Grid, needWh: number, storedWh: number): number {
  const battery = homeSideWh(storedWh, grid.efficiency);
  const exportWh = battery - needWh;
  const open = exportWh - stage.positionWh;
  let money = open > 0 ? open * stage.sell : open * stage.buy;
  if (-exportWh > stage.importMaxWh) money -= (-exportWh - stage.importMaxWh) * stage.penalty;
  if (exportWh > stage.exportMaxWh) money -= (exportWh - stage.exportMaxWh) * stage.penalty;
  return money - stage.wear * Math.abs(battery);
}

/** Changes in storage at which the slot's earnings have a corner: the optimum lies at one of them or on the grid. */
export function corners(stage: Stage, grid: Grid, needWh: number): readonly [number, number] {
  return [
    storedWhOf(needWh + stage.positionWh, grid.efficiency),
    storedWhOf(needWh - stage.importMaxWh, grid.efficiency),
  ];
}

/**
 * Backward dynamic programming over the state of charge: `values[t * (steps + 1) + j]` is the best that can be expected from slot t on
 * with j steps stored. The need of a slot is known when the battery acts (it follows the meter), so the maximum is inside the mean.
 * Earnings are concave in the change and the value is concave in the storage, so the best target moves up with the storage and each
 * search starts where the last one ended: the whole table takes a few evaluations per cell.
 */
export function valueTable(
  stages: readonly Stage[],
  grid: Grid,
  terminal: ArrayLike<number>,
  scenarios: 'all' | 'middle',
): Float64Array {
  const width = grid.steps + 1;
  const values = new Float64Array((stages.length + 1) * width);
  for (let j = 0; j < width; j += 1) values[stages.length * width + j] = terminal[j] ?? 0;
  for (let t = stages.length - 1; t >= 0; t -= 1) {
    const stage = stages[t] as Stage;
    const next = (t + 1) * width;
    for (let k = 0; k < 3; k += 1) {
      const weight = scenarios === 'all' ? (NEED_WEIGHTS[k] as number) : k === 1 ? 1 : 0;
      if (weight === 0) continue;
      sweep(stage, grid, stage.needs[k] as number, weight, values, t * width, next);
    }
  }
  return values;
}

function sweep(
  stage: Stage,
  grid: Grid,
  needWh: number,
  weight: number,
  values: Float64Array,
  here: number,
  next: number,
): void {
  const { stepWh, steps } = grid;
  const up = Math.floor(stage.upWh / stepWh + 1e-9);
  const down = Math.floor(stage.downWh / stepWh + 1e-9);
  const [balanced, limited] = corners(stage, grid, needWh);
  const at = (j: number, i: number): number =>
    earns(stage, grid, needWh, (i - j) * stepWh) + (values[next + i] as number);
  let target = 0;
  for (let j = 0; j <= steps; j += 1) {
    const lowest = Math.max(0, j - down);
    const highest = Math.min(steps, j + up);
    target = Math.min(highest, Math.max(lowest, target));
    let best = at(j, target);
    let moved = false;
    while (target < highest) {
      const higher = at(j, target + 1);
      if (higher < best) break;
      best = higher;
      target += 1;
      moved = true;
    }
    while (!moved && target > lowest) {
      const lower = at(j, target - 1);
      if (lower <= best) break;
      best = lower;
      target -= 1;
    }
    best = Math.max(best, offGrid(stage, grid, needWh, j, balanced, values, next));
    if (limited !== balanced) best = Math.max(best, offGrid(stage, grid, needWh, j, limited, values, next));
    values[here + j] = (values[here + j] as number) + weight * best;
  }
}

/** The value of moving by an amount that is no whole number of steps, cut to what the battery can do. */
function offGrid(
  stage: Stage,
  grid: Grid,
  needWh: number,
  j: number,
  changeWh: number,
  values: Float64Array,
  next: number,
): number {
  const change = Math.min(
    Math.min(stage.upWh, (grid.steps - j) * grid.stepWh),
    Math.max(-Math.min(stage.downWh, j * grid.stepWh), changeWh),
  );
  return earns(stage, grid, needWh, change) + valueAt(values, next, grid, j + change / grid.stepWh);
}

/** The value between grid points: linear, so never above the truth. */
export function valueAt(values: ArrayLike<number>, offset: number, grid: Grid, position: number): number {
  const inside = Math.min(grid.steps, Math.max(0, position));
  const below = Math.min(grid.steps - 1, Math.floor(inside));
  const share = inside - below;
  const a = values[offset + below] as number;
  return a + ((values[offset + below + 1] as number) - a) * share;
}
