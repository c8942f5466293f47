import { NO_BID, NO_OFFER, type Crossing } from './crossing.ts';
import type { BookSide } from './freeze-book.ts';

/** Price and index share a number: price x 2^22 + index, exact up to 10^8 x 2^22 < 2^53. */
const INDEX_SPAN = 2 ** 22;
const PER_INDEX_SPAN = 1 / INDEX_SPAN;
/** Up to here insertion is quicker than a call into the runtime. */
const INSERTION_MAX = 80;

/** The crossing by sorting both sides and walking them together. O(n log n); the plain definition, and the quickest for small books. */
export function crossingBySort(bids: BookSide, offers: BookSide): Crossing | null {
  const descending = sortedKeys(bids, -1);
  const ascending = sortedKeys(offers, 1);
  let volumeWh = 0;
  let bidLimit = NO_BID;
  let offerLimit = NO_OFFER;
  let bid = 0;
  let offer = 0;
  let bidRest = energyAt(bids, descending, 0);
  let offerRest = energyAt(offers, ascending, 0);
  while (bid < bids.count && offer < offers.count) {
    const bidPrice = 0 - priceAt(descending, bid);
    const offerPrice = priceAt(ascending, offer);
    if (bidPrice < offerPrice) break;
    bidLimit = bidPrice;
    offerLimit = offerPrice;
    const energyWh = Math.min(bidRest, offerRest);
    volumeWh += energyWh;
    bidRest -= energyWh;
    offerRest -= energyWh;
    if (bidRest === 0) bidRest = energyAt(bids, descending, ++bid);
    if (offerRest === 0) offerRest = energyAt(offers, ascending, ++offer);
  }
  if (volumeWh === 0) return null;
  const bidsAboveWh = energyBetter(bids, -1, -bidLimit);
  const offersBelowWh = energyBetter(offers, 1, offerLimit);
  const nextBid = bid < bids.count ? 0 - priceAt(descending, bid) : NO_BID;
  const nextOffer = offer < offers.count ? priceAt(ascending, offer) : NO_OFFER;
  return {
    volumeWh,
    bidLimit,
    offerLimit,
    nextBid,
    nextOffer,
    bidsAboveWh,
    bidsAtLimitWh: energyBetter(bids, -1, 1 - bidLimit) - bidsAboveWh,
    offersBelowWh,
    offersAtLimitWh: energyBetter(offers, 1, offerLimit + 1) - offersBelowWh,
  };
}

/** Energy of the orders whose price x sign is below the bound. */
function energyBetter({ count, energyWh, priceMicroPerKwh }: BookSide, sign: 1 | -1, bound: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) {
    const isBelow = (Math.imul(priceMicroPerKwh[index] as number, sign) - bound) >> 31;
    total += (energyWh[index] as number) & isBelow;
  }
  return total;
}

/** Keys in ascending order of price x sign. */
function sortedKeys({ count, priceMicroPerKwh }: BookSide, sign: 1 | -1): Float64Array {
  const keys = new Float64Array(count);
  const isShort = count <= INSERTION_MAX;
  for (let index = 0; index < count; index++) {
    const key = sign * (priceMicroPerKwh[index] as number) * INDEX_SPAN + index;
    let hole = index;
    while (isShort && hole > 0 && (keys[hole - 1] as number) > key) {
      keys[hole] = keys[hole - 1] as number;
      hole--;
    }
    keys[hole] = key;
  }
  return isShort ? keys : keys.sort();
}

function priceAt(keys: Float64Array, at: number): number {
  return Math.floor((keys[at] as number) * PER_INDEX_SPAN);
}

function energyAt(side: BookSide, keys: Float64Array, at: number): number {
  if (at >= side.count) return 0;
  const key = keys[at] as number;
  return side.energyWh[key - Math.floor(key * PER_INDEX_SPAN) * INDEX_SPAN] as number;
}
