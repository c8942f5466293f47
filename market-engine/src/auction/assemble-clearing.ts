import type { Clearing, Fill, MechanismName, Trade } from '@commonwatt/domain';
import type { Fills } from './fills.ts';
import type { BookSide, FrozenBook } from './freeze-book.ts';
import type { Pairs } from './pairs.ts';
import { textReader } from './text-table.ts';

/** A cleared book as columns; `tradePrice` says what a pair's buyer pays and its seller gets, by their own limits. */
export interface ClearedColumns {
  readonly volumeWh: number;
  readonly priceMicroPerKwh: number | null;
  readonly priceInterval: readonly [lo: number, hi: number];
  readonly fills: Fills;
  readonly pairs: Pairs;
  readonly tradePrice: (bidLimit: number, offerLimit: number) => number;
  /** Only where sellers get less than buyers pay. */
  readonly sellerPriceMicroPerKwh?: number;
}

/** The clearing of a book in which nothing trades: price and interval are null. */
export function emptyClearing(book: FrozenBook, mechanism: MechanismName): Clearing {
  const { slot, bookHash } = book;
  return {
    slot,
    mechanism,
    bookHash,
    volumeWh: 0,
    priceMicroPerKwh: null,
    priceInterval: null,
    fills: [],
    trades: [],
  };
}

/** A clearing as the rules print it, from columns. Fills in canonical order, trades as paired. */
export function assembleClearing(
  book: FrozenBook,
  mechanism: MechanismName,
  cleared: ClearedColumns,
): Clearing {
  const { slot, bookHash, bids, offers, participants } = book;
  const { fills, pairs, tradePrice, sellerPriceMicroPerKwh } = cleared;
  const idAt = textReader(book.ids);
  const bidIds = filledIds(bids, fills.bidWh, idAt);
  const offerIds = filledIds(offers, fills.offerWh, idAt);
  const trades: Trade[] = [];
  for (let pair = 0; pair < pairs.count; pair++) {
    const bid = pairs.bid[pair] as number;
    const offer = pairs.offer[pair] as number;
    const priceMicroPerKwh = tradePrice(
      bids.priceMicroPerKwh[bid] as number,
      offers.priceMicroPerKwh[offer] as number,
    );
    const trade: Trade = {
      bidId: bidIds[bid] as string,
      offerId: offerIds[offer] as string,
      buyer: participants[bids.participant[bid] as number] as string,
      seller: participants[offers.participant[offer] as number] as string,
      energyWh: pairs.energyWh[pair] as number,
      priceMicroPerKwh,
    };
    trades.push(
      sellerPriceMicroPerKwh === undefined || sellerPriceMicroPerKwh === priceMicroPerKwh
        ? trade
        : { ...trade, sellerPriceMicroPerKwh },
    );
  }
  return {
    slot,
    mechanism,
    bookHash,
    volumeWh: cleared.volumeWh,
    priceMicroPerKwh: cleared.priceMicroPerKwh,
    priceInterval: cleared.priceInterval,
    fills: mergedFills(book, fills, bidIds, offerIds),
    trades,
  };
}

/** Ids of the filled orders of a side, by index; '' for the others. */
function filledIds(side: BookSide, filledWh: Uint32Array, idAt: (rank: number) => string): string[] {
  const ids: string[] = [];
  for (let index = 0; index < side.count; index++) {
    ids.push(filledWh[index] === 0 ? '' : idAt(side.rank[index] as number));
  }
  return ids;
}

function mergedFills(
  { bids, offers }: FrozenBook,
  { bidWh, offerWh }: Fills,
  bidIds: readonly string[],
  offerIds: readonly string[],
): Fill[] {
  const merged: Fill[] = [];
  let bid = 0;
  let offer = 0;
  while (bid < bids.count || offer < offers.count) {
    const bidIsNext =
      offer >= offers.count ||
      (bid < bids.count && (bids.rank[bid] as number) < (offers.rank[offer] as number));
    const energyWh = (bidIsNext ? bidWh[bid] : offerWh[offer]) as number;
    if (energyWh > 0)
      merged.push({ orderId: (bidIsNext ? bidIds[bid] : offerIds[offer]) as string, energyWh });
    if (bidIsNext) bid++;
    else offer++;
  }
  return merged;
}
