import type { Clearing } from '@commonwatt/domain';
import { assembleClearing, emptyClearing } from './assemble-clearing.ts';
import { priceIn, priceIntervalOf } from './crossing.ts';
import { fillsOf } from './fills.ts';
import { crossingOf } from './find-crossing.ts';
import type { FrozenBook } from './freeze-book.ts';
import { pairsOf } from './pairs.ts';

/** Everyone trades at one price inside [lo, hi], placed by `kPercent`; the volume is the most the limits allow. */
export function uniform(book: FrozenBook): Clearing {
  const crossing = crossingOf(book);
  if (!crossing) return emptyClearing(book, 'uniform');
  const priceInterval = priceIntervalOf(crossing);
  const price = priceIn(priceInterval, book.kPercent);
  const fills = fillsOf(book, crossing);
  return assembleClearing(book, 'uniform', {
    volumeWh: crossing.volumeWh,
    priceMicroPerKwh: price,
    priceInterval,
    fills,
    pairs: pairsOf(fills),
    tradePrice: () => price,
  });
}
