/**
 * Follows the counters of one device, purely. Raw counters break off (reset, replaced meter, a spike); the totals kept here only grow,
 * by what the device really counted. All energy is whole Wh, unsigned.
 */

/** Counter values by name, e.g. `importWh` and `exportWh`. Every sample of a device has the same names. */
export type Counters = Readonly<Record<string, number>>;

/** An accepted look at the counters. `totalsWh` grow over all epochs; `rawsWh` are what the device shows. */
export interface CounterPoint {
  readonly atMs: number;
  readonly rawsWh: Counters;
  readonly totalsWh: Counters;
  /** Grows by one when the raw counter breaks off for good. */
  readonly epoch: number;
}

export interface CounterSample {
  readonly atMs: number;
  readonly rawsWh: Counters;
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
function grow(last: CounterPoint, sample: CounterSample): CounterPoint {
  const rawsWh: Record<string, number> = {};
  const totalsWh: Record<string, number> = {};
  for (const [name, rawWh] of Object.entries(sample.rawsWh)) {
    const before = last.rawsWh[name] ?? rawWh;
    rawsWh[name] = Math.max(before, rawWh);
    totalsWh[name] = (last.totalsWh[name] ?? before) + Math.max(0, rawWh - before);
  }
  return { atMs: sample.atMs, rawsWh, totalsWh, epoch: last.epoch };
}

/** The first point of a new epoch: counters that went on keep their growth, those that broke off start again from here with none. */
function rebase(last: CounterPoint, first: CounterSample, limits: CounterLimits): CounterPoint {
  const max = growthMaxWh(first.atMs - last.atMs, limits);
  const totalsWh: Record<string, number> = {};
  for (const [name, rawWh] of Object.entries(first.rawsWh)) {
    const before = last.rawsWh[name] ?? rawWh;
    const growth = rawWh - before;
    totalsWh[name] = (last.totalsWh[name] ?? before) + (growth >= 0 && growth <= max ? growth : 0);
  }
  return { atMs: first.atMs, rawsWh: first.rawsWh, totalsWh, epoch: last.epoch + 1 };
}

/** A device that starts up shows zeros: a counter that fell is believed only once one of those that fell counts again. */
function countsAgain(last: CounterPoint, sample: CounterSample): boolean {
  return Object.entries(sample.rawsWh).some(([name, rawWh]) => rawWh > 0 && rawWh < (last.rawsWh[name] ?? 0));
}

/** Takes one sample. Never loses growth of a counter that goes on, never invents growth across a break. */
export function takeSample(
  state: CounterState,
  sample: CounterSample,
  limits: CounterLimits,
): { readonly state: CounterState; readonly event: CounterEvent } {
  const last = state.points.at(-1);
  const serial = sample.serial ?? state.serial;
  if (!last) {
    const point = { atMs: sample.atMs, rawsWh: sample.rawsWh, totalsWh: sample.rawsWh, epoch: 0 };
    return { state: { points: [point], suspects: [], serial }, event: 'first' };
  }
  if (sample.atMs <= (state.suspects.at(-1) ?? last).atMs) return { state, event: 'old' };
  const swapped = state.serial !== undefined && sample.serial !== undefined && sample.serial !== state.serial;
  const step = compare(last, sample, limits);
  if (step === 'grown' && !swapped) {
    const points = [...state.points, grow(last, sample)];
    return { state: { points, suspects: [], serial }, event: 'grown' };
  }
  const previous = state.suspects.at(-1);
  const agrees = previous !== undefined && compare(previous, sample, limits) === 'grown';
  const sameSerial = previous === undefined || previous.serial === sample.serial;
  const suspects = agrees && sameSerial ? [...state.suspects, sample] : [sample];
  const believed = swapped || step === 'high' || countsAgain(last, sample);
  const first = suspects[0];
  if (first === undefined || suspects.length < limits.confirmations || !believed) {
    return { state: { ...state, suspects: keepEnds(suspects) }, event: step === 'high' ? 'high' : 'low' };
  }
  const points = [...state.points, rebase(last, first, limits)];
  for (const next of suspects.slice(1)) points.push(grow(points.at(-1) as CounterPoint, next));
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
