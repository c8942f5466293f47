import type { Need } from './need.ts';
import type { MarketOutlook, ValueStep } from './types.ts';

/** The battery within a slot: what it can give (cheapest first) and take (dearest first), each at its later worth. */
export interface Flexibility {
  readonly discharge: readonly ValueStep[];
  readonly charge: readonly ValueStep[];
}

/**
 * What one more Wh at the home is worth (micro/kWh) when it lacks `needWh` (below zero: has too much) after its trades: the battery
 * covers a lack while that is cheaper than the retail price and takes a surplus while that is worth more than the feed-in price.
 */
export function worthAt(needWh: number, flexibility: Flexibility, outlook: MarketOutlook): number {
  const lack = needWh > 0;
  let rest = Math.abs(needWh);
  for (const step of lack ? flexibility.discharge : flexibility.charge) {
    rest -= step.energyWh;
    if (rest <= 0) return clamp(step.priceMicroPerKwh, outlook);
  }
  return lack ? outlook.retailMicroPerKwh : outlook.feedInMicroPerKwh;
}

/** Shares of the need's distribution at evenly likely points, by straight lines through its quantiles. */
const POINTS = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95] as const;

/** The need at evenly likely points of its distribution, ascending, Wh. */
export function needPoints(need: Need): readonly number[] {
  return POINTS.map((level) => {
    const side = level < 0.5 ? need.mid - need.low : need.high - need.mid;
    return need.mid + ((level - 0.5) / 0.4) * side;
  });
}

/** Expected worth of one more Wh bought when `boughtWh` (below zero: sold) are traded already: falls with every Wh bought. */
export function worthOfPosition(
  boughtWh: number,
  needs: readonly number[],
  flexibility: Flexibility,
  outlook: MarketOutlook,
): number {
  let total = 0;
  for (const needWh of needs) total += worthAt(needWh - boughtWh, flexibility, outlook);
  return total / needs.length;
}

function clamp(price: number, outlook: MarketOutlook): number {
  return Math.min(outlook.retailMicroPerKwh, Math.max(outlook.feedInMicroPerKwh, price));
}
