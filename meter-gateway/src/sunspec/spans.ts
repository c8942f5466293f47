import type { Span } from '../profile/plan.ts';
import type { FoundModel } from './discover.ts';
import { MODELS, WORDS_OF, type Point } from './models.ts';

/** Reads are capped by the protocol at 125 registers. */
export const READ_MAX = 125;
/** Skipping fewer registers than this costs more than reading them. */
export const GAP_MAX = 40;

/** A model's id and length. */
function headerOf({ address }: FoundModel): Span {
  return { address, count: 2 };
}

/** The registers of one model's points, as few spans as hold each value together with its scale factor. */
function spansOfModel(found: FoundModel, points: readonly Point[]): readonly Span[] {
  const spans = points.map((point) => {
    const ends = [point.at + WORDS_OF[point.type], ...(point.sf === undefined ? [] : [point.sf + 1])];
    const from = Math.min(point.at, point.sf ?? point.at);
    return { address: found.address + from, count: Math.max(...ends) - from };
  });
  const from = found.address;
  const to = Math.max(...spans.map(({ address, count }) => address + count));
  // Id and length come along: they tell whether the model still lies where it was found.
  return to - from <= READ_MAX ? [{ address: from, count: to - from }] : [headerOf(found), ...spans];
}

/** The registers that these models' points lie in, values with their scale factors in one span. */
export function spansOfModels(models: readonly FoundModel[]): readonly Span[] {
  return models.flatMap((found) => {
    const points = Object.values(MODELS[found.model] ?? {}).filter(
      ({ at, type, sf }) => Math.max(at + WORDS_OF[type], (sf ?? 0) + 1) <= found.length + 2,
    );
    return points.length === 0 ? [] : spansOfModel(found, points);
  });
}
