import type { Clearing, MechanismName } from '@commonwatt/domain';
import { describe, expect, it } from 'vitest';
import { bookOf } from './books.fixture.ts';
import { freezeBook } from './freeze-book.ts';
import { clearBook } from './mechanisms.ts';

/** `10 Wh [10, 30] 20: a 10, b 10`, or `nothing`. */
function shown({ volumeWh, priceInterval, priceMicroPerKwh, fills }: Clearing): string {
  if (volumeWh === 0) return 'nothing';
  const list = fills.map(({ orderId, energyWh }) => `${orderId} ${energyWh}`).join(', ');
  return `${volumeWh} Wh [${priceInterval?.join(', ')}] ${priceMicroPerKwh ?? '-'}: ${list}`;
}

function cleared(orders: string, mechanism: MechanismName, kPercent?: number): Clearing {
  return clearBook(freezeBook(bookOf(orders, kPercent)), mechanism);
}

/** What decides between equals in this slot, as `sha256sum` gives it: A 03.., C 72.., B af.., D e2..; y 4a.., x 4d.., z be.. */
describe('uniform, row by row', () => {
  it.each([
    // The worked examples of the rules.
    ['example 1', 'a bid 10 30; b offer 20 10', '10 Wh [10, 10] 10: a 10, b 10'],
    ['example 2', 'a bid 10 30; b offer 10 10', '10 Wh [10, 30] 20: a 10, b 10'],
    ['example 3', 'a bid 10 30; b bid 10 20; c offer 10 10; d offer 10 25', '10 Wh [20, 25] 22: a 10, c 10'],
    [
      'example 4',
      'A bid 10 20; B bid 5 20; C bid 5 20; x offer 10 20',
      '10 Wh [20, 20] 20: A 5, B 2, C 3, x 10',
    ],
    ['example 5', 'a bid 10 9; b offer 10 10', 'nothing'],
    [
      'the rules: the cut bid pins the price',
      'o1 bid 1000 250000; o2 offer 800 100000',
      '800 Wh [250000, 250000] 250000: o1 800, o2 800',
    ],
    // One side empty.
    ['an empty book', '', 'nothing'],
    ['only bids', 'a bid 10 30; b bid 5 20', 'nothing'],
    ['only offers', 'a offer 10 30; b offer 5 20', 'nothing'],
    ['one bid alone', 'a bid 1 0', 'nothing'],
    // Limits that just meet and just miss.
    ['limits that meet', 'a bid 10 10; b offer 10 10', '10 Wh [10, 10] 10: a 10, b 10'],
    ['one micro-unit apart', 'a bid 10 10; b offer 10 11', 'nothing'],
    [
      'the next bid would just reach',
      'a bid 5 10; b bid 5 9; c offer 10 9',
      '10 Wh [9, 9] 9: a 5, b 5, c 10',
    ],
    ['the next bid just misses', 'a bid 5 10; b bid 5 8; c offer 10 9', '5 Wh [9, 9] 9: a 5, c 5'],
    // All at one price.
    [
      'all at one price, balanced',
      'a bid 3 7; b bid 4 7; c offer 5 7; d offer 2 7',
      '7 Wh [7, 7] 7: a 3, b 4, c 5, d 2',
    ],
    ['all at one price, bids cut', 'a bid 6 7; b bid 3 7; c offer 3 7', '3 Wh [7, 7] 7: a 2, b 1, c 3'],
    ['all at one price, offers cut', 'a bid 3 7; c offer 6 7; d offer 3 7', '3 Wh [7, 7] 7: a 3, c 2, d 1'],
    ['all at price 0', 'a bid 4 0; b offer 4 0', '4 Wh [0, 0] 0: a 4, b 4'],
    [
      'all at the highest price',
      'a bid 4 100000000; b offer 4 100000000',
      '4 Wh [100000000, 100000000] 100000000: a 4, b 4',
    ],
    // Partial fills on either side.
    ['the marginal bid is cut', 'a bid 4 30; b bid 4 20; c offer 6 10', '6 Wh [20, 20] 20: a 4, b 2, c 6'],
    [
      'the marginal offer is cut',
      'a bid 6 30; c offer 4 10; d offer 4 20',
      '6 Wh [20, 20] 20: a 6, c 4, d 2',
    ],
    [
      'a cut bid, and an offer just above it',
      'a bid 10 20; b offer 4 10; c offer 4 21',
      '4 Wh [20, 20] 20: a 4, b 4',
    ],
    [
      'nobody cut, the next bid bounds below',
      'a bid 5 30; b bid 5 18; c offer 5 10',
      '5 Wh [18, 30] 24: a 5, c 5',
    ],
    [
      'nobody cut, the next offer bounds above',
      'a bid 5 30; c offer 5 10; d offer 5 22',
      '5 Wh [10, 22] 16: a 5, c 5',
    ],
    [
      'one offer serves many bids',
      'a bid 1 30; b bid 1 29; c bid 1 28; d offer 3 5',
      '3 Wh [5, 28] 16: a 1, b 1, c 1, d 3',
    ],
    [
      'one bid takes many offers',
      'a bid 3 30; b offer 1 5; c offer 1 6; d offer 1 7',
      '3 Wh [7, 30] 18: a 3, b 1, c 1, d 1',
    ],
    [
      'the dear offer and the cheap bid stay out',
      'a bid 5 40; b bid 5 5; c offer 5 10; d offer 5 50',
      '5 Wh [10, 40] 25: a 5, c 5',
    ],
    [
      'price priority before size',
      'a bid 1 31; b bid 100 30; c offer 2 10',
      '2 Wh [30, 30] 30: a 1, b 1, c 2',
    ],
    // Ties and rationing.
    ['two equals, even', 'B bid 4 20; C bid 4 20; x offer 4 10', '4 Wh [20, 20] 20: B 2, C 2, x 4'],
    [
      'two equals, the odd Wh by hash',
      'B bid 4 20; C bid 4 20; x offer 5 10',
      '5 Wh [20, 20] 20: B 2, C 3, x 5',
    ],
    [
      'three equals, two odd Wh by hash',
      'B bid 1 20; C bid 1 20; D bid 1 20; x offer 2 10',
      '2 Wh [20, 20] 20: B 1, C 1, x 2',
    ],
    [
      'the largest remainder before the hash',
      'B bid 7 20; C bid 3 20; x offer 5 10',
      '5 Wh [20, 20] 20: B 3, C 2, x 5',
    ],
    ['an equal may get nothing', 'B bid 100 20; C bid 1 20; x offer 10 10', '10 Wh [20, 20] 20: B 10, x 10'],
    ['equals on the offer side', 'a bid 5 30; B offer 4 10; C offer 4 10', '5 Wh [10, 10] 10: B 2, C 3, a 5'],
    [
      'better bids are never cut',
      'a bid 3 21; B bid 4 20; C bid 4 20; x offer 7 10',
      '7 Wh [20, 20] 20: B 2, C 2, a 3, x 7',
    ],
    [
      'a level beyond the crossing shares nothing',
      'a bid 5 30; B bid 4 20; C bid 4 20; x offer 5 10',
      '5 Wh [20, 30] 25: a 5, x 5',
    ],
    // Huge and tiny.
    ['one Wh', 'a bid 1 1; b offer 1 0', '1 Wh [0, 1] 0: a 1, b 1'],
    [
      'the largest orders',
      'a bid 1000000000 100000000; b offer 1000000000 0',
      '1000000000 Wh [0, 100000000] 50000000: a 1000000000, b 1000000000',
    ],
    ['tiny against huge', 'a bid 1 100000000; b offer 1000000000 0', '1 Wh [0, 0] 0: a 1, b 1'],
    [
      'huge rationing is exact',
      'B bid 999999999 20; C bid 1000000000 20; x offer 999999998 10',
      '999999998 Wh [20, 20] 20: B 499999999, C 499999999, x 999999998',
    ],
    [
      'huge rationing, unequal',
      'B bid 1000000000 20; C bid 1 20; x offer 1000000000 10',
      '1000000000 Wh [20, 20] 20: B 999999999, C 1, x 1000000000',
    ],
    // Canonical order is by bytes: digits, then capitals, then small letters.
    [
      'canonical order',
      'b bid 1 30; B bid 1 30; 9 bid 1 30; b0 bid 1 30; x offer 4 10',
      '4 Wh [10, 30] 20: 9 1, B 1, b 1, b0 1, x 4',
    ],
  ])('%s', (_, orders, expected) => {
    expect(shown(cleared(orders, 'uniform'))).toBe(expected);
  });

  it.each([
    [0, 20],
    [1, 20],
    [25, 21],
    [50, 22],
    [99, 24],
    [100, 25],
  ])('k of %i puts the price at %i in [20, 25]', (kPercent, price) => {
    const book = 'a bid 10 30; b bid 10 20; c offer 10 10; d offer 10 25';
    expect(cleared(book, 'uniform', kPercent).priceMicroPerKwh).toBe(price);
  });

  it('pairs in canonical order, whatever the prices', () => {
    const { trades } = cleared('a bid 3 30; b bid 4 40; c offer 5 20; d offer 2 10', 'uniform');
    expect(trades.map(({ bidId, offerId, energyWh }) => `${bidId}<-${offerId} ${energyWh}`)).toEqual([
      'a<-c 3',
      'b<-c 2',
      'b<-d 2',
    ]);
  });

  it('prints the clearing of the rules, member by member', () => {
    const book = bookOf('o1 bid 1000 250000; o2 offer 800 100000');
    expect(clearBook(freezeBook(book), 'uniform')).toEqual({
      slot: '2026-06-01T12:00:00Z',
      mechanism: 'uniform',
      bookHash: freezeBook(book).bookHash,
      volumeWh: 800,
      priceMicroPerKwh: 250_000,
      priceInterval: [250_000, 250_000],
      fills: [
        { orderId: 'o1', energyWh: 800 },
        { orderId: 'o2', energyWh: 800 },
      ],
      trades: [
        {
          bidId: 'o1',
          offerId: 'o2',
          buyer: 'p-o1',
          seller: 'p-o2',
          energyWh: 800,
          priceMicroPerKwh: 250_000,
        },
      ],
    });
  });
});

