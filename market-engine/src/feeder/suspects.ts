import type { FeederReport, MarketRules, MeterFault, MeterSuspect } from '@commonwatt/domain';
import { boundedFit, type Column } from './bounded-fit.ts';
import { lossModel, stepWh, type LossModel } from './check.ts';
import { windowOf, type HomeSeries, type Window } from './columns.ts';
import { usableSlots, type FeederSlot } from './flows.ts';
import {
  autocorrelation,
  dot,
  huberWeights,
  mean,
  Projection,
  robustScale,
  type Series,
} from './projection.ts';
import { suspectText } from './suspect-text.ts';

/** A feeder's meter is better than a home's. */
const FEEDER_CLASS_ERROR = 0.02;
/** So many slots are looked at: two weeks of quarters of an hour. */
export const WINDOW_SLOTS = 1344;
/** Fewer say nothing. */
const SLOTS_MIN = 40;
/** A meter is allowed to be off by so much (class B, current transformers, a step of its counter) before it is wrong. */
const CLASS_ERROR = 0.02;
/** Standard deviations by which a meter must be beyond that before it is named; more where there are few values (see `certain`). */
const CERTAIN = 4.5;
const SUSPECTS_MAX = 3;
const CONFIDENCE_MIN = 0.8;
const REWEIGHT_ROUNDS = 3;
/** Whole Wh, boundaries between polls: no sum of readings is better than this share of what flows. */
const NOISE_SHARE = 0.004;
/** A counter that stood still for this share of the slots is taken as one that never moves. */
const ALWAYS_STILL = 0.97;
/** A meter that stands still is worth a look when it misses this much a slot. */
const STILL_WH_MIN = 25;

/** A wrong meter: y = coefficient x column, with the range a real fault has. */
interface Hypothesis {
  readonly participant: string;
  readonly fault: MeterFault;
  readonly column: Series;
  readonly min: number;
  readonly max: number;
  /** Coefficients up to here, either way, are no fault. */
  readonly allowed: number;
}

interface Finding {
  readonly hypothesis: Hypothesis;
  readonly coefficient: number;
  /** Standard deviations beyond what is allowed. */
  readonly certainty: number;
  /** Log-likelihood that it adds. */
  readonly gain: number;
}

/**
 * The meters that the differences of these slots point at, from the public records alone; none in most communities. What cables, transformer,
 * the feeder meter's own error and an unmetered draw by the hour explain is taken out first; what is left moves with the flows
 * of one home if its meter is wrong (`docs/market-rules.md`, section "Suspects"). Pure. Statistics for people's eyes: floats are fine here.
 */
export function feederReport(
  feeder: string | null,
  slots: readonly FeederSlot[],
  rules: MarketRules,
): FeederReport {
  const usable = usableSlots(slots.slice(-WINDOW_SLOTS));
  return {
    feeder,
    slots: usable.length,
    from: usable[0]?.check.slot ?? null,
    to: usable.at(-1)?.check.slot ?? null,
    suspects:
      feeder === null || usable.length < SLOTS_MIN
        ? []
        : findSuspects(feeder, windowOf(usable, perBlock(usable.length), stepWh(rules)), lossModel(rules)),
  };
}

/** Neighbouring slots that are added up, as long as enough values remain. */
function perBlock(slots: number): number {
  return slots >= 160 ? 4 : slots >= 80 ? 2 : 1;
}

function findSuspects(feeder: string, window: Window, loss: LossModel): MeterSuspect[] {
  const known: Series[] = [];
  const suspects: MeterSuspect[] = [];
  const still = neverMoves(feeder, window, loss);
  if (still !== null) return [still];
  const hypotheses = window.homes.flatMap((home) => hypothesesOf(home, window));
  while (suspects.length < SUSPECTS_MAX) {
    const findings = test(window, known, hypotheses, suspects);
    const best = findings[0];
    if (best === undefined || best.certainty < certain(window)) break;
    const confidence = confidenceOf(best, findings);
    if (confidence < CONFIDENCE_MIN) break;
    suspects.push(suspectOf(best, confidence));
    known.push(best.hypothesis.column);
  }
  if (suspects.length > 0) return suspects;
  const own = testFeeder(feeder, window);
  return own === null ? [] : [own];
}

