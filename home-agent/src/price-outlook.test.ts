import fc from 'fast-check';
import { expect, test } from 'vitest';
import { situations } from '../test/arbitraries.ts';
import { expectedPrices } from './price-outlook.ts';
import type { ExpectedSlot, MarketOutlook } from './types.ts';

const START_MS = Date.UTC(2026, 5, 2);
const QUARTER = 900_000;
const LOW = 80_000;
const HIGH = 250_000;

const day = (peakWh: number): ExpectedSlot[] =>
  Array.from({ length: 96 }, (_, t) => {
    const pv = Math.round(Math.max(0, peakWh * Math.sin(((t / 4 - 6) / 12) * Math.PI)));
    return {
      slotStartMs: START_MS + t * QUARTER,
      loadWh: { p10: 80, p50: 100, p90: 150 },
      pvWh: { p10: 0, p50: pv, p90: pv },
    };
  });

function prices(
  price: (hour: number) => number | null,
  peakWh = 1000,
  days = 3,
): { sell: number[]; buy: number[] } {
  const outlook: MarketOutlook = {
    retailMicroPerKwh: HIGH,
    feedInMicroPerKwh: LOW,
    recentPrices: Array.from({ length: days * 96 }, (_, back) => {
      const slotStartMs = START_MS - (back + 1) * QUARTER;
      return { slotStartMs, priceMicroPerKwh: price(new Date(slotStartMs).getUTCHours()), volumeWh: 100 };
    }),
  };
  const { sell, buy } = expectedPrices(outlook, day(peakWh), 15);
  return { sell: [...sell], buy: [...buy] };
}

const NOON = 48;
const EVENING = 80;

test('before any price: cheap when the sun is high, dear at night, and much doubt', () => {
  const { sell, buy } = prices(() => null, 1000, 0);
  expect(buy[NOON]).toBeLessThan(buy[EVENING] as number);
  expect((buy[NOON] as number) - (sell[NOON] as number)).toBeGreaterThan(0.3 * (HIGH - LOW));
});

test('prices seen at a time of day are expected there, with less doubt', () => {
  const { sell, buy } = prices((hour) => (hour >= 18 && hour < 22 ? 230_000 : 100_000));
  expect(sell[EVENING]).toBeGreaterThan(210_000);
  expect(buy[NOON]).toBeLessThan(120_000);
  expect((buy[EVENING] as number) - (sell[EVENING] as number)).toBeLessThan(0.15 * (HIGH - LOW));
});

test('no trade: at noon everybody had too much, at night nobody had any', () => {
  const { sell, buy } = prices(() => null);
  expect(buy[NOON]).toBeLessThan(110_000);
  expect(sell[EVENING]).toBeGreaterThan(220_000);
});

test('no trade says nothing to a home without panels', () => {
  expect(prices(() => null, 0)).toEqual(prices(() => null, 0, 0));
});

test('a price outside the band counts as the edge of the band', () => {
  expect(prices(() => 900_000)).toEqual(prices(() => HIGH));
});

test('feed-in <= sell <= buy <= retail', () => {
  fc.assert(
    fc.property(situations, ({ home, outlook, expected }) => {
      const { sell, buy } = expectedPrices(outlook, expected, home.slotMinutes);
      for (let t = 0; t < expected.length; t += 1) {
        expect(sell[t]).toBeGreaterThanOrEqual(outlook.feedInMicroPerKwh);
        expect(buy[t]).toBeGreaterThanOrEqual(sell[t] as number);
        expect(buy[t]).toBeLessThanOrEqual(outlook.retailMicroPerKwh);
      }
    }),
  );
});
