import { CommonwattError } from '@commonwatt/domain';
import type { BatteryControl } from './control.ts';
import { advancedFeeder, initialFeeder, viewFeeder, type FeederState } from './feeder.ts';
import {
  advanceHome,
  initialHome,
  viewHome,
  STEP_MS,
  withControl,
  withMeterPercent,
  withResetCounter,
  type HomeDrive,
  type HomeState,
  type HomeView,
  type Totals,
} from './home.ts';
import type { DeviceRole, FeederSpec, HomeSpec, NeighbourhoodSpec } from './spec.ts';

/** Where the world keeps what must outlive the process. */
export interface WorldMemory {
  load(spec: HomeSpec): HomeState | null;
  loadFeeder(spec: FeederSpec): FeederState | null;
  save(kept: readonly Kept[]): void;
}

/** A home or the feeder, and what its devices remember. */
export type Kept =
  readonly [spec: HomeSpec, state: HomeState] | readonly [spec: FeederSpec, state: FeederState];

/** What truly flowed in a home since its first moment, and how its battery stands; for tests. */
export interface HomeTruth extends Totals {
  readonly id: string;
  readonly storedMilliJ: number;
  readonly storedAtStartMilliJ: number;
  readonly capacityMilliJ: number;
  readonly forced: boolean;
}

export interface World {
  readonly atMs: number;
  advance(toMs: number): number;
  view(home: number): HomeView;
  state(home: number): HomeState;
  setControl(home: number, control: BatteryControl): void;
  resetCounter(home: number, role: DeviceRole): void;
  setMeterPercent(home: number, percent: number): void;
  /** What the meter at the transformer shows. Throws RangeError where none stands. */
  viewFeeder(): HomeView;
  /** What was lost on the feeder since the first moment; 0 without a feeder. */
  readonly lostMilliJ: number;
}

/**
 * All homes at one time. Every change is in memory's keeping before anyone can see it: what a counter has shown,
 * it will never fall behind, whenever the process is killed. A memory that fails leaves the world as it was.
 */
export function createWorld(
  spec: NeighbourhoodSpec,
  drives: readonly HomeDrive[],
  memory: WorldMemory,
  startMs: number,
): World {
  checkTime(startMs);
  const loaded = spec.homes.map((home) => memory.load(home));
  let atMs = Math.max(startMs, ...loaded.map((state) => state?.atMs ?? 0));
  let states = spec.homes.map((home, index) => loaded[index] ?? initialHome(home, spec.seed, atMs));
  let feeder =
    spec.feeder === null
      ? null
      : (memory.loadFeeder(spec.feeder) ?? initialFeeder(spec.feeder, spec.seed, atMs));
  const homeAt = (index: number): [HomeSpec, HomeDrive, HomeState] => {
    const [home, drive, state] = [spec.homes[index], drives[index], states[index]];
    if (!home || !drive || !state) throw new RangeError(`no home ${index}`);
    return [home, drive, state];
  };
  const keep = (next: readonly HomeState[], nextFeeder: FeederState | null): void => {
    memory.save([
      ...spec.homes.flatMap((home, index) => (next[index] ? [[home, next[index]] as const] : [])),
      ...(spec.feeder !== null && nextFeeder !== null ? [[spec.feeder, nextFeeder] as const] : []),
    ]);
    states = [...next];
    feeder = nextFeeder;
  };
  const keepOne = (index: number, next: HomeState): void => {
    memory.save([[homeAt(index)[0], next]]);
    states[index] = next;
  };
  /** All homes step together, so that at every moment the feeder carries what they draw and give. */
  const run = (toMs: number): [HomeState[], FeederState | null] => {
    let homes = states;
    let carried = feeder;
    while (homes.some((state) => state.atMs < toMs)) {
      const fromMs = homes.reduce((least, state) => Math.min(least, state.atMs), toMs);
      const stepMs = Math.min(toMs, (Math.floor(fromMs / STEP_MS) + 1) * STEP_MS);
      const next = homes.map((state, index) => {
        const [home, drive] = homeAt(index);
        return advanceHome(home, drive, state, stepMs);
      });
      if (spec.feeder !== null && carried !== null)
        carried = advancedFeeder(spec.feeder, carried, homes, next, stepMs);
      homes = next;
    }
    return [homes, carried];
  };
  // The physical world went on while the process was down.
  keep(...run(atMs));
  return {
    get atMs() {
      return atMs;
    },
    advance(toMs) {
      checkTime(toMs);
      if (toMs > atMs) {
        keep(...run(toMs));
        atMs = toMs;
      }
      return atMs;
    },
    view(index) {
      const [home, , state] = homeAt(index);
      return viewHome(home, state);
    },
    state: (index) => homeAt(index)[2],
    setControl: (index, control) => keepOne(index, withControl(homeAt(index)[2], control)),
    setMeterPercent: (index, percent) => keepOne(index, withMeterPercent(homeAt(index)[2], percent)),
    viewFeeder() {
      if (feeder === null) throw new RangeError('no meter stands at the transformer');
      return viewFeeder(feeder);
    },
    get lostMilliJ() {
      return feeder?.lostMilliJ ?? 0;
    },
    resetCounter: (index, role) => keepOne(index, withResetCounter(homeAt(index)[2], role)),
  };
}

function checkTime(atMs: number): void {
  if (Number.isSafeInteger(atMs) && atMs >= 0) return;
  throw new CommonwattError('malformed', `${atMs} is no time`, {
    field: 'atMs',
    rule: 'whole milliseconds since 1970',
  });
}
