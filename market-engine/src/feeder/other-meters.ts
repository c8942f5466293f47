import type { MeterSuspect } from '@commonwatt/domain';
import { boundedFit, type Column } from './bounded-fit.ts';
import type { LossModel } from './check.ts';
import type { Window } from './columns.ts';
import { certain, CLASS_ERROR, floorOf, unexplained, varianceOf } from './noise.ts';
import { dot, mean, type Series } from './projection.ts';
import { suspectText } from './suspect-text.ts';

/** A feeder's meter is better than a home's. */
const FEEDER_CLASS_ERROR = 0.02;
/** A counter that stood still for this share of the slots is taken as one that never moves. */
const ALWAYS_STILL = 0.97;
/** A meter that stands still is worth a look when it misses this much a slot. */
const STILL_WH_MIN = 25;

/**
 * A meter that never moves has no flows of its own to be told by. It is suspected when the differences look like an ordinary home (or its roof)
 * beyond what the rules let a feeder lose, and no other meter stands still.
 */
export function neverMoves(feeder: string, window: Window, loss: LossModel): MeterSuspect | null {
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
  const shaped = Math.sqrt(2 * gain) >= certain(window) && movedWh >= STILL_WH_MIN;
  const excessWh = beyondLosses(window, loss);
  if (!shaped && excessWh === 0) return null;
  const missingWh = Math.round(shaped ? missing.reduce((sum, value) => sum + value, 0) : excessWh);
  return suspectText({
    participant: only.participant,
    fault: 'stuck',
    showsPermille: 0,
    missingWh,
    confidencePermille: 1000,
  });
}

/** What came in beyond the most that may be lost, over all slots, Wh; 0 unless that is certain. */
function beyondLosses(window: Window, { permille, constantWh }: LossModel): number {
  const { differenceWh, throughputWh, ones } = window;
  const excess = differenceWh.map(
    (value, t) => value - (throughputWh[t]! * permille) / 1000 - constantWh * ones[t]!,
  );
  const average = mean(excess);
  const variance = varianceOf(
    excess.map((value) => value - average),
    1,
    floorOf(window),
  );
  const least = STILL_WH_MIN * mean(ones);
  const certainty = (average - least) / Math.sqrt(variance / excess.length);
  return certainty < certain(window) ? 0 : average * excess.length;
}

/** No home explains it as well as the feeder meter does, by so much. */
const HOMES_EXPLAIN_LESS = 0.7;
/** A feeder meter that is wrong shows from 60 to 150 % of what flows; beyond that something else is. */
const FEEDER_RANGE = { min: -0.67, max: 0.33 };

/**
 * When no home is named: the feeder meter itself. Its error goes with all that flows through the transformer, so it must explain the differences
 * clearly better than any home's flows.
 */
export function testFeeder(feeder: string, window: Window): MeterSuspect | null {
  const { differenceWh, feederWh, nuisances } = window;
  const others = nuisances.filter((column) => column !== feederWh);
  const { projection, rest } = unexplained(differenceWh, others, floorOf(window));
  const explainedBy = (
    series: Series,
  ): { explained: number; coefficient: number; column: Series; size: number } => {
    const column = projection.rest(series);
    const size = dot(column, column);
    const along = dot(column, rest);
    return {
      explained: size === 0 ? 0 : along ** 2 / size,
      coefficient: size === 0 ? 0 : along / size,
      column,
      size,
    };
  };
  const { explained, coefficient, column, size } = explainedBy(feederWh);
  if (size === 0) return null;
  const left = rest.map((value, t) => value - coefficient * column[t]!);
  const variance = varianceOf(left, projection.dimensions + 1, floorOf(window));
  const certainty = (Math.abs(coefficient) - CLASS_ERROR) * Math.sqrt(size / variance);
  if (certainty < certain(window)) return null;
  const swapped = Math.abs(coefficient - 2) < 0.2;
  if (!swapped && (coefficient > FEEDER_RANGE.max || coefficient < FEEDER_RANGE.min)) return null;
  // A meter that never moves may be what is missing; nobody can tell.
  if (window.homes.some(({ still }) => mean(still) >= ALWAYS_STILL)) return null;
  const homes = window.homes.flatMap(({ netWh, useWh }) => [netWh, useWh]);
  if (homes.some((series) => explainedBy(series).explained > HOMES_EXPLAIN_LESS * explained)) return null;
  return suspectText({
    participant: feeder,
    fault: swapped ? 'swapped' : 'scale',
    showsPermille: swapped ? null : Math.round(1000 / (1 - coefficient)),
    missingWh: -Math.round(coefficient * feederWh.reduce((sum, value) => sum + value, 0)),
    confidencePermille: 1000,
  });
}
