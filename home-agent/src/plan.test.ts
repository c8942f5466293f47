import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { situations } from '../test/arbitraries.ts';
import { planHome } from './plan.ts';
import type { AgentHome, ExpectedSlot, MarketOutlook, PlanSlot } from './types.ts';

const QUARTER = 900_000;
const RETAIL = 250_000;
const FEED_IN = 80_000;
const HOME: AgentHome = {
  participant: 'home-01',
  slotMinutes: 15,
  battery: {
    capacityWh: 10_000,
    chargeMaxW: 4000,
    dischargeMaxW: 4000,
    roundTripPermille: 900,
    reservePermille: 100,
  },
  importFuseW: 10_000,
};
const NO_MARKET: MarketOutlook = { retailMicroPerKwh: RETAIL, feedInMicroPerKwh: FEED_IN, recentPrices: [] };

/** A June day from midnight UTC: 400 W, 1.6 kW from 18 to 22, sun from 6 to 19 peaking at `sunW`. */
function day(sunW: number, startHour = 0): ExpectedSlot[] {
  const begin = Date.UTC(2026, 5, 1) + startHour * 3_600_000;
  return Array.from({ length: 96 }, (_, t) => {
    const hour = (startHour + (t + 0.5) / 4) % 24;
    const load = hour >= 18 && hour < 22 ? 400 : 100;
    const pv = hour > 6 && hour < 19 ? (sunW * Math.sin(((hour - 6) / 13) * Math.PI)) / 4 : 0;
    const around = (wh: number): ExpectedSlot['loadWh'] => ({
      p10: Math.round(wh * 0.8),
      p50: Math.round(wh),
      p90: Math.round(wh * 1.25),
    });
    return { slotStartMs: begin + t * QUARTER, loadWh: around(load), pvWh: around(pv) };
  });
}

/** Prices seen on the last two days: `price(hour)`. */
function seen(price: (hour: number) => number | null, before: number): MarketOutlook {
  const recentPrices = Array.from({ length: 192 }, (_, back) => {
    const slotStartMs = before - (back + 1) * QUARTER;
    return { slotStartMs, priceMicroPerKwh: price(new Date(slotStartMs).getUTCHours()), volumeWh: 800 };
  });
  return { ...NO_MARKET, recentPrices };
}

const between = (slots: readonly PlanSlot[], fromHour: number, toHour: number): number =>
  slots
    .filter(({ slotStartMs }) => {
      const hour = (slotStartMs % 86_400_000) / 3_600_000;
      return hour >= fromHour && hour < toHour;
    })
    .reduce((sum, { batteryWh }) => sum + batteryWh, 0);

function plan(overrides: Partial<Parameters<typeof planHome>[0]> = {}): ReturnType<typeof planHome> {
  const expected = overrides.expected ?? day(4000);
  return planHome({
    home: HOME,
    nowMs: expected[0]?.slotStartMs ?? 0,
    stateOfChargeWh: 1000,
    expected,
    outlook: NO_MARKET,
    limits: [],
    ...overrides,
  });
}

