import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryBook, bookOf, DENSE, WIDE } from './books.fixture.ts';
import { crossingByDepth } from './crossing-by-depth.ts';
import { crossingBySort } from './crossing-by-sort.ts';
import { freezeBook } from './freeze-book.ts';

const NARROW = { ordersMax: 60, energyWhMax: 1000, priceMax: 5000 };

describe('the two ways to the crossing', () => {
  it.each([
    ['few prices', DENSE],
    ['several prices to a bucket', NARROW],
    ['all prices', WIDE],
  ])('agree: %s', (_, ranges) => {
    fc.assert(
      fc.property(arbitraryBook(ranges), (book) => {
        const { bids, offers } = freezeBook(book);
        fc.pre(bids.count > 0 && offers.count > 0);
        expect(crossingByDepth(bids, offers)).toEqual(crossingBySort(bids, offers));
      }),
      { numRuns: 1000 },
    );
  });

  it('agree on a large book', () => {
    const random = lcg(7);
    const orders = Array.from({ length: 20_000 }, (_, index) => {
      const side = random() < 0.5 ? 'bid' : 'offer';
      return `o${index} ${side} ${1 + Math.floor(random() * 5000)} ${80_000 + Math.floor(random() * 170_000)}`;
    });
    const { bids, offers } = freezeBook(bookOf(orders.join(';')));
    const crossing = crossingBySort(bids, offers);
    expect(crossing?.volumeWh).toBeGreaterThan(0);
    expect(crossingByDepth(bids, offers)).toEqual(crossing);
  });

  it('keep sums beyond 2^32 Wh exact', () => {
    const orders = Array.from(
      { length: 4000 },
      (_, index) => `o${index} ${index % 2 === 0 ? 'bid' : 'offer'} 999999999 ${index % 2 === 0 ? 20 : 10}`,
    );
    const { bids, offers } = freezeBook(bookOf(orders.join(';')));
    const expected = { volumeWh: 2000 * 999_999_999, bidLimit: 20, offerLimit: 10 };
    expect(crossingBySort(bids, offers)).toMatchObject(expected);
    expect(crossingByDepth(bids, offers)).toMatchObject(expected);
  });
});

/** Numbers in [0, 1) from a seed. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
