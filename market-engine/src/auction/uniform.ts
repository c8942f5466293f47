import type { Clearing } from '@commonwatt/domain';
import { assembleClearing, emptyClearing, type ClearedColumns } from './assemble-clearing.ts';
import { priceIn, priceIntervalOf } from './crossing.ts';
import { fillsOf } from './fills.ts';
import { crossingOf } from './find-crossing.ts';
import type { FrozenBook } from './freeze-book.ts';
import { pairsOf } from './pairs.ts';

/** Everyone trades at one price inside [lo, hi], placed by `kPercent`; the volume is the most the limits allow. */
export function uniform(book: FrozenBook): Clearing {
  const cleared = uniformColumns(book);
  return cleared ? assembleClearing(book, 'uniform', cleared) : emptyClearing(book, 'uniform');
}

/** The whole clearing - volume, price, fills, pairs - as columns, before it becomes objects; null when nothing trades. */
export function uniformColumns(book: FrozenBook): ClearedColumns | null {
  const crossing = crossingOf(book);
  if (!crossing) return null;
  const priceInterval = priceIntervalOf(crossing);
  const price = priceIn(priceInterval, book.kPercent);
  const fills = fillsOf(book, crossing);
  return {
    volumeWh: crossing.volumeWh,
    priceMicroPerKwh: price,
    priceInterval,
    fills,
    pairs: pairsOf(fills),
    tradePrice: () => price,
  };
}
