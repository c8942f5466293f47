import { canonicalJson, type Book, type Clearing, type MechanismName, type Order } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryBook, bookOf, DENSE, WIDE } from './books.fixture.ts';
import { freezeBook } from './freeze-book.ts';
import { clearBook, MECHANISMS } from './mechanisms.ts';
import { largestVolume, referenceClearing } from './reference.fixture.ts';

const NAMES = Object.keys(MECHANISMS) as MechanismName[];
const clear = (book: Book, mechanism: MechanismName): Clearing => clearBook(freezeBook(book), mechanism);
const ordersById = (book: Book): Map<string, Order> => new Map(book.orders.map((order) => [order.id, order]));
const filledOf = (clearing: Clearing): Map<string, number> =>
  new Map(clearing.fills.map(({ orderId, energyWh }) => [orderId, energyWh]));
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, next) => total + next, 0);
const anyBook = fc.oneof(arbitraryBook(DENSE), arbitraryBook(WIDE));

describe.each(NAMES)('%s', (mechanism) => {
  it('gives what the plain reference gives, to the last Wh and micro-unit', () => {
    fc.assert(
      fc.property(arbitraryBook(DENSE), (book) => {
        expect(clear(book, mechanism)).toEqual(referenceClearing(book, mechanism));
      }),
      { numRuns: 1500 },
    );
  });

  it('buys as much as it sells, and as much as the volume says', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const clearing = clear(book, mechanism);
        const orders = ordersById(book);
        const filled = clearing.fills.map((fill) => ({ ...fill, side: orders.get(fill.orderId)?.side }));
        const of = (side: string): number =>
          sum(filled.filter((f) => f.side === side).map((f) => f.energyWh));
        expect(of('bid')).toBe(clearing.volumeWh);
        expect(of('offer')).toBe(clearing.volumeWh);
        expect(sum(clearing.trades.map((trade) => trade.energyWh))).toBe(clearing.volumeWh);
      }),
    );
  });

  it('lets nobody trade outside its limit or beyond its energy', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const clearing = clear(book, mechanism);
        const orders = ordersById(book);
        for (const { orderId, energyWh } of clearing.fills) {
          expect(energyWh).toBeGreaterThan(0);
          expect(energyWh).toBeLessThanOrEqual(orders.get(orderId)?.energyWh ?? 0);
        }
        for (const trade of clearing.trades) {
          expect(trade.priceMicroPerKwh).toBeLessThanOrEqual(orders.get(trade.bidId)?.priceMicroPerKwh ?? -1);
          const got = trade.sellerPriceMicroPerKwh ?? trade.priceMicroPerKwh;
          expect(got).toBeGreaterThanOrEqual(orders.get(trade.offerId)?.priceMicroPerKwh ?? Infinity);
        }
      }),
    );
  });

  it('never runs a deficit', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        for (const trade of clear(book, mechanism).trades) {
          expect(trade.sellerPriceMicroPerKwh ?? trade.priceMicroPerKwh).toBeLessThanOrEqual(
            trade.priceMicroPerKwh,
          );
        }
      }),
    );
  });

  it('pairs each fill completely, in at most filled bids + filled offers - 1 trades', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const clearing = clear(book, mechanism);
        const left = filledOf(clearing);
        for (const { bidId, offerId, energyWh } of clearing.trades) {
          left.set(bidId, (left.get(bidId) ?? 0) - energyWh);
          left.set(offerId, (left.get(offerId) ?? 0) - energyWh);
        }
        expect([...left.values()].every((energyWh) => energyWh === 0)).toBe(true);
        expect(clearing.trades.length).toBeLessThanOrEqual(Math.max(0, clearing.fills.length - 1));
      }),
    );
  });

  it('does not depend on the order of arrival, and gives the same bytes', () => {
    const shuffled = anyBook.chain((book) =>
      fc.tuple(fc.constant(book), fc.shuffledSubarray([...book.orders], { minLength: book.orders.length })),
    );
    fc.assert(
      fc.property(shuffled, ([book, orders]) => {
        expect(canonicalJson(clear({ ...book, orders }, mechanism))).toBe(
          canonicalJson(clear(book, mechanism)),
        );
      }),
    );
  });

  it('lists fills in canonical order; without a trade price and interval are null', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const clearing = clear(book, mechanism);
        const ids = clearing.fills.map(({ orderId }) => orderId);
        expect(ids).toEqual(ids.toSorted());
        expect(clearing.priceInterval === null).toBe(clearing.volumeWh === 0);
        expect(clearing.priceMicroPerKwh === null).toBe(
          clearing.volumeWh === 0 || mechanism === 'pay-as-bid',
        );
      }),
    );
  });

  it('keeps its price in the published interval', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const { priceInterval, priceMicroPerKwh } = clear(book, mechanism);
        const [lo, hi] = priceInterval ?? [0, 0];
        const price = priceMicroPerKwh ?? lo;
        expect(lo).toBeLessThanOrEqual(price);
        expect(price).toBeLessThanOrEqual(hi);
      }),
    );
  });
});

