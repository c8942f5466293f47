import { NO_BID, NO_OFFER, type Crossing } from './crossing.ts';
import type { BookSide } from './freeze-book.ts';

/** Price and index share a number: price x 2^22 + index, exact up to 10^8 x 2^22 < 2^53. */
const INDEX_SPAN = 2 ** 22;

/** The crossing by sorting both sides and walking them together. O(n log n); the plain definition, and the quickest for small books. */
export function crossingBySort(bids: BookSide, offers: BookSide): Crossing | null {
  const descending = pricesAscending(bids).toReversed();
  const ascending = pricesAscending(offers);
  let volumeWh = 0;
  let bidLimit = NO_BID;
  let offerLimit = NO_OFFER;
  let bid = 0;
  let offer = 0;
  let bidRest = energyAt(bids, descending, 0);
  let offerRest = energyAt(offers, ascending, 0);
  while (bid < bids.count && offer < offers.count) {
    const bidPrice = priceAt(descending, bid);
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
  let bidsAboveWh = 0;
  let bidsAtLimitWh = 0;
  for (let index = 0; index < bids.count; index++) {
    const price = bids.priceMicroPerKwh[index] as number;
    if (price > bidLimit) bidsAboveWh += bids.energyWh[index] as number;
    else if (price === bidLimit) bidsAtLimitWh += bids.energyWh[index] as number;
  }
  let offersBelowWh = 0;
  let offersAtLimitWh = 0;
  for (let index = 0; index < offers.count; index++) {
    const price = offers.priceMicroPerKwh[index] as number;
    if (price < offerLimit) offersBelowWh += offers.energyWh[index] as number;
    else if (price === offerLimit) offersAtLimitWh += offers.energyWh[index] as number;
  }
  const nextBid = bid < bids.count ? priceAt(descending, bid) : NO_BID;
  const nextOffer = offer < offers.count ? priceAt(ascending, offer) : NO_OFFER;
  return {
    volumeWh,
    bidLimit,
    offerLimit,
    nextBid,
    nextOffer,
    bidsAboveWh,
    bidsAtLimitWh,
    offersBelowWh,
    offersAtLimitWh,
  };
}

function pricesAscending(side: BookSide): Float64Array {
  const keys = new Float64Array(side.count);
  for (let index = 0; index < side.count; index++) {
    keys[index] = (side.priceMicroPerKwh[index] as number) * INDEX_SPAN + index;
  }
  return keys.sort();
}

function priceAt(keys: Float64Array, at: number): number {
  return Math.floor((keys[at] as number) / INDEX_SPAN);
}

function energyAt(side: BookSide, keys: Float64Array, at: number): number {
  return at < side.count ? (side.energyWh[(keys[at] as number) % INDEX_SPAN] as number) : 0;
}
