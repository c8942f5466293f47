/**
 * Follows the counters of one device, purely. Raw counters break off (reset, replaced meter, a spike); the totals kept here only grow,
 * by what the device really counted. All energy is whole Wh, unsigned.
 */

/** Counter values by name, e.g. `importWh` and `exportWh`. Every sample of a device has the same names. */
export type Counters = Readonly<Record<string, number>>;

/**
 * An accepted look at the counters. `totalsWh` grow over all epochs; `rawsWh` are what the device shows, plus what it has rolled over
 * since the epoch began, so that they never fall within an epoch.
 */
export interface CounterPoint {
  readonly atMs: number;
  readonly rawsWh: Counters;
  readonly totalsWh: Counters;
  /** By how much `rawsWh` lie above what the device shows; absent before the first rollover. */
  readonly rolledWh?: Counters;
  /** Grows by one when the raw counter breaks off for good. */
  readonly epoch: number;
}

export interface CounterSample {
  readonly atMs: number;
  readonly rawsWh: Counters;
  /** Where counters begin again at zero: 2^32 steps for a register of 32 bits. */
  readonly rollsAtWh?: Counters;
  /** Step of the counters in this answer, where it is coarser than the device's usual one. */
  readonly resolutionWh?: number;
  readonly serial?: string;
}

export interface CounterState {
  /** Accepted points, ascending in time; pruned by `prunePoints`. */
  readonly points: readonly CounterPoint[];
  /** Samples that contradict the last point and wait for confirmation. */
  readonly suspects: readonly CounterSample[];
  readonly serial?: string | undefined;
}

export interface CounterLimits {
  /** The connection cannot carry more than this. */
  readonly ratedW: number;
  /** How far the gateway's and the device's time may lie apart, both ends together. */
  readonly skewMs: number;
  /** Smallest step of the counter; a fall of up to two steps is rounding. */
  readonly resolutionWh: number;
  /** Samples in a row that must agree before a counter that broke off is believed. */
  readonly confirmations: number;
}

/**
 * `grown`: accepted. `old`: not later than the last sample, ignored. `low`, `high`: contradicts the last point, waits for confirmation.
 * `reset`, `jump`, `replaced`: confirmed, a new epoch began and what the break itself seemed to count is not energy.
 */
export type CounterEvent = 'first' | 'grown' | 'old' | 'low' | 'high' | 'reset' | 'jump' | 'replaced';

export const NO_COUNTERS: CounterState = { points: [], suspects: [] };

const MS_PER_HOUR = 3_600_000;

/** The most a counter can have grown in a time, Wh. */
export function growthMaxWh(durationMs: number, limits: CounterLimits): number {
  const hours = (durationMs + limits.skewMs) / MS_PER_HOUR;
  return Math.ceil(limits.ratedW * hours) + 2 * limits.resolutionWh;
}

type Step = 'grown' | 'low' | 'high';

/** The limits as they are for this answer: a float counter's step grows with it. */
function limitsFor(sample: CounterSample, limits: CounterLimits): CounterLimits {
  const { resolutionWh = 0 } = sample;
  return resolutionWh > limits.resolutionWh ? { ...limits, resolutionWh } : limits;
}

/** A sample on the scale of the epoch it may belong to. */
interface Lifted extends CounterSample {
  readonly rolledWh: Counters;
}

/**
 * Adds what the counters have rolled over since the epoch began, one rollover more where a counter fell and that alone explains it: it
 * stood so near its end that the connection can have carried it over in the time between. Zero is what devices show when they start: it
 * is no rollover until it counts.
 */
function lift(last: CounterPoint, sample: CounterSample, limits: CounterLimits): Lifted {
  const max = growthMaxWh(sample.atMs - last.atMs, limits);
  const rawsWh: Record<string, number> = {};
  const rolledWh: Record<string, number> = {};
  for (const [name, shownWh] of Object.entries(sample.rawsWh)) {
    let rolled = last.rolledWh?.[name] ?? 0;
    const before = last.rawsWh[name] ?? shownWh + rolled;
    // Whole Wh, like all that is counted.
    const rollsAt = Math.round(sample.rollsAtWh?.[name] ?? Infinity);
    const fell = shownWh + rolled < before - 2 * limits.resolutionWh;
    if (fell && shownWh > 0 && Number.isFinite(rollsAt) && max < rollsAt / 2) {
      const growth = shownWh + rolled + rollsAt - before;
      if (growth >= 0 && growth <= max) rolled += rollsAt;
    }
    rawsWh[name] = shownWh + rolled;
    rolledWh[name] = rolled;
  }
  return { ...sample, rawsWh, rolledWh };
}

function withRolled(point: CounterPoint, rolledWh: Counters): CounterPoint {
  return Object.values(rolledWh).some((wh) => wh !== 0) ? { ...point, rolledWh } : point;
}

function compare(
  from: { readonly atMs: number; readonly rawsWh: Counters },
  to: CounterSample,
  limits: CounterLimits,
): Step {
  const max = growthMaxWh(to.atMs - from.atMs, limits);
  let step: Step = 'grown';
  for (const [name, rawWh] of Object.entries(to.rawsWh)) {
    const growth = rawWh - (from.rawsWh[name] ?? rawWh);
    if (growth < -2 * limits.resolutionWh) return 'low';
    if (growth > max) step = 'high';
  }
  return step;
}

