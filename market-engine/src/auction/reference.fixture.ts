import { createHash } from 'node:crypto';
import {
  canonicalJson,
  sha256Hex,
  type Book,
  type Clearing,
  type Fill,
  type Order,
  type Trade,
} from '@commonwatt/domain';

/**
 * The rules again, in the plainest way there is: every Wh is an item of a list, every price is tried. Slow, for small books, and written
 * without a look at the engine, which is tested against it.
 */
export function referenceClearing(book: Book, mechanism: Clearing['mechanism']): Clearing {
  const orders = [...book.orders].sort((a, b) => (a.id < b.id ? -1 : 1));
  const bookHash = sha256Hex(canonicalJson({ ...book, orders }));
  const base = { slot: book.slot, mechanism, bookHash };
  const nothing = {
    ...base,
    volumeWh: 0,
    priceMicroPerKwh: null,
    priceInterval: null,
    fills: [],
    trades: [],
  };
  const bids = orders.filter((order) => order.side === 'bid');
  const offers = orders.filter((order) => order.side === 'offer');
  const volumeWh = largestVolume(bids, offers);
  if (volumeWh === 0) return nothing;

  const given = new Map([
    ...fillSide(
      book.slot,
      groups(bids, (a, b) => b - a),
      volumeWh,
    ),
    ...fillSide(
      book.slot,
      groups(offers, (a, b) => a - b),
      volumeWh,
    ),
  ]);
  const has = (order: Order): boolean => (given.get(order.id) ?? 0) > 0;
  const lacks = (order: Order): boolean => (given.get(order.id) ?? 0) < order.energyWh;
  const price = (order: Order): number => order.priceMicroPerKwh;
  const lo = Math.max(...offers.filter(has).map(price), ...bids.filter(lacks).map(price));
  const hi = Math.min(...bids.filter(has).map(price), ...offers.filter(lacks).map(price));

  if (mechanism === 'mcafee') {
    const outcome = mcafeeReference(book.slot, bids, offers);
    if (!outcome) return nothing;
    if (outcome.given) {
      const { buyer, seller } = outcome;
      const fills = fillList(orders, outcome.given);
      const trades = pair(bids, offers, outcome.given, () => buyer).map((trade) =>
        buyer === seller ? trade : { ...trade, sellerPriceMicroPerKwh: seller },
      );
      const traded = trades.reduce((total, { energyWh }) => total + energyWh, 0);
      return {
        ...base,
        volumeWh: traded,
        priceMicroPerKwh: buyer,
        priceInterval: [seller, buyer],
        fills,
        trades,
      };
    }
    const trades = pair(bids, offers, given, () => outcome.buyer);
    return {
      ...base,
      volumeWh,
      priceMicroPerKwh: outcome.buyer,
      priceInterval: [lo, hi],
      fills: fillList(orders, given),
      trades,
    };
  }
  const common = lo + Number((BigInt(book.kPercent) * BigInt(hi - lo)) / 100n);
  const priceOf = (bid: Order, offer: Order): number =>
    mechanism === 'uniform' ? common : Math.floor((price(bid) + price(offer)) / 2);
  return {
    ...base,
    volumeWh,
    priceMicroPerKwh: mechanism === 'uniform' ? common : null,
    priceInterval: [lo, hi],
    fills: fillList(orders, given),
    trades: pair(bids, offers, given, priceOf),
  };
}

/** V = max over p of min(D(p), S(p)). */
export function largestVolume(bids: readonly Order[], offers: readonly Order[]): number {
  const energy = (orders: readonly Order[]): number =>
    orders.reduce((total, order) => total + order.energyWh, 0);
  return [...bids, ...offers].reduce((volume, { priceMicroPerKwh: p }) => {
    const demand = energy(bids.filter((bid) => bid.priceMicroPerKwh >= p));
    const supply = energy(offers.filter((offer) => offer.priceMicroPerKwh <= p));
    return Math.max(volume, Math.min(demand, supply));
  }, 0);
}

export function hashOf(slot: string, id: string): string {
  return createHash('sha256').update(`${slot}\n${id}`).digest('hex');
}

function groups(orders: readonly Order[], compare: (a: number, b: number) => number): Order[][] {
  const prices = [...new Set(orders.map((order) => order.priceMicroPerKwh))].sort(compare);
  return prices.map((price) => orders.filter((order) => order.priceMicroPerKwh === price));
}

function fillSide(slot: string, levels: readonly Order[][], volumeWh: number): [string, number][] {
  let left = volumeWh;
  return levels.flatMap((level) => {
    const total = level.reduce((sum, order) => sum + order.energyWh, 0);
    const available = Math.min(left, total);
    left -= available;
    return share(slot, level, available, total);
  });
}

