import type { Book, Order } from '@commonwatt/domain';

const SLOT = '2026-06-01T12:00:00Z';
const SEED = 20260601;

/** Numbers in [0, 1) from a seed: every run measures the same books. */
export function seeded(seed = SEED): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type PriceKind = 'distinct prices' | '0.1-cent grid';

/** 0.1 cent is 1000 micro-units. */
const GRID_MICRO = 1000;
const LOWEST_MICRO = 80_000;
const HIGHEST_MICRO = 250_000;

/**
 * A book as a community would have it: half bids, half offers, limits between 0.08 and 0.25 a kWh, 1 Wh to 3 kWh, four orders a
 * participant, ids in no order.
 * `distinct prices` takes any micro-unit of that range for small books and spreads a million orders over a million prices for large ones.
 */
export function randomBook(count: number, prices: PriceKind, random: () => number): Book {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [order[index], order[other]] = [order[other] as number, order[index] as number];
  }
  const distinct = prices === 'distinct prices' ? distinctPrices(count, random) : [];
  const orders = order.map((number, index): Order => {
    const side = random() < 0.5 ? 'bid' : 'offer';
    const grid =
      LOWEST_MICRO + GRID_MICRO * Math.floor((random() * (HIGHEST_MICRO - LOWEST_MICRO)) / GRID_MICRO);
    return {
      id: `order-${number.toString(36)}`,
      participant: `${side === 'bid' ? 'home' : 'roof'}-${number % Math.max(1, count >> 3)}`,
      side,
      energyWh: 1 + Math.floor(random() * 3000),
      priceMicroPerKwh: distinct[index] ?? grid,
    };
  });
  return { slot: SLOT, kPercent: 50, orders };
}

/** No two alike: one random price in each of `count` equal steps of a range, dealt in random order. */
function distinctPrices(count: number, random: () => number): number[] {
  const step = Math.max(1, Math.floor((HIGHEST_MICRO - LOWEST_MICRO) / count));
  const lowest = step === 1 ? 0 : LOWEST_MICRO;
  const prices = Array.from(
    { length: count },
    (_, index) => lowest + index * step + Math.floor(random() * step),
  );
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [prices[index], prices[other]] = [prices[other] as number, prices[index] as number];
  }
  return prices;
}
