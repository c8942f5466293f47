import type { Clearing } from '@commonwatt/domain';
import { assembleClearing, emptyClearing } from './assemble-clearing.ts';
import { NO_BID, NO_OFFER, priceIntervalOf, type Crossing } from './crossing.ts';
import { fillAbove, fillBelow, fillsOf, rationAmong, type Fills } from './fills.ts';
import { crossingOf } from './find-crossing.ts';
import type { BookSide, FrozenBook } from './freeze-book.ts';
import { pairsOf } from './pairs.ts';
import { byHash, tieHashOf } from './ration.ts';
import { textReader } from './text-table.ts';

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
  const { bids, offers } = book;
  const { volumeWh, bidLimit, offerLimit, bidsAboveWh, offersBelowWh } = crossing;
  const bidWh = fillAbove(bids, bidLimit);
  const offerWh = fillBelow(offers, offerLimit);
  const demandWh = bidsAboveWh + addBetterEquals(book, bids, bidLimit, volumeWh - bidsAboveWh, bidWh);
  const supplyWh =
    offersBelowWh + addBetterEquals(book, offers, offerLimit, volumeWh - offersBelowWh, offerWh);
  const reducedWh = Math.min(demandWh, supplyWh);
  if (reducedWh === 0) return emptyClearing(book, 'mcafee');
  if (demandWh > reducedWh) rationAll(book, bids, reducedWh, demandWh, bidWh);
  if (supplyWh > reducedWh) rationAll(book, offers, reducedWh, supplyWh, offerWh);
  const fills: Fills = { bidWh, offerWh };
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

/** Among the orders at the limit, fills those that rank before the one that holds the last of `neededWh`. Returns their energy, Wh. */
function addBetterEquals(
  book: FrozenBook,
  side: BookSide,
  limit: number,
  neededWh: number,
  filledWh: Uint32Array,
): number {
  const idAt = textReader(book.ids);
  const level: number[] = [];
  for (let index = 0; index < side.count; index++)
    if (side.priceMicroPerKwh[index] === limit) level.push(index);
  let reachedWh = 0;
  for (const index of byHash(level, (index) => tieHashOf(book.slot, idAt(side.rank[index] as number)))) {
    const energyWh = side.energyWh[index] as number;
    if (reachedWh + energyWh >= neededWh) break;
    filledWh[index] = energyWh;
    reachedWh += energyWh;
  }
  return reachedWh;
}

function rationAll(
  book: FrozenBook,
  side: BookSide,
  availableWh: number,
  totalWh: number,
  filledWh: Uint32Array,
): void {
  const filled: number[] = [];
  for (let index = 0; index < side.count; index++) if (filledWh[index] !== 0) filled.push(index);
  rationAmong(book, side, filled, availableWh, totalWh, filledWh);
}