function share(slot: string, level: readonly Order[], available: number, total: number): [string, number][] {
  const exact = level.map((order) => {
    const product = BigInt(order.energyWh) * BigInt(available);
    return { id: order.id, whole: Number(product / BigInt(total)), rest: product % BigInt(total) };
  });
  const left = available - exact.reduce((sum, { whole }) => sum + whole, 0);
  const ranked = exact.toSorted((a, b) =>
    a.rest === b.rest ? (hashOf(slot, a.id) < hashOf(slot, b.id) ? -1 : 1) : a.rest > b.rest ? -1 : 1,
  );
  const lucky = new Set(ranked.slice(0, left).map(({ id }) => id));
  return exact.map(({ id, whole }) => [id, whole + (lucky.has(id) ? 1 : 0)]);
}

function fillList(orders: readonly Order[], given: ReadonlyMap<string, number>): Fill[] {
  return orders
    .map(({ id }) => ({ orderId: id, energyWh: given.get(id) ?? 0 }))
    .filter(({ energyWh }) => energyWh > 0);
}

/** Every filled Wh of demand next to one of supply; equal neighbours make one trade. */
function pair(
  bids: readonly Order[],
  offers: readonly Order[],
  given: ReadonlyMap<string, number>,
  priceOf: (bid: Order, offer: Order) => number,
): Trade[] {
  const unfold = (orders: readonly Order[]): Order[] =>
    orders.flatMap((order) => Array.from({ length: given.get(order.id) ?? 0 }, () => order));
  const supply = unfold(offers);
  const trades: Trade[] = [];
  for (const [index, bid] of unfold(bids).entries()) {
    const offer = supply[index] as Order;
    const last = trades.at(-1);
    if (last && last.bidId === bid.id && last.offerId === offer.id) {
      trades[trades.length - 1] = { ...last, energyWh: last.energyWh + 1 };
    } else {
      trades.push({
        bidId: bid.id,
        offerId: offer.id,
        buyer: bid.participant,
        seller: offer.participant,
        energyWh: 1,
        priceMicroPerKwh: priceOf(bid, offer),
      });
    }
  }
  return trades;
}

interface McafeeOutcome {
  readonly buyer: number;
  readonly seller: number;
  /** Only after a reduction. */
  readonly given?: Map<string, number>;
}

function mcafeeReference(
  slot: string,
  bids: readonly Order[],
  offers: readonly Order[],
): McafeeOutcome | null {
  const ranked = (orders: readonly Order[], sign: 1 | -1): Order[] =>
    orders.toSorted(
      (a, b) =>
        sign * (a.priceMicroPerKwh - b.priceMicroPerKwh) ||
        (hashOf(slot, a.id) < hashOf(slot, b.id) ? -1 : 1),
    );
  const unfold = (orders: readonly Order[]): Order[] =>
    orders.flatMap((order) => Array.from({ length: order.energyWh }, () => order));
  const rankedBids = ranked(bids, -1);
  const rankedOffers = ranked(offers, 1);
  const demand = unfold(rankedBids);
  const supply = unfold(rankedOffers);
  let volume = 0;
  while (
    volume < Math.min(demand.length, supply.length) &&
    (demand[volume] as Order).priceMicroPerKwh >= (supply[volume] as Order).priceMicroPerKwh
  ) {
    volume++;
  }
  const lastBid = demand[volume - 1] as Order;
  const lastOffer = supply[volume - 1] as Order;
  const nextBid = demand[volume];
  const nextOffer = supply[volume];
  if (nextBid && nextOffer) {
    const price = Math.floor((nextBid.priceMicroPerKwh + nextOffer.priceMicroPerKwh) / 2);
    if (price >= lastOffer.priceMicroPerKwh && price <= lastBid.priceMicroPerKwh) {
      return { buyer: price, seller: price };
    }
  }
  const better = rankedBids.slice(0, rankedBids.indexOf(lastBid));
  const cheaper = rankedOffers.slice(0, rankedOffers.indexOf(lastOffer));
  const energy = (orders: readonly Order[]): number => orders.reduce((sum, order) => sum + order.energyWh, 0);
  const traded = Math.min(energy(better), energy(cheaper));
  if (traded === 0) return null;
  const given = new Map([
    ...share(slot, better, traded, energy(better)),
    ...share(slot, cheaper, traded, energy(cheaper)),
  ]);
  return { buyer: lastBid.priceMicroPerKwh, seller: lastOffer.priceMicroPerKwh, given };
}
