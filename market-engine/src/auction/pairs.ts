import type { Fills } from './fills.ts';
import { int32Columns } from './int32-columns.ts';

/** Who supplied whom: pair i is the filled bid `bid[i]` and the filled offer `offer[i]` (places in `Fills`) with `energyWh[i]`. */
export interface Pairs {
  readonly count: number;
  readonly bid: Int32Array;
  readonly offer: Int32Array;
  readonly energyWh: Int32Array;
}

/**
 * Walks the filled bids and the filled offers together, each in canonical order: at most filled bids + filled offers - 1 pairs.
 * Both sides' fills have the same sum. Which side runs out first is a coin toss at every step, so the loop takes no branch on it:
 * x >> 31 is all ones for a negative x and 0 otherwise, and every energy is below 2^30.
 */
export function pairsOf({ bids, offers }: Fills): Pairs {
  const most = Math.max(0, bids.count + offers.count - 1);
  const [bid, offer, energyWh] = int32Columns(3, most) as [Int32Array, Int32Array, Int32Array];
  const { count: bidCount, energyWh: bidWh } = bids;
  const { energyWh: offerWh } = offers;
  let count = 0;
  let b = 0;
  let o = 0;
  let bidRest = (bidWh[0] as number) | 0;
  let offerRest = (offerWh[0] as number) | 0;
  // The second condition only matters for fills whose sums differ, which no mechanism makes: such a walk ends too.
  while (b < bidCount && count < most) {
    const nextBid = bidWh[b + 1] as number;
    const nextOffer = offerWh[o + 1] as number;
    bid[count] = b;
    offer[count] = o;
    const difference = (bidRest - offerRest) | 0;
    const energy = (offerRest + (difference & (difference >> 31))) | 0;
    energyWh[count] = energy;
    count++;
    bidRest = (bidRest - energy) | 0;
    offerRest = (offerRest - energy) | 0;
    const bidIsDone = (bidRest - 1) >> 31;
    const offerIsDone = (offerRest - 1) >> 31;
    b = (b - bidIsDone) | 0;
    o = (o - offerIsDone) | 0;
    bidRest = (bidRest + (nextBid & bidIsDone)) | 0;
    offerRest = (offerRest + (nextOffer & offerIsDone)) | 0;
  }
  return { count, bid, offer, energyWh };
}
