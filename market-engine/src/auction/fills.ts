import type { Crossing } from './crossing.ts';
import type { BookSide, FrozenBook } from './freeze-book.ts';
import { int32Columns } from './int32-columns.ts';
import { ration, tieHashOf } from './ration.ts';
import { textAt } from './text-table.ts';

/** The orders of a side that get energy, in canonical order; two zeros stand behind the last, for loops that look ahead. */
export interface FilledSide {
  readonly count: number;
  /** Index into the side, ascending. */
  readonly at: Int32Array;
  /** What the order gets, Wh; never 0. */
  readonly energyWh: Int32Array;
}

export interface Fills {
  readonly bids: FilledSide;
  readonly offers: FilledSide;
}

/** Fills V Wh from the highest bids down and the lowest offers up; the one level that can be cut is shared by `ration`. */
export function fillsOf(book: FrozenBook, crossing: Crossing): Fills {
  const { volumeWh, bidLimit, bidsAboveWh, bidsAtLimitWh, offerLimit, offersBelowWh, offersAtLimitWh } =
    crossing;
  const bids = fillFrom(book.bids, 'bids', bidLimit);
  const offers = fillFrom(book.offers, 'offers', offerLimit);
  const forBidsWh = volumeWh - bidsAboveWh;
  const forOffersWh = volumeWh - offersBelowWh;
  const cut = (
    side: BookSide,
    filled: FilledSide,
    limit: number,
    availableWh: number,
    totalWh: number,
  ): FilledSide => {
    const places = placesAtLimit(side, filled, limit);
    return withEnergies(filled, places, sharesOf(book, side, filled, places, availableWh, totalWh));
  };
  return {
    bids: forBidsWh < bidsAtLimitWh ? cut(book.bids, bids, bidLimit, forBidsWh, bidsAtLimitWh) : bids,
    offers:
      forOffersWh < offersAtLimitWh
        ? cut(book.offers, offers, offerLimit, forOffersWh, offersAtLimitWh)
        : offers,
  };
}

/** Every order at the limit or better, whole. */
export function fillFrom(side: BookSide, which: 'bids' | 'offers', limit: number): FilledSide {
  const { count, energyWh, priceMicroPerKwh } = side;
  const [at, filledWh] = int32Columns(2, count + 2) as [Int32Array, Int32Array];
  // price x sign + bound is negative for an order that stays out. Prices are below 2^27, so the sign bit decides without a branch, which
  // no processor could foresee.
  const sign = which === 'bids' ? 1 : -1;
  const bound = -sign * limit;
  let end = 0;
  for (let index = 0; index < count; index++) {
    at[end] = index;
    filledWh[end] = energyWh[index] as number;
    end += 1 + ((Math.imul(priceMicroPerKwh[index] as number, sign) + bound) >> 31);
  }
  for (let past = end; past < end + 2; past++) {
    at[past] = 0;
    filledWh[past] = 0;
  }
  return { count: end, at, energyWh: filledWh };
}

/** Places in `filled` of the orders at exactly this limit. */
export function placesAtLimit(side: BookSide, filled: FilledSide, limit: number): number[] {
  const places: number[] = [];
  for (let place = 0; place < filled.count; place++) {
    if (side.priceMicroPerKwh[filled.at[place] as number] === limit) places.push(place);
  }
  return places;
}

/** What the orders at these places get when they share less energy than they ask for. */
export function sharesOf(
  book: FrozenBook,
  side: BookSide,
  filled: FilledSide,
  places: readonly number[],
  availableWh: number,
  totalWh: number,
): number[] {
  if (places.length === 1) return [availableWh];
  const energiesWh = places.map((place) => filled.energyWh[place] as number);
  return ration(energiesWh, availableWh, totalWh, tieHashes(book, side, filled, places));
}

/** The tie hash of the order at `places[n]`, by n. */
export function tieHashes(
  book: FrozenBook,
  side: BookSide,
  filled: FilledSide,
  places: readonly number[],
): (n: number) => string {
  return (n) => {
    const index = filled.at[places[n] as number] as number;
    return tieHashOf(book.slot, textAt(book.ids, side.rank[index] as number));
  };
}

/** The same with other energies at some places; orders that get nothing leave the list. */
export function withEnergies(
  filled: FilledSide,
  places: readonly number[],
  energiesWh: readonly number[],
): FilledSide {
  const { at, energyWh } = filled;
  for (let n = 0; n < places.length; n++) energyWh[places[n] as number] = energiesWh[n] as number;
  if (!energiesWh.includes(0)) return filled;
  let end = 0;
  for (let place = 0; place < filled.count; place++) {
    at[end] = at[place] as number;
    energyWh[end] = energyWh[place] as number;
    if (energyWh[end] !== 0) end++;
  }
  energyWh[end] = 0;
  energyWh[end + 1] = 0;
  return { count: end, at, energyWh };
}
