import { NO_BID, NO_OFFER, type Crossing } from './crossing.ts';
import type { BookSide } from './freeze-book.ts';

/** Up to so many orders a side is sorted in place that is there already: making arrays takes longer than sorting so few. */
const SMALL = 256;
const smallBids = emptySteps(SMALL);
const smallOffers = emptySteps(SMALL);

/** A side from its best order on. Prices are multiplied by -1 for bids, so that they ascend on both sides. */
interface Steps {
  readonly price: Int32Array;
  readonly energyWh: Int32Array;
}

/** The crossing by sorting both sides and walking them together: the plain definition, and the quickest way for small books. */
export function crossingBySort(bids: BookSide, offers: BookSide): Crossing | null {
  const demand = sortedInto(bids.count <= SMALL ? smallBids : emptySteps(bids.count), bids, -1);
  const supply = sortedInto(offers.count <= SMALL ? smallOffers : emptySteps(offers.count), offers, 1);
  let volumeWh = 0;
  let bid = 0;
  let offer = 0;
  let lastBid = 0;
  let lastOffer = 0;
  let bidRest = demand.energyWh[0] as number;
  let offerRest = supply.energyWh[0] as number;
  while (bid < bids.count && offer < offers.count) {
    if (-(demand.price[bid] as number) < (supply.price[offer] as number)) break;
    lastBid = bid;
    lastOffer = offer;
    const energyWh = Math.min(bidRest, offerRest);
    volumeWh += energyWh;
    bidRest -= energyWh;
    offerRest -= energyWh;
    if (bidRest === 0) bidRest = demand.energyWh[++bid] as number;
    if (offerRest === 0) offerRest = supply.energyWh[++offer] as number;
  }
  if (volumeWh === 0) return null;
  const bidLevel = levelOf(demand, bids.count, lastBid);
  const offerLevel = levelOf(supply, offers.count, lastOffer);
  return {
    volumeWh,
    bidLimit: 0 - bidLevel.price,
    offerLimit: offerLevel.price,
    nextBid: bid < bids.count ? 0 - (demand.price[bid] as number) : NO_BID,
    nextOffer: offer < offers.count ? (supply.price[offer] as number) : NO_OFFER,
    bidsAboveWh: bidLevel.beforeWh,
    bidsAtLimitWh: bidLevel.atWh,
    offersBelowWh: offerLevel.beforeWh,
    offersAtLimitWh: offerLevel.atWh,
  };
}

function emptySteps(count: number): Steps {
  // One more, so that the energy behind the last order is there to be read.
  return { price: new Int32Array(count + 1), energyWh: new Int32Array(count + 1) };
}

/** Insertion sort: few orders, or a test's. */
function sortedInto(steps: Steps, side: BookSide, sign: 1 | -1): Steps {
  const { price, energyWh } = steps;
  for (let index = 0; index < side.count; index++) {
    const nextPrice = Math.imul(side.priceMicroPerKwh[index] as number, sign);
    const nextWh = side.energyWh[index] as number;
    let hole = index;
    while (hole > 0 && (price[hole - 1] as number) > nextPrice) {
      price[hole] = price[hole - 1] as number;
      energyWh[hole] = energyWh[hole - 1] as number;
      hole--;
    }
    price[hole] = nextPrice;
    energyWh[hole] = nextWh;
  }
  return steps;
}

/** The level of the order at `last`: its price, the energy before it and at it. */
function levelOf(
  { price, energyWh }: Steps,
  count: number,
  last: number,
): { price: number; beforeWh: number; atWh: number } {
  const level = price[last] as number;
  let at = 0;
  let beforeWh = 0;
  let atWh = 0;
  while ((price[at] as number) < level) beforeWh += energyWh[at++] as number;
  while (at < count && price[at] === level) atWh += energyWh[at++] as number;
  return { price: level, beforeWh, atWh };
}
