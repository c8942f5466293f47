/**
 * Where demand and supply cross. Take the bids Wh by Wh from the highest limit down and the offers from the lowest limit up;
 * the volume V is the last Wh at which the bid's limit is not below the offer's. Energy in Wh, prices in micro/kWh.
 */
export interface Crossing {
  readonly volumeWh: number;
  /** Limit of the V-th Wh of demand, and of supply. */
  readonly bidLimit: number;
  readonly offerLimit: number;
  /** Limit of the Wh after the V-th; `NO_BID` or `NO_OFFER` where the side ends there. */
  readonly nextBid: number;
  readonly nextOffer: number;
  /** Energy of the bids above `bidLimit`, and of those at it. */
  readonly bidsAboveWh: number;
  readonly bidsAtLimitWh: number;
  /** Energy of the offers below `offerLimit`, and of those at it. */
  readonly offersBelowWh: number;
  readonly offersAtLimitWh: number;
}

export const NO_BID = -1;
export const NO_OFFER = Number.POSITIVE_INFINITY;

/** `[lo, hi]`: any price inside supports the same trades (`docs/market-rules.md`, section "uniform"). */
export function priceIntervalOf(crossing: Crossing): readonly [lo: number, hi: number] {
  return [Math.max(crossing.offerLimit, crossing.nextBid), Math.min(crossing.bidLimit, crossing.nextOffer)];
}

/** lo + floor(k (hi - lo) / 100). */
export function priceIn([lo, hi]: readonly [lo: number, hi: number], kPercent: number): number {
  return lo + Math.floor((kPercent * (hi - lo)) / 100);
}
