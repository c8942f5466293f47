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

/** Adds one case of need to a row of the table. What a slot earns depends on the change alone, so it is worked out once per change. */
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
  const up = Math.min(steps, Math.floor(stage.upWh / stepWh + 1e-9));
  const down = Math.min(steps, Math.floor(stage.downWh / stepWh + 1e-9));
  const earned = new Float64Array(down + up + 1);
  for (let d = -down; d <= up; d += 1) earned[d + down] = earns(stage, grid, needWh, d * stepWh);
  const offGrid = corners(stage, grid, needWh).map((change) => {
    const possible = Math.min(stage.upWh, Math.max(-stage.downWh, change));
    return { shift: possible / stepWh, money: earns(stage, grid, needWh, possible) };
  });
  let target = 0;
  for (let j = 0; j <= steps; j += 1) {
    const lowest = Math.max(0, j - down);
    const highest = Math.min(steps, j + up);
    const zero = down - j;
    target = Math.min(highest, Math.max(lowest, target));
    let best = (earned[target + zero] as number) + (values[next + target] as number);
    let moved = false;
    while (target < highest) {
      const higher = (earned[target + 1 + zero] as number) + (values[next + target + 1] as number);
      if (higher < best) break;
      best = higher;
      target += 1;
      moved = true;
    }
    while (!moved && target > lowest) {
      const lower = (earned[target - 1 + zero] as number) + (values[next + target - 1] as number);
      if (lower <= best) break;
      best = lower;
      target -= 1;
    }
    for (const { shift, money } of offGrid) {
      const position = j + shift;
      if (position >= 0 && position <= steps)
        best = Math.max(best, money + valueAt(values, next, grid, position));
    }
    values[here + j] = (values[here + j] as number) + weight * best;
  }
}

/** The value between grid points: linear, so never above the truth. */
export function valueAt(values: ArrayLike<number>, offset: number, grid: Grid, position: number): number {
  const inside = Math.min(grid.steps, Math.max(0, position));
  const below = Math.min(grid.steps - 1, Math.floor(inside));
  const share = inside - below;
  const a = values[offset + below] as number;
  return a + ((values[offset + below + 1] as number) - a) * share;
}
