import type { Clearing, Fill, MechanismName, Trade } from '@commonwatt/domain';
import type { FilledSide, Fills } from './fills.ts';
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
  const bidIds = idsOf(bids, fills.bids, idAt);
  const offerIds = idsOf(offers, fills.offers, idAt);
  const trades: Trade[] = [];
  for (let pair = 0; pair < pairs.count; pair++) {
    const bidPlace = pairs.bid[pair] as number;
    const offerPlace = pairs.offer[pair] as number;
    const bid = fills.bids.at[bidPlace] as number;
    const offer = fills.offers.at[offerPlace] as number;
    const priceMicroPerKwh = tradePrice(
      bids.priceMicroPerKwh[bid] as number,
      offers.priceMicroPerKwh[offer] as number,
    );
    const trade: Trade = {
      bidId: bidIds[bidPlace] as string,
      offerId: offerIds[offerPlace] as string,
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

function idsOf(side: BookSide, { count, at }: FilledSide, idAt: (rank: number) => string): string[] {
  const ids: string[] = [];
  for (let place = 0; place < count; place++) ids.push(idAt(side.rank[at[place] as number] as number));
  return ids;
}

/** Both sides' fills in canonical order; both ranks are past every rank once nothing is left. */
function mergedFills(
  book: FrozenBook,
  { bids, offers }: Fills,
  bidIds: readonly string[],
  offerIds: readonly string[],
): Fill[] {
  const merged: Fill[] = [];
  let bid = 0;
  let offer = 0;
  let bidRank = rankOf(book, book.bids, bids, bid);
  let offerRank = rankOf(book, book.offers, offers, offer);
  while (bidRank !== offerRank) {
    if (bidRank < offerRank) {
      merged.push({ orderId: bidIds[bid] as string, energyWh: bids.energyWh[bid] as number });
      bidRank = rankOf(book, book.bids, bids, ++bid);
    } else {
      merged.push({ orderId: offerIds[offer] as string, energyWh: offers.energyWh[offer] as number });
      offerRank = rankOf(book, book.offers, offers, ++offer);
    }
  }
  return merged;
}

/** Rank of the filled order at a place; past every rank where there is none. */
function rankOf(book: FrozenBook, side: BookSide, { count, at }: FilledSide, place: number): number {
  return place < count ? (side.rank[at[place] as number] as number) : book.count;
}
