import type { Clearing } from '@commonwatt/domain';
import { assembleClearing, emptyClearing } from './assemble-clearing.ts';
import { priceIntervalOf } from './crossing.ts';
import { fillsOf } from './fills.ts';
import { crossingOf } from './find-crossing.ts';
import type { FrozenBook } from './freeze-book.ts';
import { pairsOf } from './pairs.ts';

/**
 * The fills of `uniform`; each pair trades half-way between its own two limits, rounded down. There is no one price, so the clearing's
 * price is null; its interval is that of `uniform`.
 */
export function payAsBid(book: FrozenBook): Clearing {
  const crossing = crossingOf(book);
  if (!crossing) return emptyClearing(book, 'pay-as-bid');
  const fills = fillsOf(book, crossing);
  return assembleClearing(book, 'pay-as-bid', {
    volumeWh: crossing.volumeWh,
    priceMicroPerKwh: null,
    priceInterval: priceIntervalOf(crossing),
    fills,
    pairs: pairsOf(fills),
    tradePrice: pairPrice,
  });
}

/** floor((bid + offer) / 2). */
export function pairPrice(bidLimit: number, offerLimit: number): number {
  return (bidLimit + offerLimit) >> 1;
}
