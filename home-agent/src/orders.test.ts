import { slotIdAt } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { situations } from '../test/arbitraries.ts';
import { ordersFor } from './orders.ts';
import { planHome } from './plan.ts';
import type { AgentHome, ExpectedSlot, HomeOrder, HomePlan, MarketOutlook, PlanSlot } from './types.ts';

const RETAIL = 250_000;
const FEED_IN = 80_000;
const START_MS = Date.UTC(2026, 5, 1, 12);
const OUTLOOK: MarketOutlook = { retailMicroPerKwh: RETAIL, feedInMicroPerKwh: FEED_IN, recentPrices: [] };
const HOME: AgentHome = { participant: 'home-01', slotMinutes: 15, battery: null, importFuseW: 10_000 };

function planned(part: Partial<PlanSlot> = {}): HomePlan {
  const slot: PlanSlot = {
    slotStartMs: START_MS,
    batteryWh: 0,
    netWh: 0,
    stateOfChargeWh: null,
    discharge: [],
    charge: [],
    importMaxWh: 2500,
    ...part,
  };
  return { slots: [slot], baselineSlots: [slot], retailMicroPerKwh: RETAIL, feedInMicroPerKwh: FEED_IN };
}

function orders(load: number, pv: number, plan = planned(), spread = 0): readonly HomeOrder[] {
  const around = (wh: number): ExpectedSlot['loadWh'] => ({
    p10: Math.round(wh * (1 - spread)),
    p50: wh,
    p90: Math.round(wh * (1 + spread)),
  });
  return ordersFor({
    home: HOME,
    slot: slotIdAt(START_MS),
    plan,
    expected: { slotStartMs: START_MS, loadWh: around(load), pvWh: around(pv) },
    outlook: OUTLOOK,
    stateOfChargeWh: 5000,
  });
}

const energy = (list: readonly HomeOrder[], side: string): number =>
  list.filter((order) => order.side === side).reduce((sum, order) => sum + order.energyWh, 0);

