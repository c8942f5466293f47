import { meanW, MILLIJ_PER_WH } from './energy.ts';
import type { HomeState, HomeView } from './home.ts';
import { between, textSeed } from './random.ts';
import type { FeederSpec } from './spec.ts';

/**
 * What the feeder's meter at the transformer remembers: counters in millijoules, unsigned and growing. import - export = the homes'
 * import - export + what was lost, exactly.
 */
export interface FeederState {
  readonly atMs: number;
  readonly importMilliJ: number;
  readonly exportMilliJ: number;
  readonly lostMilliJ: number;
  readonly gridW: number;
  /** What the counters showed at the first moment: meters are not new. */
  readonly importOffsetMilliJ: number;
  readonly exportOffsetMilliJ: number;
}

export function initialFeeder(feeder: FeederSpec, seed: number, atMs: number): FeederState {
  const wh = (what: number): number =>
    between(2_000_000, 90_000_000, seed, textSeed(feeder.id), what) * MILLIJ_PER_WH;
  return {
    atMs,
    importMilliJ: 0,
    exportMilliJ: 0,
    lostMilliJ: 0,
    gridW: 0,
    importOffsetMilliJ: wh(1),
    exportOffsetMilliJ: wh(2),
  };
}

/** The feeder after a step in which its homes went from `before` to `after`; what is lost comes in on top of what they draw. */
export function advancedFeeder(
  feeder: FeederSpec,
  state: FeederState,
  before: readonly HomeState[],
  after: readonly HomeState[],
  toMs: number,
): FeederState {
  const durationMs = toMs - state.atMs;
  if (durationMs <= 0) return state;
  let netMilliJ = 0;
  let movedMilliJ = 0;
  for (const [index, home] of after.entries()) {
    const was = before[index]?.totals ?? home.totals;
    const drawn = home.totals.importMilliJ - was.importMilliJ;
    const given = home.totals.exportMilliJ - was.exportMilliJ;
    netMilliJ += drawn - given;
    movedMilliJ += drawn + given;
  }
  const lost = feeder.lossW * durationMs + Math.floor((movedMilliJ * feeder.lossPermille) / 1000);
  const through = netMilliJ + lost;
  return {
    ...state,
    atMs: toMs,
    importMilliJ: state.importMilliJ + Math.max(0, through),
    exportMilliJ: state.exportMilliJ + Math.max(0, -through),
    lostMilliJ: state.lostMilliJ + lost,
    gridW: meanW(through, durationMs),
  };
}

/** What the meter shows, in the form of a home's, of which it is the grid part alone. */
export function viewFeeder(state: FeederState): HomeView {
  const show = (energy: number, offset: number): number => Math.floor((energy + offset) / MILLIJ_PER_WH);
  return {
    atMs: state.atMs,
    gridW: state.gridW,
    pvW: 0,
    batteryW: 0,
    importWh: show(state.importMilliJ, state.importOffsetMilliJ),
    exportWh: show(state.exportMilliJ, state.exportOffsetMilliJ),
    pvWh: 0,
    chargedWh: 0,
    dischargedWh: 0,
    socPermille: 0,
  };
}