/** Adds the growth from the last point; a fall within the rounding is no growth, and the higher raw value stays. */
function grow(last: CounterPoint, sample: Lifted): CounterPoint {
  const rawsWh: Record<string, number> = {};
  const totalsWh: Record<string, number> = {};
  for (const [name, rawWh] of Object.entries(sample.rawsWh)) {
    const before = last.rawsWh[name] ?? rawWh;
    rawsWh[name] = Math.max(before, rawWh);
    totalsWh[name] = (last.totalsWh[name] ?? before) + Math.max(0, rawWh - before);
  }
  return withRolled({ atMs: sample.atMs, rawsWh, totalsWh, epoch: last.epoch }, sample.rolledWh);
}

/**
 * The first point of a new epoch: counters that went on keep their growth, those that broke off start again from here with none.
 * In another meter none goes on, however well its numbers fit.
 */
function rebase(
  last: CounterPoint,
  first: CounterSample,
  swapped: boolean,
  limits: CounterLimits,
): CounterPoint {
  const max = growthMaxWh(first.atMs - last.atMs, limits);
  const lifted = lift(last, first, limits);
  const rawsWh: Record<string, number> = {};
  const totalsWh: Record<string, number> = {};
  const rolledWh: Record<string, number> = {};
  for (const [name, shownWh] of Object.entries(first.rawsWh)) {
    const before = last.rawsWh[name] ?? shownWh;
    const growth = (lifted.rawsWh[name] ?? shownWh) - before;
    const goesOn = !swapped && growth >= 0 && growth <= max;
    totalsWh[name] = (last.totalsWh[name] ?? before) + (goesOn ? growth : 0);
    rolledWh[name] = goesOn ? (lifted.rolledWh[name] ?? 0) : 0;
    rawsWh[name] = shownWh + (rolledWh[name] ?? 0);
  }
  return withRolled({ atMs: first.atMs, rawsWh, totalsWh, epoch: last.epoch + 1 }, rolledWh);
}

/** A device that starts up shows zeros: a counter that fell is believed only once one of those that fell counts again. */
function countsAgain(last: CounterPoint, sample: CounterSample, { rawsWh }: Lifted): boolean {
  return Object.entries(sample.rawsWh).some(
    ([name, shownWh]) => shownWh > 0 && (rawsWh[name] ?? 0) < (last.rawsWh[name] ?? 0),
  );
}

/** Takes one sample. Never loses growth of a counter that goes on, never invents growth across a break. */
export function takeSample(
  state: CounterState,
  sample: CounterSample,
  usual: CounterLimits,
): { readonly state: CounterState; readonly event: CounterEvent } {
  const limits = limitsFor(sample, usual);
  const last = state.points.at(-1);
  const serial = sample.serial ?? state.serial;
  if (!last) {
    const point = { atMs: sample.atMs, rawsWh: sample.rawsWh, totalsWh: sample.rawsWh, epoch: 0 };
    return { state: { points: [point], suspects: [], serial }, event: 'first' };
  }
  if (sample.atMs <= (state.suspects.at(-1) ?? last).atMs) return { state, event: 'old' };
  const swapped = state.serial !== undefined && sample.serial !== undefined && sample.serial !== state.serial;
  const lifted = lift(last, sample, limits);
  const step = compare(last, lifted, limits);
  if (step === 'grown' && !swapped) {
    const points = [...state.points, grow(last, lifted)];
    return { state: { points, suspects: [], serial }, event: 'grown' };
  }
  const previous = state.suspects.at(-1);
  const agrees = previous !== undefined && compare(previous, sample, limits) === 'grown';
  const sameSerial = previous === undefined || previous.serial === sample.serial;
  const suspects = agrees && sameSerial ? [...state.suspects, sample] : [sample];
  const believed = swapped || step === 'high' || countsAgain(last, sample, lifted);
  const first = suspects[0];
  if (first === undefined || suspects.length < limits.confirmations || !believed) {
    return { state: { ...state, suspects: keepEnds(suspects) }, event: step === 'high' ? 'high' : 'low' };
  }
  const points = [...state.points, rebase(last, first, swapped, limits)];
  for (const next of suspects.slice(1)) {
    const before = points.at(-1) as CounterPoint;
    points.push(grow(before, lift(before, next, limits)));
  }
  return {
    state: { points, suspects: [], serial },
    event: swapped ? 'replaced' : step === 'high' ? 'jump' : 'reset',
  };
}

/** A device that shows zeros for hours must not fill the memory: the first suspect and the latest are enough. */
function keepEnds(suspects: readonly CounterSample[]): readonly CounterSample[] {
  return suspects.length <= 20 ? suspects : [...suspects.slice(0, 1), ...suspects.slice(-19)];
}

/** Drops the last point but one when it and its neighbours lie in one slot: only the first and the last point of a slot touch a boundary. */
export function thinPoints(state: CounterState, slotMs: number): CounterState {
  const { points } = state;
  const slots = points.slice(-3).map(({ atMs }) => Math.floor(atMs / slotMs));
  if (slots.length < 3 || slots[0] !== slots[2]) return state;
  return { ...state, points: [...points.slice(0, -2), ...points.slice(-1)] };
}

/** Drops the points that no boundary at or after `fromMs` needs. */
export function prunePoints(state: CounterState, fromMs: number): CounterState {
  let keep = 0;
  while (keep + 1 < state.points.length && (state.points[keep + 1]?.atMs ?? Infinity) <= fromMs) keep += 1;
  return keep === 0 ? state : { ...state, points: state.points.slice(keep) };
}
