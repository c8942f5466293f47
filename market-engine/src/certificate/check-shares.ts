import type { BookSide, FrozenBook } from '../auction/freeze-book.ts';
import { byHash, ration, tieHashOf } from '../auction/ration.ts';
import { textAt } from '../auction/text-table.ts';
import { Unfounded, type SideSurvey, type Survey } from './survey.ts';

/** Price priority: whoever has something unfilled is no better than anyone with a fill. */
export function checkNobodyBetter(book: FrozenBook, { bids, offers }: Survey): void {
  const leftOut = (side: BookSide, { filledWh, bestUnfilled }: SideSurvey): string | undefined => {
    const index = filledWh.findIndex(
      (filled, index) =>
        filled < (side.energyWh[index] as number) && side.priceMicroPerKwh[index] === bestUnfilled,
    );
    return index < 0 ? undefined : textAt(book.ids, side.rank[index] as number);
  };
  if (bids.bestUnfilled > bids.worstFilled) {
    const reason = `a bid at ${bids.bestUnfilled} is left out, yet one at ${bids.worstFilled} is filled`;
    throw new Unfounded(reason, leftOut(book.bids, bids));
  }
  if (offers.bestUnfilled < offers.worstFilled) {
    const reason = `an offer at ${offers.bestUnfilled} is left out, yet one at ${offers.worstFilled} is filled`;
    throw new Unfounded(reason, leftOut(book.offers, offers));
  }
}

/** The orders at the marginal limit share what is left for them by the rules. */
export function checkLevel(book: FrozenBook, side: BookSide, found: SideSurvey, volumeWh: number): void {
  const shared = { at: found.levelIndices, totalWh: found.atLimitWh };
  checkShares(book, side, found, shared, volumeWh - found.beforeLimitWh);
}

export interface Sharing {
  readonly at: readonly number[];
  readonly totalWh: number;
}

/** These orders share the available energy: whole orders when it suffices, else by `ration`. */
export function checkShares(
  book: FrozenBook,
  side: BookSide,
  { filledWh }: SideSurvey,
  { at, totalWh }: Sharing,
  availableWh: number,
): void {
  const energies = at.map((index) => side.energyWh[index] as number);
  const idOf = (place: number): string => textAt(book.ids, side.rank[at[place] as number] as number);
  const shares =
    availableWh < totalWh
      ? ration(energies, availableWh, totalWh, (place) => tieHashOf(book.slot, idOf(place)))
      : energies;
  for (const [place, index] of at.entries()) {
    if (filledWh[index] === shares[place]) continue;
    throw new Unfounded(`its share is ${shares[place]} Wh, not ${filledWh[index]}`, idOf(place));
  }
}

/** The orders that rank before the one holding the V-th Wh. */
export function winners(
  book: FrozenBook,
  side: BookSide,
  found: SideSurvey,
  volumeWh: number,
  isBefore: (price: number) => boolean,
): Sharing {
  const at: number[] = [];
  for (let index = 0; index < side.count; index++)
    if (isBefore(side.priceMicroPerKwh[index] as number)) at.push(index);
  let totalWh = found.beforeLimitWh;
  for (const index of byHash(found.levelIndices, (index) =>
    tieHashOf(book.slot, textAt(book.ids, side.rank[index] as number)),
  )) {
    const energyWh = side.energyWh[index] as number;
    if (totalWh + energyWh >= volumeWh) break;
    at.push(index);
    totalWh += energyWh;
  }
  return { at, totalWh };
}
