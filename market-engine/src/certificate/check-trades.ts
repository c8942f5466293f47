import type { Clearing, Trade } from '@commonwatt/domain';
import type { BookSide, FrozenBook } from '../auction/freeze-book.ts';
import { Unfounded } from './survey.ts';

/** What a pair's buyer pays, by the two limits; and what sellers get where that is another price. */
export interface TradePrices {
  readonly buyer: (bidLimit: number, offerLimit: number) => number;
  readonly seller?: number;
}

/** Walks the trades beside the filled orders: each trade must be the next pair, with its parties and its price. Throws Unfounded. */
export function checkTrades(
  book: FrozenBook,
  clearing: Clearing,
  bidWh: Uint32Array,
  offerWh: Uint32Array,
  prices: TradePrices,
  idAt: (rank: number) => string,
): void {
  const bids = walk(book, book.bids, bidWh, idAt);
  const offers = walk(book, book.offers, offerWh, idAt);
  for (const trade of clearing.trades) {
    const bid = bids.current();
    const offer = offers.current();
    const name = `${trade.bidId}/${trade.offerId}`;
    if (!bid || !offer) throw new Unfounded('there are more trades than the fills make', name);
    const buyerPrice = prices.buyer(bid.price, offer.price);
    const sellerPrice = prices.seller ?? buyerPrice;
    const expected: Trade = {
      bidId: bid.id,
      offerId: offer.id,
      buyer: bid.participant,
      seller: offer.participant,
      energyWh: Math.min(bid.restWh, offer.restWh),
      priceMicroPerKwh: buyerPrice,
      ...(sellerPrice === buyerPrice ? {} : { sellerPriceMicroPerKwh: sellerPrice }),
    };
    const members = new Set([...Object.keys(expected), ...Object.keys(trade)]) as Set<keyof Trade>;
    for (const member of members) {
      if (trade[member] === expected[member]) continue;
      throw new Unfounded(`${member} of the trade is ${expected[member]}, not ${trade[member]}`, name);
    }
    if (bid.price < buyerPrice || offer.price > sellerPrice) {
      throw new Unfounded('the trade lies outside a limit', name);
    }
    bids.take(trade.energyWh);
    offers.take(trade.energyWh);
  }
  const left = bids.current() ?? offers.current();
  if (left) throw new Unfounded(`a fill has no trade for ${left.restWh} Wh`, left.id);
}

interface Walker {
  current(): { id: string; participant: string; price: number; restWh: number } | undefined;
  take(energyWh: number): void;
}

/** The filled orders of a side, one after the other. */
function walk(
  book: FrozenBook,
  side: BookSide,
  filledWh: Uint32Array,
  idAt: (rank: number) => string,
): Walker {
  let index = -1;
  let restWh = 0;
  const next = (): void => {
    do restWh = filledWh[++index] ?? 0;
    while (restWh === 0 && index < side.count);
  };
  next();
  return {
    current: () =>
      index < side.count
        ? {
            id: idAt(side.rank[index] as number),
            participant: book.participants[side.participant[index] as number] as string,
            price: side.priceMicroPerKwh[index] as number,
            restWh,
          }
        : undefined,
    take: (energyWh) => {
      restWh -= energyWh;
      if (restWh === 0) next();
    },
  };
}
