import type { Clearing } from '@commonwatt/domain';
import { assembleClearing, emptyClearing } from './assemble-clearing.ts';
import { NO_BID, NO_OFFER, priceIntervalOf, type Crossing } from './crossing.ts';
import {
  fillFrom,
  fillsOf,
  placesAtLimit,
  sharesOf,
  tieHashes,
  withEnergies,
  type FilledSide,
  type Fills,
} from './fills.ts';
import { crossingOf } from './find-crossing.ts';
import type { BookSide, FrozenBook } from './freeze-book.ts';
import { pairsOf } from './pairs.ts';
import { byHash } from './ration.ts';

/**
 * McAfee's double auction (A dominant strategy double auction, 1992), for energy. Let the next Wh after the crossing have the limits b'
 * and s'. When p = floor((b' + s') / 2) suits everyone who would trade, all trade at p. Else the marginal bid and the marginal offer (the
 * orders that hold the V-th Wh; among equal limits the larger tie hash is further out) step back: the better bids pay the marginal bid's
 * limit, the better offers get the marginal offer's, and the difference goes to the community fund. When the sides that are left differ in
 * energy, all orders of the longer one are cut in proportion, whatever their limits: nobody gains by naming another price.
 */
export function mcafee(book: FrozenBook): Clearing {
  const crossing = crossingOf(book);
  if (!crossing) return emptyClearing(book, 'mcafee');
  const common = commonPrice(crossing);
  if (common === null) return reduced(book, crossing);
  const fills = fillsOf(book, crossing);
  return assembleClearing(book, 'mcafee', {
    volumeWh: crossing.volumeWh,
    priceMicroPerKwh: common,
    priceInterval: priceIntervalOf(crossing),
    fills,
    pairs: pairsOf(fills),
    tradePrice: () => common,
  });
}

/** McAfee's price, or null when there is no next Wh on a side or the price does not suit the marginal orders. */
export function commonPrice(
  crossing: Pick<Crossing, 'nextBid' | 'nextOffer' | 'bidLimit' | 'offerLimit'>,
): number | null {
  const { nextBid, nextOffer, bidLimit, offerLimit } = crossing;
  if (nextBid === NO_BID || nextOffer === NO_OFFER) return null;
  const price = (nextBid + nextOffer) >> 1;
  return price >= offerLimit && price <= bidLimit ? price : null;
}

function reduced(book: FrozenBook, crossing: Crossing): Clearing {
  const { volumeWh, bidLimit, offerLimit, bidsAboveWh, offersBelowWh } = crossing;
  const bids = winners(book, 'bids', bidLimit, volumeWh - bidsAboveWh);
  const offers = winners(book, 'offers', offerLimit, volumeWh - offersBelowWh);
  const demandWh = energyOf(bids);
  const supplyWh = energyOf(offers);
  const reducedWh = Math.min(demandWh, supplyWh);
  if (reducedWh === 0) return emptyClearing(book, 'mcafee');
  const fills: Fills = {
    bids: demandWh > reducedWh ? cutAll(book, book.bids, bids, reducedWh, demandWh) : bids,
    offers: supplyWh > reducedWh ? cutAll(book, book.offers, offers, reducedWh, supplyWh) : offers,
  };
  return assembleClearing(book, 'mcafee', {
    volumeWh: reducedWh,
    priceMicroPerKwh: bidLimit,
    priceInterval: [offerLimit, bidLimit],
    fills,
    pairs: pairsOf(fills),
    tradePrice: () => bidLimit,
    sellerPriceMicroPerKwh: offerLimit,
  });
}

/** The orders that rank before the one which holds the last of the `neededWh` taken at the limit. */
function winners(book: FrozenBook, which: 'bids' | 'offers', limit: number, neededWh: number): FilledSide {
  const side = book[which];
  const filled = fillFrom(side, which, limit);
  const level = placesAtLimit(side, filled, limit);
  const hashAt = tieHashes(book, side, filled, level);
  const energiesWh = level.map(() => 0);
  let reachedWh = 0;
  for (const n of byHash([...level.keys()], hashAt)) {
    const energyWh = filled.energyWh[level[n] as number] as number;
    if (reachedWh + energyWh >= neededWh) break;
    energiesWh[n] = energyWh;
    reachedWh += energyWh;
  }
  return withEnergies(filled, level, energiesWh);
}

function cutAll(
  book: FrozenBook,
  side: BookSide,
  filled: FilledSide,
  availableWh: number,
  totalWh: number,
): FilledSide {
  const places = Array.from({ length: filled.count }, (_, place) => place);
  return withEnergies(filled, places, sharesOf(book, side, filled, places, availableWh, totalWh));
}

function energyOf({ count, energyWh }: FilledSide): number {
  let total = 0;
  for (let place = 0; place < count; place++) total += energyWh[place] as number;
  return total;
}
