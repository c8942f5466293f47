import { CommonwattError, type Order } from '@commonwatt/domain';
import { describe, expect, it } from 'vitest';
import { bookOf, SLOT } from './books.fixture.ts';
import { freezeBook } from './freeze-book.ts';
import { parseBook } from './parse-book.ts';

const good: Order = {
  id: 'o1',
  participant: 'alice',
  side: 'bid',
  energyWh: 1000,
  priceMicroPerKwh: 250_000,
};
const withOrder = (changes: object): unknown => ({
  slot: SLOT,
  kPercent: 50,
  orders: [{ ...good, ...changes }],
});
const without = (member: keyof Order): unknown => {
  const order: Partial<Order> = { ...good };
  delete order[member];
  return { slot: SLOT, orders: [order] };
};
const refusal = (act: () => unknown): CommonwattError => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(CommonwattError);
    return error as CommonwattError;
  }
  throw new Error('the book was taken');
};

describe('parseBook', () => {
  it('takes a good book; k is 50 when left out', () => {
    expect(parseBook({ slot: SLOT, orders: [good] })).toEqual({ slot: SLOT, kPercent: 50, orders: [good] });
    expect(parseBook({ slot: SLOT, kPercent: 0, orders: [] })).toEqual({
      slot: SLOT,
      kPercent: 0,
      orders: [],
    });
  });

  it.each([
    ['no object', 7, 'malformed', 'book', 'book'],
    ['a list', [], 'malformed', 'book', 'book'],
    ['null', null, 'malformed', 'book', 'book'],
    ['no slot', { orders: [] }, 'malformed', 'book', 'slot'],
    ['a slot off the quarter', { slot: '2026-06-01T12:01:00Z', orders: [] }, 'malformed', 'book', 'slot'],
    ['a day that is none', { slot: '2026-02-30T12:00:00Z', orders: [] }, 'malformed', 'book', 'slot'],
    ['k above 100', { slot: SLOT, kPercent: 101, orders: [] }, 'out-of-range', 'book', 'kPercent'],
    ['k below 0', { slot: SLOT, kPercent: -1, orders: [] }, 'out-of-range', 'book', 'kPercent'],
    ['k not whole', { slot: SLOT, kPercent: 0.5, orders: [] }, 'out-of-range', 'book', 'kPercent'],
    ['k null', { slot: SLOT, kPercent: null, orders: [] }, 'malformed', 'book', 'kPercent'],
    ['no orders', { slot: SLOT }, 'malformed', 'book', 'orders'],
    ['orders no list', { slot: SLOT, orders: {} }, 'malformed', 'book', 'orders'],
    ['an unknown member', { slot: SLOT, orders: [], extra: 1 }, 'malformed', 'book', 'extra'],
    ['an order that is none', { slot: SLOT, orders: [good, 5] }, 'malformed', 'orders[1]', 'order'],
    ['an unknown member of an order', withOrder({ note: 'hi' }), 'malformed', 'o1', 'note'],
    ['no id', without('id'), 'malformed', 'orders[0]', 'id'],
    ['an empty id', withOrder({ id: '' }), 'malformed', 'orders[0]', 'id'],
    ['an id with a space', withOrder({ id: 'a b' }), 'malformed', 'orders[0]', 'id'],
    ['an id of 65', withOrder({ id: 'x'.repeat(65) }), 'malformed', 'orders[0]', 'id'],
    ['an id beyond ASCII', withOrder({ id: 'Ł' }), 'malformed', 'orders[0]', 'id'],
    ['an id that is a number', withOrder({ id: 7 }), 'malformed', 'orders[0]', 'id'],
    ['no participant', without('participant'), 'malformed', 'o1', 'participant'],
    ['a bad participant', withOrder({ participant: 'a/b' }), 'malformed', 'o1', 'participant'],
    ['no side', without('side'), 'malformed', 'o1', 'side'],
    ['another side', withOrder({ side: 'ask' }), 'malformed', 'o1', 'side'],
    ['no energy', without('energyWh'), 'malformed', 'o1', 'energyWh'],
    ['zero energy', withOrder({ energyWh: 0 }), 'out-of-range', 'o1', 'energyWh'],
    ['energy below 0', withOrder({ energyWh: -5 }), 'out-of-range', 'o1', 'energyWh'],
    ['too much energy', withOrder({ energyWh: 1_000_000_001 }), 'out-of-range', 'o1', 'energyWh'],
    ['half a Wh', withOrder({ energyWh: 1.5 }), 'out-of-range', 'o1', 'energyWh'],
    ['energy beyond 2^32', withOrder({ energyWh: 2 ** 32 + 1 }), 'out-of-range', 'o1', 'energyWh'],
    ['energy as text', withOrder({ energyWh: '10' }), 'malformed', 'o1', 'energyWh'],
    ['energy not a number', withOrder({ energyWh: Number.NaN }), 'out-of-range', 'o1', 'energyWh'],
    ['no price', without('priceMicroPerKwh'), 'malformed', 'o1', 'priceMicroPerKwh'],
    ['a negative price', withOrder({ priceMicroPerKwh: -1 }), 'out-of-range', 'o1', 'priceMicroPerKwh'],
    [
      'too high a price',
      withOrder({ priceMicroPerKwh: 100_000_001 }),
      'out-of-range',
      'o1',
      'priceMicroPerKwh',
    ],
    ['half a micro-unit', withOrder({ priceMicroPerKwh: 0.5 }), 'out-of-range', 'o1', 'priceMicroPerKwh'],
    ['an id twice', { slot: SLOT, orders: [good, { ...good, participant: 'bob' }] }, 'duplicate', 'o1', 'id'],
  ])('refuses %s, naming order, field and rule', (_, json, code, record, field) => {
    const error = refusal(() => parseBook(json));
    expect(error.code).toBe(code);
    expect(error.place).toMatchObject({ record, field });
    expect(error.place.rule).toBeTruthy();
    expect(error.message).toContain(field === 'book' || field === 'order' ? record : field);
  });

  it.each([
    ['bid above offer', 'a bid 1 20; b offer 1 10', 'a'],
    ['bid at offer', 'a bid 1 10; b offer 1 10', 'a'],
    ['the highest bid against the lowest offer', 'a bid 1 5; b bid 1 9; c offer 1 20; d offer 1 9', 'b'],
    ['the same whatever came first', 'd offer 1 9; c offer 1 20; b bid 1 9; a bid 1 5', 'b'],
  ])('refuses self-trade: %s', (_, text, record) => {
    const book = bookOf(text);
    const orders = book.orders.map((order) => ({ ...order, participant: 'alice' }));
    for (const act of [() => parseBook({ ...book, orders }), () => freezeBook({ ...book, orders })]) {
      const error = refusal(act);
      expect(error.code).toBe('self-trade');
      expect(error.place).toMatchObject({ record, field: 'priceMicroPerKwh' });
    }
  });

  it('takes bids and offers of one participant that cannot meet', () => {
    const orders = bookOf('a bid 1 9; b offer 1 10').orders.map((order) => ({
      ...order,
      participant: 'alice',
    }));
    expect(parseBook({ slot: SLOT, orders }).orders).toHaveLength(2);
  });
});
