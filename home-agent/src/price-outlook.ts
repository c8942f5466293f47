import { type SlotMinutes } from '@commonwatt/domain';
import type { ExpectedSlot, MarketOutlook } from './types.ts';

const DAY_MS = 86_400_000;
/** A price counts 1/e after two days: neighbourhoods change with the weather. */
const FADE_MS = 2 * DAY_MS;
const BLUR_MINUTES = 60;

/** What a kWh is expected to sell and to cost for in a slot; feed-in <= sell <= buy <= retail. */
export interface ExpectedPrices {
  readonly sell: Float64Array;
  readonly buy: Float64Array;
}

/**
 * Prices to plan with: recent prices at the same time of day, and before there are any, our own sun as a sign of everybody's (at noon
 * all have surplus and the price is near the feed-in price, at night all lack it). The gap between sell and buy is our doubt: it falls
 * as prices are seen, and keeps the battery from speculating on noise.
 */
export function expectedPrices(
  outlook: MarketOutlook,
  expected: readonly ExpectedSlot[],
  slotMinutes: SlotMinutes,
): ExpectedPrices {
  const low = outlook.feedInMicroPerKwh;
  const high = outlook.retailMicroPerKwh;
  const bins = 1440 / slotMinutes;
  const binOf = (atMs: number): number => Math.floor((atMs % DAY_MS) / (slotMinutes * 60_000));
  let brightest = 0;
  for (const slot of expected) brightest = Math.max(brightest, slot.pvWh.p50);
  const sun = new Float64Array(bins);
  for (const slot of expected) sun[binOf(slot.slotStartMs)] = brightest > 0 ? slot.pvWh.p50 / brightest : 0;

  const sums = new Float64Array(bins);
  const weights = new Float64Array(bins);
  const newest = expected[0]?.slotStartMs ?? 0;
  for (const recent of outlook.recentPrices) {
    const bin = binOf(recent.slotStartMs);
    let price = recent.priceMicroPerKwh;
    if (price === null) {
      // Nobody traded: all had surplus, or all lacked it. Only the sun tells which, and a home without panels cannot say.
      if (brightest === 0) continue;
      price = (sun[bin] ?? 0) > 0.3 ? low : high;
    }
    const weight = Math.exp(-Math.max(0, newest - recent.slotStartMs) / FADE_MS);
    sums[bin] = (sums[bin] ?? 0) + weight * Math.min(high, Math.max(low, price));
    weights[bin] = (weights[bin] ?? 0) + weight;
  }

  const reach = Math.max(0, Math.round(BLUR_MINUTES / slotMinutes) - 1);
  const sell = new Float64Array(expected.length);
  const buy = new Float64Array(expected.length);
  expected.forEach((slot, index) => {
    const bin = binOf(slot.slotStartMs);
    const prior = low + (high - low) * (brightest > 0 ? 0.8 - 0.6 * (sun[bin] ?? 0) : 0.6);
    let sum = prior;
    let weight = 1;
    for (let off = -reach; off <= reach; off += 1) {
      const near = (bin + off + bins) % bins;
      const share = 1 - Math.abs(off) / (reach + 1);
      sum += share * (sums[near] ?? 0);
      weight += share * (weights[near] ?? 0);
    }
    const doubt = (high - low) * (0.04 + 0.16 / weight);
    const middle = sum / weight;
    sell[index] = Math.min(high, Math.max(low, middle - doubt));
    buy[index] = Math.min(high, Math.max(low, middle + doubt));
  });
  return { sell, buy };
}
