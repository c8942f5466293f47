import type { Book, Order, Side } from '@commonwatt/domain';
import fc from 'fast-check';

export const SLOT = '2026-06-01T12:00:00Z';

/** A book from `'a bid 10 30; b offer 20 10'`: id, side, Wh, micro/kWh. Every order has its own participant, `p-<id>`. */
export function bookOf(orders: string, kPercent = 50): Book {
  return {
    slot: SLOT,
    kPercent,
    orders: orders
      .split(';')
      .map((order) => order.trim())
      .filter((order) => order !== '')
      .map((order) => {
        const [id, side, energyWh, price] = order.split(/\s+/) as [string, Side, string, string];
        return {
          id,
          participant: `p-${id}`,
          side,
          energyWh: Number(energyWh),
          priceMicroPerKwh: Number(price),
        };
      }),
  };
}

interface Ranges {
  readonly ordersMax: number;
  readonly energyWhMax: number;
  readonly priceMax: number;
}

/** Few sizes and few prices: many ties, every kind of crossing. */
export const DENSE: Ranges = { ordersMax: 14, energyWhMax: 6, priceMax: 9 };
/** The whole range the rules allow. */
export const WIDE: Ranges = { ordersMax: 40, energyWhMax: 1_000_000_000, priceMax: 100_000_000 };

/** Valid books: some participants have several orders, all of them on one side. */
export function arbitraryBook(ranges: Ranges): fc.Arbitrary<Book> {
  const order = fc.record({
    name: fc.integer({ min: 0, max: 999 }),
    household: fc.integer({ min: 0, max: 5 }),
    side: fc.constantFrom<Side>('bid', 'offer'),
    energyWh: fc.integer({ min: 1, max: ranges.energyWhMax }),
    priceMicroPerKwh: fc.integer({ min: 0, max: ranges.priceMax }),
  });
  return fc
    .record({
      kPercent: fc.integer({ min: 0, max: 100 }),
      orders: fc.uniqueArray(order, { maxLength: ranges.ordersMax, selector: ({ name }) => name }),
    })
    .map(({ kPercent, orders }) => ({
      slot: SLOT,
      kPercent,
      orders: orders.map(({ name, household, side, energyWh, priceMicroPerKwh }): Order => ({
        id: `o${name}`,
        participant: `${side}der-${household}`,
        side,
        energyWh,
        priceMicroPerKwh,
      })),
    }));
}