describe('what a plan does', () => {
  test('noon surplus is stored, the evening peak is fed from the battery', () => {
    const { slots } = plan();
    expect(between(slots, 8, 17)).toBeLessThan(-7000);
    expect(between(slots, 18, 22)).toBeGreaterThan(5500);
    const evening = slots.filter(({ slotStartMs }) => new Date(slotStartMs).getUTCHours() === 20);
    for (const slot of evening) expect(Math.abs(slot.netWh)).toBeLessThan(120);
  });

  test('an empty battery at night waits for the sun rather than buying at the retail price', () => {
    const { slots } = plan();
    expect(between(slots, 0, 6)).toBe(0);
  });

  test('a full battery makes use of the night before a bright day', () => {
    const { slots } = plan({ stateOfChargeWh: 10_000 });
    expect(between(slots, 0, 6)).toBeGreaterThan(2000);
  });

  test("without panels it charges from the neighbours' cheap noon and saves the dear evening", () => {
    const expected = day(0);
    const begin = expected[0]?.slotStartMs ?? 0;
    const outlook = seen((hour) => (hour >= 9 && hour < 16 ? 85_000 : 240_000), begin);
    const { slots } = plan({ expected, outlook });
    expect(between(slots, 9, 16)).toBeLessThan(-5000);
    expect(between(slots, 18, 22)).toBeGreaterThan(4000);
  });

  test('sells to neighbours in a dear hour what it can win back from tomorrow’s sun', () => {
    const expected = day(6000, 17);
    const begin = expected[0]?.slotStartMs ?? 0;
    const outlook = seen((hour) => (hour >= 19 && hour < 21 ? 249_000 : 120_000), begin);
    const { slots } = plan({ expected, outlook, stateOfChargeWh: 10_000 });
    const exported = slots
      .filter(({ slotStartMs }) => [19, 20].includes(new Date(slotStartMs).getUTCHours()))
      .reduce((sum, { netWh }) => sum + netWh, 0);
    expect(exported).toBeGreaterThan(500);
  });

  test('an announced import limit is prepared: charged before even at the retail price, kept during', () => {
    const expected = day(0, 12);
    const begin = expected[0]?.slotStartMs ?? 0;
    const fromMs = begin + 6 * 3_600_000;
    const limit = { id: 'evening', fromMs, toMs: fromMs + 2 * 3_600_000, shareW: 0 };
    const { slots, baselineSlots } = plan({ expected, limits: [limit] });
    expect(between(slots, 12, 18)).toBeLessThan(-3000);
    for (const slot of slots) {
      if (slot.slotStartMs < fromMs || slot.slotStartMs >= limit.toMs) continue;
      expect(slot.importMaxWh).toBe(0);
      expect(slot.netWh).toBeGreaterThanOrEqual(-1);
    }
    expect(between(baselineSlots, 12, 18)).toBeGreaterThan(-500);
    expect(baselineSlots.some(({ importMaxWh }) => importMaxWh === 0)).toBe(false);
  });

  test('asked to export, it does', () => {
    const expected = day(0, 18);
    const fromMs = expected[0]?.slotStartMs ?? 0;
    const limit = { id: 'export', fromMs, toMs: fromMs + 3_600_000, shareW: -1000 };
    const { slots } = plan({ expected, limits: [limit], stateOfChargeWh: 9000 });
    for (const slot of slots.slice(0, 4)) expect(slot.netWh).toBeGreaterThanOrEqual(249);
  });

  test('energy sold before the gate closed is delivered from the battery', () => {
    const expected = day(0, 2);
    const slotStartMs = expected[1]?.slotStartMs ?? 0;
    const { slots } = plan({
      expected,
      stateOfChargeWh: 6000,
      committed: [{ slotStartMs, positionWh: 500 }],
    });
    expect(Math.abs((slots[1]?.netWh ?? 0) - 500)).toBeLessThanOrEqual(60);
  });

  test('energy bought too much is stored: once the gate has closed it earns the feed-in price only', () => {
    const expected = day(0, 2);
    const begin = expected[0]?.slotStartMs ?? 0;
    const { slots } = plan({
      expected,
      outlook: seen(() => 249_000, begin),
      committed: [{ slotStartMs: begin, positionWh: -800 }],
    });
    expect(slots[0]?.batteryWh).toBeLessThan(-600);
  });

  test.each([
    ['no battery', { home: { ...HOME, battery: null }, stateOfChargeWh: null }],
    ['an unknown state of charge', { stateOfChargeWh: null }],
  ])('%s: the battery is left alone, the net is load and sun', (_, overrides) => {
    const expected = day(4000);
    const { slots } = plan({ ...overrides, expected });
    for (const [t, slot] of slots.entries()) {
      const { loadWh, pvWh } = expected[t] as ExpectedSlot;
      expect(slot.batteryWh).toBe(0);
      expect(slot.netWh).toBe(pvWh.p50 - loadWh.p50);
      expect(slot.discharge).toEqual([]);
    }
  });

  test('nothing expected, nothing planned', () => {
    expect(plan({ expected: [] }).slots).toEqual([]);
  });
});

test('every plan is feasible: powers, reserve and capacity hold, and the values are in order', () => {
  fc.assert(
    fc.property(situations, (situation) => {
      const { home, stateOfChargeWh, nowMs, expected } = situation;
      const { slots } = planHome(situation);
      expect(slots).toHaveLength(expected.length);
      const battery = home.battery;
      for (const [t, slot] of slots.entries()) {
        expect([slot.batteryWh, slot.netWh, slot.importMaxWh].every(Number.isSafeInteger)).toBe(true);
        if (battery === null || stateOfChargeWh === null) continue;
        const endMs = slot.slotStartMs + home.slotMinutes * 60_000;
        const hours = Math.max(
          (home.slotMinutes / 60) * 0.01,
          (endMs - Math.max(nowMs, slot.slotStartMs)) / 3_600_000,
        );
        expect(slot.batteryWh).toBeLessThanOrEqual(battery.dischargeMaxW * hours + 1e-6);
        expect(-slot.batteryWh).toBeLessThanOrEqual(battery.chargeMaxW * hours + 1e-6);
        const floorWh = Math.min(stateOfChargeWh, (battery.capacityWh * battery.reservePermille) / 1000);
        const storedWh = slot.stateOfChargeWh as number;
        expect(storedWh).toBeGreaterThanOrEqual(Math.floor(floorWh));
        expect(storedWh).toBeLessThanOrEqual(battery.capacityWh);
        const efficiency = Math.sqrt(battery.roundTripPermille / 1000);
        const change = slot.batteryWh > 0 ? -slot.batteryWh / efficiency : -slot.batteryWh * efficiency;
        const next = slots[t + 1]?.stateOfChargeWh ?? storedWh + change;
        expect(Math.abs(storedWh + change - next)).toBeLessThanOrEqual(4);
        const giving = slot.discharge.map(({ priceMicroPerKwh }) => priceMicroPerKwh);
        const taking = slot.charge.map(({ priceMicroPerKwh }) => priceMicroPerKwh);
        expect(giving).toEqual([...giving].sort((a, b) => a - b));
        expect(taking).toEqual([...taking].sort((a, b) => b - a));
      }
    }),
    { numRuns: 300 },
  );
});

test('a day of quarter hours is planned in about a millisecond', () => {
  const expected = day(4000);
  const rounds = 100;
  for (let i = 0; i < rounds; i += 1) plan({ expected });
  // CPU time: the machine may be busy with other things.
  const began = process.cpuUsage();
  for (let i = 0; i < rounds; i += 1) plan({ expected });
  const { user, system } = process.cpuUsage(began);
  const planMs = (user + system) / 1000 / rounds;
  console.log(`a plan takes ${planMs.toFixed(2)} ms of CPU (mean of ${rounds})`);
  expect(planMs).toBeLessThan(4);
});