describe('pay-as-bid, row by row', () => {
  it.each([
    ['half-way', 'a bid 10 30; b offer 10 10', ['a<-b 10 @ 20']],
    ['rounded down', 'a bid 10 30; b offer 10 11', ['a<-b 10 @ 20']],
    [
      'each pair its own',
      'a bid 3 30; b bid 4 40; c offer 5 20; d offer 2 10',
      ['a<-c 3 @ 25', 'b<-c 2 @ 30', 'b<-d 2 @ 25'],
    ],
    ['cut like uniform', 'a bid 4 30; b bid 4 20; c offer 6 10', ['a<-c 4 @ 20', 'b<-c 2 @ 15']],
    ['nothing', 'a bid 4 9; c offer 6 10', []],
  ])('%s', (_, orders, expected) => {
    const { trades, priceMicroPerKwh } = cleared(orders, 'pay-as-bid');
    const shown = trades.map((t) => `${t.bidId}<-${t.offerId} ${t.energyWh} @ ${t.priceMicroPerKwh}`);
    expect(shown).toEqual(expected);
    expect(priceMicroPerKwh).toBeNull();
  });
});

describe('mcafee, row by row', () => {
  it.each([
    [
      'the next pair names a price that suits all',
      'a bid 10 30; b bid 10 20; c offer 10 10; d offer 10 25',
      '10 Wh [20, 25] 22: a 10, c 10',
    ],
    [
      'reduction: the marginal pair steps back',
      'a bid 10 40; b bid 10 30; c offer 10 10; d offer 10 25',
      '10 Wh [25, 30] 30: a 10, c 10',
    ],
    ['a single pair cannot be reduced', 'a bid 10 30; b offer 10 10', 'nothing'],
    [
      'the next price lies above the marginal bid',
      'a bid 10 40; b bid 10 30; e bid 10 20; c offer 10 10; d offer 10 25; f offer 10 90',
      '10 Wh [25, 30] 30: a 10, c 10',
    ],
    [
      'equals: the larger hash steps back',
      'B bid 5 20; C bid 5 20; D bid 5 20; x offer 5 10; y offer 5 10; z offer 5 10',
      '10 Wh [10, 20] 20: B 5, C 5, x 5, y 5',
    ],
    [
      'the longer side is cut in proportion',
      'a bid 8 50; b bid 4 40; e bid 5 30; c offer 6 10; d offer 11 20',
      '6 Wh [20, 30] 30: a 4, b 2, c 6',
    ],
    [
      'no next offer, no common price',
      'a bid 5 40; b bid 5 30; e bid 5 1; c offer 5 10; d offer 5 20',
      '5 Wh [20, 30] 30: a 5, c 5',
    ],
    ['nothing', 'a bid 5 9; b offer 5 10', 'nothing'],
  ])('%s', (_, orders, expected) => {
    expect(shown(cleared(orders, 'mcafee'))).toBe(expected);
  });

  it('says what sellers get where it is less than buyers pay', () => {
    const { trades } = cleared('a bid 10 40; b bid 10 30; c offer 10 10; d offer 10 25', 'mcafee');
    expect(trades).toMatchObject([{ priceMicroPerKwh: 30, sellerPriceMicroPerKwh: 25, energyWh: 10 }]);
  });
});
