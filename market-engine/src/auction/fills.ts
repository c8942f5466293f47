import type { Crossing } from './crossing.ts';
import type { BookSide, FrozenBook } from './freeze-book.ts';
import { ration, tieHashOf } from './ration.ts';
import { textReader } from './text-table.ts';

/** Energy given to each order of a side, Wh, in canonical order; 0 for none. */
export interface Fills {
  readonly bidWh: Uint32Array;
  readonly offerWh: Uint32Array;
}

/** Fills V Wh from the highest bids down and the lowest offers up; the one level that can be cut is shared by `ration`. */
export function fillsOf(book: FrozenBook, crossing: Crossing): Fills {
  const { bids, offers } = book;
  const { volumeWh, bidLimit, bidsAboveWh, bidsAtLimitWh, offerLimit, offersBelowWh, offersAtLimitWh } =
    crossing;
  const bidAvailableWh = volumeWh - bidsAboveWh;
  const offerAvailableWh = volumeWh - offersBelowWh;
  const bidsCut = bidAvailableWh < bidsAtLimitWh;
  const offersCut = offerAvailableWh < offersAtLimitWh;
  // Prices stay below 2^27, so a difference's sign bit says which side of the limit an order is on, without a branch.
  const bidWh = fillAbove(bids, bidsCut ? bidLimit : bidLimit - 1);
  const offerWh = fillBelow(offers, offersCut ? offerLimit : offerLimit + 1);
  if (bidsCut) rationLevel(book, bids, bidLimit, bidAvailableWh, bidsAtLimitWh, bidWh);
  if (offersCut) rationLevel(book, offers, offerLimit, offerAvailableWh, offersAtLimitWh, offerWh);
  return { bidWh, offerWh };
}

/** Whole orders priced above the limit. */
export function fillAbove(side: BookSide, limit: number): Uint32Array {
  const { count, energyWh, priceMicroPerKwh } = side;
  const filledWh = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    filledWh[index] = (energyWh[index] as number) & ((limit - (priceMicroPerKwh[index] as number)) >> 31);
  }
  return filledWh;
}

/** Whole orders priced below the limit. */
export function fillBelow(side: BookSide, limit: number): Uint32Array {
  const { count, energyWh, priceMicroPerKwh } = side;
  const filledWh = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    filledWh[index] = (energyWh[index] as number) & (((priceMicroPerKwh[index] as number) - limit) >> 31);
  }
  return filledWh;
}

function rationLevel(
  book: FrozenBook,
  side: BookSide,
  limit: number,
  availableWh: number,
  totalWh: number,
  filledWh: Uint32Array,
): void {
  const at: number[] = [];
  for (let index = 0; index < side.count; index++) if (side.priceMicroPerKwh[index] === limit) at.push(index);
  rationAmong(book, side, at, availableWh, totalWh, filledWh);
}

/** Shares the available energy among these orders of a side; writes into `filledWh`. */
export function rationAmong(
  book: FrozenBook,
  side: BookSide,
  at: readonly number[],
  availableWh: number,
  totalWh: number,
  filledWh: Uint32Array,
): void {
  const idAt = textReader(book.ids);
  const energiesWh = at.map((index) => side.energyWh[index] as number);
  const hashAt = (place: number): string =>
    tieHashOf(book.slot, idAt(side.rank[at[place] as number] as number));
  const shares = ration(energiesWh, availableWh, totalWh, hashAt);
  for (let place = 0; place < at.length; place++) filledWh[at[place] as number] = shares[place] as number;
}
