import { NO_BID, NO_OFFER, type Crossing } from './crossing.ts';
import type { BookSide } from './freeze-book.ts';

const BUCKET_BITS = 11;

/**
 * The crossing without sorting, in time linear in the orders: the energy of each side is counted into price buckets, which shows the
 * bucket where demand meets supply; the few orders in that bucket are counted again, one price to a bucket.
 * Two passes over the book, whatever its prices are.
 */
export function crossingByDepth(bids: BookSide, offers: BookSide): Crossing | null {
  const lowest = Math.min(bids.lowestPrice, offers.lowestPrice);
  const highest = Math.max(bids.highestPrice, offers.highestPrice);
  const shift = Math.max(0, 32 - Math.clz32(highest - lowest) - BUCKET_BITS);
  const buckets = ((highest - lowest) >>> shift) + 1;
  const demandWh = depth(bids, lowest, shift, buckets);
  const supplyWh = depth(offers, lowest, shift, buckets);

  // The lowest bucket at whose upper edge demand no longer exceeds supply. Demand above it and supply below it are exact.
  let demandAboveWh = 0;
  for (let bucket = 0; bucket < buckets; bucket++) demandAboveWh += demandWh[bucket] as number;
  let supplyBelowWh = 0;
  let meeting = 0;
  for (; meeting < buckets; meeting++) {
    demandAboveWh -= demandWh[meeting] as number;
    if (demandAboveWh <= supplyBelowWh + (supplyWh[meeting] as number)) break;
    supplyBelowWh += supplyWh[meeting] as number;
  }

  const near = { lowest: lowest + meeting * 2 ** shift, prices: 2 ** shift };
  const bidSteps = steps(bids, demandWh, near, lowest, shift, meeting);
  const offerSteps = steps(offers, supplyWh, near, lowest, shift, meeting);
  return meet(bidSteps, offerSteps, near, demandAboveWh, supplyBelowWh);
}

interface Near {
  readonly lowest: number;
  readonly prices: number;
}

/** A side around the meeting bucket: energy by price inside it, and the nearest step of the side below and above it. */
interface Steps {
  readonly insideWh: Float64Array;
  readonly belowPrice: number;
  readonly belowWh: number;
  readonly abovePrice: number;
  readonly aboveWh: number;
}

function depth(side: BookSide, lowest: number, shift: number, buckets: number): Float64Array {
  const { count, energyWh, priceMicroPerKwh } = side;
  const depthWh = new Float64Array(buckets);
  for (let index = 0; index < count; index++) {
    depthWh[((priceMicroPerKwh[index] as number) - lowest) >>> shift]! += energyWh[index] as number;
  }
  return depthWh;
}

function steps(
  side: BookSide,
  depthWh: Float64Array,
  near: Near,
  lowest: number,
  shift: number,
  meeting: number,
): Steps {
  const { count, energyWh, priceMicroPerKwh } = side;
  let below = meeting - 1;
  while (below >= 0 && depthWh[below] === 0) below--;
  let above = meeting + 1;
  while (above < depthWh.length && depthWh[above] === 0) above++;
  // The side has nothing between these buckets and the meeting one, so that one range of prices holds all that matters.
  const from = lowest + Math.max(0, below) * near.prices;
  const width = (above + 1) * near.prices + lowest - from;
  const nearest = new Int32Array(count);
  let found = 0;
  for (let index = 0; index < count; index++) {
    if (((priceMicroPerKwh[index] as number) - from) >>> 0 < width) nearest[found++] = index;
  }

  const insideWh = new Float64Array(near.prices);
  let belowPrice = NO_BID;
  let belowWh = 0;
  let abovePrice = NO_OFFER;
  let aboveWh = 0;
  for (let at = 0; at < found; at++) {
    const index = nearest[at] as number;
    const price = priceMicroPerKwh[index] as number;
    const energy = energyWh[index] as number;
    const bucket = (price - lowest) >>> shift;
    if (bucket === meeting) insideWh[price - near.lowest]! += energy;
    else if (bucket < meeting) {
      if (price > belowPrice) {
        belowPrice = price;
        belowWh = energy;
      } else if (price === belowPrice) belowWh += energy;
    } else if (price < abovePrice) {
      abovePrice = price;
      aboveWh = energy;
    } else if (price === abovePrice) aboveWh += energy;
  }
  return { insideWh, belowPrice, belowWh, abovePrice, aboveWh };
}