function hypothesesOf(home: HomeSeries, { averageUseWh }: Window): Hypothesis[] {
  const { participant, netWh, useWh, ownWh, still } = home;
  const all: Hypothesis[] = [
    { participant, fault: 'scale', column: netWh, min: -0.6, max: 4, allowed: CLASS_ERROR },
    { participant, fault: 'swapped', column: netWh, min: -2.1, max: -1.9, allowed: CLASS_ERROR },
  ];
  // Without roof and battery, use is net import, and a tap looks like a meter that counts too little.
  if (ownWh.some((value) => value !== 0)) {
    all.push({ participant, fault: 'tap', column: useWh, min: 0, max: 9, allowed: CLASS_ERROR });
  }
  if (mean(still) > 0) {
    const column = still.map((value, t) => value * (averageUseWh[t]! - ownWh[t]!));
    all.push({ participant, fault: 'stuck', column, min: 0, max: 8, allowed: 0.15 });
  }
  return all;
}

/** Every hypothesis against what the nuisances and the suspects so far leave unexplained; the one that explains most comes first. */
function test(
  window: Window,
  known: readonly Series[],
  hypotheses: readonly Hypothesis[],
  suspects: readonly MeterSuspect[],
): Finding[] {
  const { projection, rest } = unexplained(
    window.differenceWh,
    [...window.nuisances, ...known],
    floorOf(window),
  );
  const open = hypotheses.filter(({ participant }) =>
    suspects.every((one) => one.participant !== participant),
  );
  const fits = open.flatMap((hypothesis) => {
    const column = projection.rest(hypothesis.column);
    const size = dot(column, column);
    // What the nuisances explain by themselves cannot be told from them.
    if (size < 1e-6 * dot(hypothesis.column, hypothesis.column) || size === 0) return [];
    const { min, max } = hypothesis;
    const coefficient = Math.min(max, Math.max(min, dot(column, rest) / size));
    // Squares explained: those of the rest minus those that the coefficient leaves.
    const explained = 2 * coefficient * dot(column, rest) - coefficient ** 2 * size;
    return [{ hypothesis, column, coefficient, size, explained }];
  });
  const best = fits.toSorted((a, b) => b.explained - a.explained)[0];
  if (best === undefined) return [];
  // The noise is what is left when the best explanation is taken out.
  const left = rest.map((value, t) => value - best.coefficient * best.column[t]!);
  const variance = varianceOf(left, projection.dimensions + 1, floorOf(window));
  return fits
    .map(({ hypothesis, coefficient, size, explained }) => ({
      hypothesis,
      coefficient,
      certainty:
        (Math.abs(coefficient) - hypothesis.allowed - (coefficient < 0 ? stepError(window, size) : 0)) *
        Math.sqrt(size / variance),
      gain: explained / (2 * variance),
    }))
    .sort((a, b) => b.gain - a.gain);
}

/** The rest of a series, robustly: slots that fit nothing weigh less. */
function unexplained(
  y: Series,
  columns: readonly Series[],
  floor: number,
): { readonly projection: Projection; readonly rest: Series } {
  let weights: Series = new Float64Array(y.length).fill(1);
  let projection = new Projection(columns, weights);
  let rest = projection.rest(y);
  for (let round = 1; round < REWEIGHT_ROUNDS; round++) {
    const residuals = rest.map((value, t) => value / weights[t]!);
    weights = huberWeights(residuals, Math.max(robustScale(residuals), floor));
    projection = new Projection(columns, weights);
    rest = projection.rest(y);
  }
  return { projection, rest };
}

/** Of a mean: residuals that resemble the one before say less than independent ones. */
function varianceOf(residuals: Series, parameters: number, floor: number): number {
  const free = Math.max(1, residuals.length - parameters);
  const spread = Math.max(dot(residuals, residuals) / free, floor ** 2);
  const echo = Math.min(0.8, Math.max(0, autocorrelation(residuals)));
  return (spread * (1 + echo)) / (1 - echo);
}

/**
 * The step of a meter's own counter is in its flows and, with the other sign, in the difference: it makes a meter look as if it
 * counted too much. Two counters, each with the variance of a difference of two rounded values, step^2 / 6; half as much again to be safe.
 */
function stepError({ stepWh, differenceWh }: Window, size: number): number {
  return (1.5 * differenceWh.length * stepWh ** 2) / (3 * size);
}

/** With few values the noise is known badly, and the best of many explanations fits it by chance. */
function certain({ differenceWh }: Window): number {
  return CERTAIN * (1 + 12 / differenceWh.length);
}

function floorOf({ averageUseWh, homes }: Window): number {
  return 1 + NOISE_SHARE * mean(averageUseWh) * homes.length;
}

