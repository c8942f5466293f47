import type { Fills } from './fills.ts';

/** Who supplied whom: pair i is bid `bid[i]` and offer `offer[i]` (indices into their sides) with `energyWh[i]`. */
export interface Pairs {
  readonly count: number;
  readonly bid: Uint32Array;
  readonly offer: Uint32Array;
  readonly energyWh: Uint32Array;
}

/**
 * Walks the filled bids and the filled offers together, each in canonical order: at most filled bids + filled offers - 1 pairs.
 * Both sides' fills have the same sum.
 */
export function pairsOf({ bidWh, offerWh }: Fills): Pairs {
  const bids = filledOf(bidWh);
  const offers = filledOf(offerWh);
  const most = Math.max(0, bids.count + offers.count - 1);
  const bid = new Uint32Array(most);
  const offer = new Uint32Array(most);
  const energyWh = new Uint32Array(most);
  let count = 0;
  let atBid = 0;
  let atOffer = 0;
  let bidRest = bids.energyWh[0] as number;
  let offerRest = offers.energyWh[0] as number;
  while (atBid < bids.count && atOffer < offers.count) {
    const energy = Math.min(bidRest, offerRest);
    bid[count] = bids.at[atBid] as number;
    offer[count] = offers.at[atOffer] as number;
    energyWh[count] = energy;
    count++;
    bidRest -= energy;
    offerRest -= energy;
    if (bidRest === 0) bidRest = bids.energyWh[++atBid] as number;
    if (offerRest === 0) offerRest = offers.energyWh[++atOffer] as number;
  }
  return { count, bid, offer, energyWh };
}

/** The filled orders alone, with a 0 behind the last. */
function filledOf(filledWh: Uint32Array): { count: number; at: Uint32Array; energyWh: Uint32Array } {
  const at = new Uint32Array(filledWh.length + 1);
  const energyWh = new Uint32Array(filledWh.length + 1);
  let count = 0;
  for (let index = 0; index < filledWh.length; index++) {
    const energy = filledWh[index] as number;
    at[count] = index;
    energyWh[count] = energy;
    // 1 when the energy is not 0: energy stays below 2^30, so its negative has the sign bit.
    count += -energy >>> 31;
  }
  energyWh[count] = 0;
  return { count, at, energyWh };
}