describe('what a home bids and offers', () => {
  test('a certain need is bid for just below the retail price', () => {
    expect(orders(300, 0)).toEqual([
      { side: 'bid', energyWh: 300, priceMicroPerKwh: RETAIL - 1, tag: 'bid-1' },
    ]);
  });

  test('a certain surplus is offered at the feed-in price', () => {
    expect(orders(100, 700)).toEqual([
      { side: 'offer', energyWh: 600, priceMicroPerKwh: FEED_IN, tag: 'offer-1' },
    ]);
  });

  test('a need that is not certain falls in price: the likely part dear, the unlikely part cheap', () => {
    const bids = orders(300, 0, planned(), 0.5);
    expect(bids.length).toBeGreaterThan(3);
    expect(bids[0]?.priceMicroPerKwh).toBeGreaterThan(RETAIL * 0.9);
    expect(bids.at(-1)?.priceMicroPerKwh).toBeLessThan(FEED_IN * 1.4);
    const half = (RETAIL + FEED_IN) / 2;
    const above = bids.filter(({ priceMicroPerKwh }) => priceMicroPerKwh >= half);
    expect(Math.abs(energy(above, 'bid') - 300)).toBeLessThan(40);
  });

  test('without sun and battery nothing is offered, however small the need may turn out', () => {
    expect(energy(orders(20, 0, planned(), 0.95), 'offer')).toBe(0);
    expect(energy(orders(20, 4, planned(), 0.95), 'offer')).toBeLessThanOrEqual(8);
  });

  test('nothing needed and nothing over: no orders', () => {
    expect(orders(0, 0)).toEqual([]);
    expect(orders(200, 200)).toEqual([]);
  });

  test("stored energy is offered at its later worth; the home's own need comes first", () => {
    const list = orders(300, 0, planned({ discharge: [{ energyWh: 1000, priceMicroPerKwh: 150_000 }] }));
    expect(list).toEqual([
      { side: 'bid', energyWh: 300, priceMicroPerKwh: 150_000, tag: 'bid-1' },
      { side: 'offer', energyWh: 700, priceMicroPerKwh: 150_001, tag: 'offer-1' },
    ]);
  });

  test('stored energy worth more than the retail price is not for sale', () => {
    const list = orders(300, 0, planned({ discharge: [{ energyWh: 1000, priceMicroPerKwh: 900_000 }] }));
    expect(energy(list, 'offer')).toBe(0);
    expect(energy(list, 'bid')).toBe(300);
  });

  test('room in the battery bids for cheap energy up to what it will earn', () => {
    const list = orders(0, 0, planned({ charge: [{ energyWh: 800, priceMicroPerKwh: 180_000 }] }));
    expect(list).toEqual([{ side: 'bid', energyWh: 800, priceMicroPerKwh: 180_000, tag: 'bid-1' }]);
  });

  test('room needed before a limit bids close to the retail price', () => {
    const list = orders(0, 0, planned({ charge: [{ energyWh: 800, priceMicroPerKwh: 2_000_000 }] }));
    expect(list).toEqual([{ side: 'bid', energyWh: 800, priceMicroPerKwh: RETAIL - 1, tag: 'bid-1' }]);
  });

  test('under an import limit no more is bought than may be drawn', () => {
    expect(energy(orders(800, 0, planned({ importMaxWh: 200 })), 'bid')).toBe(200);
    expect(energy(orders(800, 0, planned({ importMaxWh: -100 })), 'bid')).toBe(0);
  });

  test('energy the limit forces out of the battery is sold at any price', () => {
    const discharge = [{ energyWh: 1000, priceMicroPerKwh: 900_000 }];
    expect(orders(300, 0, planned({ discharge, importMaxWh: -500 }))).toEqual([
      { side: 'offer', energyWh: 500, priceMicroPerKwh: FEED_IN, tag: 'offer-1' },
    ]);
    expect(orders(300, 0, planned({ discharge, importMaxWh: 100 }))).toEqual([
      { side: 'bid', energyWh: 100, priceMicroPerKwh: RETAIL - 1, tag: 'bid-1' },
    ]);
  });

  test('an unknown state of charge trades the inflexible part only', () => {
    const list = ordersFor({
      home: HOME,
      slot: slotIdAt(START_MS),
      plan: planned({ discharge: [{ energyWh: 1000, priceMicroPerKwh: 150_000 }] }),
      expected: {
        slotStartMs: START_MS,
        loadWh: { p10: 300, p50: 300, p90: 300 },
        pvWh: { p10: 0, p50: 0, p90: 0 },
      },
      outlook: OUTLOOK,
      stateOfChargeWh: null,
    });
    expect(list).toEqual([{ side: 'bid', energyWh: 300, priceMicroPerKwh: RETAIL - 1, tag: 'bid-1' }]);
  });
});

test('orders lie within the band, are whole and few, keep to the fuse, and never trade with each other', () => {
  fc.assert(
    fc.property(situations, fc.nat(), (situation, pick) => {
      const { home, outlook, expected, stateOfChargeWh } = situation;
      const slot = expected[pick % expected.length] as ExpectedSlot;
      const list = ordersFor({
        home,
        slot: slotIdAt(slot.slotStartMs),
        plan: planHome(situation),
        expected: slot,
        outlook,
        stateOfChargeWh,
      });
      for (const order of list) {
        expect(Number.isSafeInteger(order.energyWh) && order.energyWh >= 1).toBe(true);
        expect(Number.isSafeInteger(order.priceMicroPerKwh)).toBe(true);
        expect(order.priceMicroPerKwh).toBeGreaterThanOrEqual(outlook.feedInMicroPerKwh);
        expect(order.priceMicroPerKwh).toBeLessThanOrEqual(outlook.retailMicroPerKwh);
      }
      const prices = (side: string): number[] =>
        list.filter((order) => order.side === side).map((order) => order.priceMicroPerKwh);
      expect(Math.max(-1, ...prices('bid'))).toBeLessThan(Math.min(Infinity, ...prices('offer')));
      const fuseWh = (home.importFuseW * home.slotMinutes) / 60;
      expect(energy(list, 'bid')).toBeLessThanOrEqual(fuseWh);
      expect(energy(list, 'offer')).toBeLessThanOrEqual(fuseWh);
      expect(list.length).toBeLessThanOrEqual(16);
      expect(new Set(list.map(({ tag }) => tag)).size).toBe(list.length);
    }),
    { numRuns: 500 },
  );
});