describe.each(['uniform', 'pay-as-bid'] as const)('%s, efficient', (mechanism) => {
  it('trades the largest volume there is', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const bids = book.orders.filter((order) => order.side === 'bid');
        const offers = book.orders.filter((order) => order.side === 'offer');
        expect(clear(book, mechanism).volumeWh).toBe(largestVolume(bids, offers));
      }),
    );
  });

  it('leaves nobody out who is better: at every price of the interval, who would trade is filled', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const clearing = clear(book, mechanism);
        const filled = filledOf(clearing);
        const better = (clearing.priceInterval ?? []).flatMap((price) =>
          book.orders.filter(({ id, side, energyWh, priceMicroPerKwh }) => {
            const wouldTrade = side === 'bid' ? priceMicroPerKwh > price : priceMicroPerKwh < price;
            return wouldTrade && (filled.get(id) ?? 0) < energyWh;
          }),
        );
        expect(better).toEqual([]);
      }),
    );
  });

  it('cuts only orders at one price level of one side', () => {
    fc.assert(
      fc.property(anyBook, (book) => {
        const filled = filledOf(clear(book, mechanism));
        const cut = book.orders.filter(({ id, energyWh }) => filled.has(id) && filled.get(id) !== energyWh);
        expect(
          new Set(cut.map(({ side, priceMicroPerKwh }) => `${side} ${priceMicroPerKwh}`)).size,
        ).toBeLessThan(2);
      }),
    );
  });
});

describe('mcafee', () => {
  /** Orders of one size, one a participant; every participant tries every other price. */
  const valuations = fc.array(
    fc.record({ side: fc.constantFrom('bid', 'offer'), value: fc.integer({ min: 0, max: 7 }) }),
    { minLength: 2, maxLength: 8 },
  );
  const utility = (book: Book, order: Order, value: number): number => {
    const clearing = clear(book, 'mcafee');
    const gains = clearing.trades.map((trade) => {
      if (trade.bidId === order.id) return trade.energyWh * (value - trade.priceMicroPerKwh);
      if (trade.offerId !== order.id) return 0;
      return trade.energyWh * ((trade.sellerPriceMicroPerKwh ?? trade.priceMicroPerKwh) - value);
    });
    return sum(gains);
  };
  const bestLie = (book: Book): number => {
    let gain = 0;
    for (const order of book.orders) {
      const honest = utility(book, order, order.priceMicroPerKwh);
      for (let lie = 0; lie <= 8; lie++) {
        const orders = book.orders.map((other) =>
          other === order ? { ...order, priceMicroPerKwh: lie } : other,
        );
        gain = Math.max(gain, utility({ ...book, orders }, order, order.priceMicroPerKwh) - honest);
      }
    }
    return gain;
  };

  it('is truthful for single orders of equal size: no other limit earns anyone more', () => {
    fc.assert(
      fc.property(valuations, (values) => {
        const book = bookOf(
          values.map(({ side, value }, index) => `o${index} ${side} 100 ${value}`).join(';'),
        );
        expect(bestLie(book)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('loses at most the marginal orders against the largest volume, when all are of one size', () => {
    fc.assert(
      fc.property(valuations, (values) => {
        const book = bookOf(
          values.map(({ side, value }, index) => `o${index} ${side} 100 ${value}`).join(';'),
        );
        expect(clear(book, 'uniform').volumeWh - clear(book, 'mcafee').volumeWh).toBeLessThanOrEqual(100);
      }),
    );
  });
});
