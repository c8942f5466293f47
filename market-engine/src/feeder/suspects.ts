import type { FeederReport, MarketRules, MeterFault, MeterSuspect } from '@commonwatt/domain';
import { lossModel, stepWh, type LossModel } from './check.ts';
import { windowOf, type HomeSeries, type Window } from './columns.ts';
import { usableSlots, type FeederSlot } from './flows.ts';
import { certain, CLASS_ERROR, floorOf, stepError, unexplained, varianceOf } from './noise.ts';
import { neverMoves, testFeeder } from './other-meters.ts';
import { dot, mean, type Series } from './projection.ts';
import { suspectText } from './suspect-text.ts';

/** So many slots are looked at: two weeks of quarters of an hour. */
export const WINDOW_SLOTS = 1344;
/** Fewer say nothing. */
const SLOTS_MIN = 40;
const SUSPECTS_MAX = 3;
const CONFIDENCE_MIN = 0.8;

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