/** Walks the prices of the meeting bucket: V is the most that both sides bear at one of them. */
function meet(
  bids: Steps,
  offers: Steps,
  near: Near,
  demandAboveWh: number,
  supplyBelowWh: number,
): Crossing | null {
  let demand = demandAboveWh;
  for (let at = 0; at < near.prices; at++) demand += bids.insideWh[at] as number;
  let supply = supplyBelowWh;
  let volumeWh = 0;
  for (let at = 0; at < near.prices; at++) {
    supply += offers.insideWh[at] as number;
    volumeWh = Math.max(volumeWh, Math.min(demand, supply));
    demand -= bids.insideWh[at] as number;
  }
  if (volumeWh === 0) return null;

  const bidLevels = bidLevelsOf(bids, near, demandAboveWh, volumeWh);
  const offerLevels = offerLevelsOf(offers, near, supplyBelowWh, volumeWh);
  return { volumeWh, ...bidLevels, ...offerLevels };
}

/** The level of the V-th Wh of demand, and the level after it. */
function bidLevelsOf(
  bids: Steps,
  near: Near,
  demandAboveWh: number,
  volumeWh: number,
): Pick<Crossing, 'bidLimit' | 'bidsAboveWh' | 'bidsAtLimitWh' | 'nextBid'> {
  let bidLimit = bids.abovePrice;
  let bidsAtLimitWh = bids.aboveWh;
  let reachedWh = demandAboveWh;
  for (let at = near.prices - 1; at >= -1; at--) {
    const price = at < 0 ? bids.belowPrice : near.lowest + at;
    const energyWh = at < 0 ? bids.belowWh : (bids.insideWh[at] as number);
    if (energyWh === 0) continue;
    if (reachedWh >= volumeWh) {
      const nextBid = reachedWh > volumeWh ? bidLimit : price;
      return { bidLimit, bidsAboveWh: reachedWh - bidsAtLimitWh, bidsAtLimitWh, nextBid };
    }
    bidLimit = price;
    bidsAtLimitWh = energyWh;
    reachedWh += energyWh;
  }
  const nextBid = reachedWh > volumeWh ? bidLimit : NO_BID;
  return { bidLimit, bidsAboveWh: reachedWh - bidsAtLimitWh, bidsAtLimitWh, nextBid };
}

/** The level of the V-th Wh of supply, and the level after it. */
function offerLevelsOf(
  offers: Steps,
  near: Near,
  supplyBelowWh: number,
  volumeWh: number,
): Pick<Crossing, 'offerLimit' | 'offersBelowWh' | 'offersAtLimitWh' | 'nextOffer'> {
  let offerLimit = offers.belowPrice;
  let offersAtLimitWh = offers.belowWh;
  let reachedWh = supplyBelowWh;
  for (let at = 0; at <= near.prices; at++) {
    const price = at === near.prices ? offers.abovePrice : near.lowest + at;
    const energyWh = at === near.prices ? offers.aboveWh : (offers.insideWh[at] as number);
    if (energyWh === 0) continue;
    if (reachedWh >= volumeWh) {
      const nextOffer = reachedWh > volumeWh ? offerLimit : price;
      return { offerLimit, offersBelowWh: reachedWh - offersAtLimitWh, offersAtLimitWh, nextOffer };
    }
    offerLimit = price;
    offersAtLimitWh = energyWh;
    reachedWh += energyWh;
  }
  const nextOffer = reachedWh > volumeWh ? offerLimit : NO_OFFER;
  return { offerLimit, offersBelowWh: reachedWh - offersAtLimitWh, offersAtLimitWh, nextOffer };
}
