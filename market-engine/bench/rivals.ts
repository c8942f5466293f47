import type { Book, Order } from '@commonwatt/domain';
import type { FrozenBook } from '../src/auction/freeze-book.ts';

/** One plain scan over the columns a clearing reads: adds up every price and every energy. The unit of `clear1mInScans`. */
export function plainScan({ bids, offers }: FrozenBook): number {
  let total = 0;
  for (const { count, energyWh, priceMicroPerKwh } of [bids, offers]) {
    for (let index = 0; index < count; index++) {
      total += (energyWh[index] as number) + (priceMicroPerKwh[index] as number);
    }
  }
  return total;
}

/** What one would write first: sort both sides, walk them together. Volume and marginal limits alone; no shares, no pairs. */
export function sortAndMerge(book: Book): { volumeWh: number; bidLimit: number; offerLimit: number } {
  const bids = book.orders
    .filter((order) => order.side === 'bid')
    .sort((a, b) => b.priceMicroPerKwh - a.priceMicroPerKwh);
  const offers = book.orders
    .filter((order) => order.side === 'offer')
    .sort((a, b) => a.priceMicroPerKwh - b.priceMicroPerKwh);
  let volumeWh = 0;
  let [bidLimit, offerLimit] = [0, 0];
  let [b, o] = [0, 0];
  let bidRest = bids[0]?.energyWh ?? 0;
  let offerRest = offers[0]?.energyWh ?? 0;
  while (b < bids.length && o < offers.length) {
    const bid = bids[b] as Order;
    const offer = offers[o] as Order;
    if (bid.priceMicroPerKwh < offer.priceMicroPerKwh) break;
    [bidLimit, offerLimit] = [bid.priceMicroPerKwh, offer.priceMicroPerKwh];
    const energyWh = Math.min(bidRest, offerRest);
    volumeWh += energyWh;
    bidRest -= energyWh;
    offerRest -= energyWh;
    if (bidRest === 0) bidRest = bids[++b]?.energyWh ?? 0;
    if (offerRest === 0) offerRest = offers[++o]?.energyWh ?? 0;
  }
  return { volumeWh, bidLimit, offerLimit };
}