/** How likely it is the best one's meter and no other home's, when one of them is wrong. */
function confidenceOf(best: Finding, findings: readonly Finding[]): number {
  const gains = new Map<string, number>();
  for (const { hypothesis, gain } of findings) {
    gains.set(hypothesis.participant, Math.max(gain, gains.get(hypothesis.participant) ?? 0));
  }
  let odds = 0;
  for (const gain of gains.values()) odds += Math.exp(gain - best.gain);
  return 1 / odds;
}

function suspectOf({ hypothesis, coefficient }: Finding, confidence: number): MeterSuspect {
  const { participant, fault, column } = hypothesis;
  const showsPermille =
    fault === 'swapped' ? null : fault === 'stuck' ? 0 : Math.round(1000 / (1 + coefficient));
  return suspectText({
    participant,
    fault,
    showsPermille,
    missingWh: Math.round(coefficient * column.reduce((sum, value) => sum + value, 0)),
    confidencePermille: Math.floor(confidence * 1000),
  });
}

/**
 * A meter that never moves has no flows of its own to be told by. It is suspected when the differences look like an ordinary home (or its roof)
 * beyond what the rules let a feeder lose, and no other meter stands still.
 */
function neverMoves(feeder: string, window: Window, loss: LossModel): MeterSuspect | null {
  const { feederWh, homesWh, differenceWh, homes } = window;
  if (feederWh.every((value) => value === 0) && homesWh.some((value) => value !== 0)) {
    const missingWh = Math.round(homesWh.reduce((sum, value) => sum + value, 0));
    return suspectText({
      participant: feeder,
      fault: 'stuck',
      showsPermille: 0,
      missingWh,
      confidencePermille: 1000,
    });
  }
  const candidates = homes.filter(({ still }) => mean(still) >= ALWAYS_STILL);
  const [only] = candidates;
  if (candidates.length !== 1 || only === undefined) return null;
  const losses: Column[] = [
    { values: window.ones, min: 0, max: loss.constantWh },
    { values: window.throughputWh, min: 0, max: loss.permille / 1000 },
    { values: feederWh, min: -FEEDER_CLASS_ERROR, max: FEEDER_CLASS_ERROR },
  ];
  const home: Column[] = [
    { values: window.averageUseWh, min: 0, max: 8 },
    { values: only.ownWh, min: -1.5, max: 0 },
  ];
  const without = boundedFit(losses, differenceWh);
  const fit = boundedFit([...losses, ...home], differenceWh);
  const variance = varianceOf(fit.residuals, losses.length + home.length, floorOf(window));
  const gain =
    (dot(without.residuals, without.residuals) - dot(fit.residuals, fit.residuals)) / (2 * variance);
  const [use = 0, own = 0] = fit.coefficients.slice(-2);
  const missing = window.averageUseWh.map((value, t) => use * value + own * only.ownWh[t]!);
  const slots = window.ones.reduce((sum, value) => sum + value, 0);
  const movedWh = missing.reduce((sum, value) => sum + Math.abs(value), 0) / slots;
  if (Math.sqrt(2 * gain) < certain(window) || movedWh < STILL_WH_MIN) return null;
  const missingWh = Math.round(missing.reduce((sum, value) => sum + value, 0));
  return suspectText({
    participant: only.participant,
    fault: 'stuck',
    showsPermille: 0,
    missingWh,
    confidencePermille: 1000,
  });
}

/** When no home explains it: the feeder meter itself. */
function testFeeder(feeder: string, window: Window): MeterSuspect | null {
  const { differenceWh, feederWh, nuisances } = window;
  const others = nuisances.filter((column) => column !== feederWh);
  const { projection, rest } = unexplained(differenceWh, others, floorOf(window));
  const column = projection.rest(feederWh);
  const size = dot(column, column);
  if (size === 0) return null;
  const coefficient = dot(column, rest) / size;
  const left = rest.map((value, t) => value - coefficient * column[t]!);
  const variance = varianceOf(left, projection.dimensions + 1, floorOf(window));
  const certainty = (Math.abs(coefficient) - CLASS_ERROR) * Math.sqrt(size / variance);
  if (certainty < certain(window)) return null;
  const swapped = Math.abs(coefficient - 2) < 0.2;
  if (!swapped && (coefficient > 0.8 || coefficient < -4)) return null;
  return suspectText({
    participant: feeder,
    fault: swapped ? 'swapped' : 'scale',
    showsPermille: swapped ? null : Math.round(1000 / (1 - coefficient)),
    missingWh: -Math.round(coefficient * feederWh.reduce((sum, value) => sum + value, 0)),
    confidencePermille: 1000,
  });
}
