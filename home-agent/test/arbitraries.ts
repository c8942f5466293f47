import fc from 'fast-check';
import type {
  AgentBattery,
  AgentHome,
  ExpectedSlot,
  ImportLimit,
  MarketOutlook,
  Quantiles,
} from '../src/index.ts';

/** Anything a household may be, for property tests. */
export const START_MS = Date.UTC(2026, 5, 1, 4);

export const batteries: fc.Arbitrary<AgentBattery> = fc.record({
  capacityWh: fc.integer({ min: 500, max: 40_000 }),
  chargeMaxW: fc.integer({ min: 100, max: 12_000 }),
  dischargeMaxW: fc.integer({ min: 100, max: 12_000 }),
  roundTripPermille: fc.integer({ min: 600, max: 1000 }),
  reservePermille: fc.integer({ min: 0, max: 500 }),
});

export const homes: fc.Arbitrary<AgentHome> = fc.record({
  participant: fc.constant('home-01'),
  slotMinutes: fc.constantFrom(15, 30, 60),
  battery: fc.option(batteries, { nil: null, freq: 4 }),
  importFuseW: fc.integer({ min: 3000, max: 25_000 }),
});

const quantiles = (max: number): fc.Arbitrary<Quantiles> =>
  fc
    .tuple(fc.integer({ min: 0, max }), fc.integer({ min: 0, max }), fc.integer({ min: 0, max }))
    .map((three) => {
      const [p10 = 0, p50 = 0, p90 = 0] = three.sort((a, b) => a - b);
      return { p10, p50, p90 };
    });

export const outlooks: fc.Arbitrary<MarketOutlook> = fc
  .tuple(
    fc.integer({ min: 0, max: 400_000 }),
    fc.integer({ min: 0, max: 300_000 }),
    fc.array(fc.option(fc.nat(), { nil: null, freq: 3 }), { maxLength: 100 }),
  )
  .map(([feedIn, band, prices]) => ({
    retailMicroPerKwh: feedIn + band,
    feedInMicroPerKwh: feedIn,
    recentPrices: prices.map((price, back) => ({
      slotStartMs: START_MS - (back + 1) * 900_000,
      priceMicroPerKwh: price === null ? null : feedIn + (price % (band + 1)),
      volumeWh: price === null ? 0 : 500,
    })),
  }));

export const limitLists: fc.Arbitrary<ImportLimit[]> = fc.array(
  fc
    .record({
      begin: fc.integer({ min: -4, max: 60 }),
      length: fc.integer({ min: 1, max: 20 }),
      shareW: fc.integer({ min: -6000, max: 8000 }),
    })
    .map(({ begin, length, shareW }) => ({
      id: `limit-${begin}`,
      fromMs: START_MS + begin * 900_000,
      toMs: START_MS + (begin + length) * 900_000,
      shareW,
    })),
  { maxLength: 2 },
);

export interface Situation {
  readonly home: AgentHome;
  readonly nowMs: number;
  readonly stateOfChargeWh: number | null;
  readonly expected: readonly ExpectedSlot[];
  readonly outlook: MarketOutlook;
  readonly limits: readonly ImportLimit[];
}

export const situations: fc.Arbitrary<Situation> = homes.chain((home) => {
  const lengthMs = home.slotMinutes * 60_000;
  return fc
    .record({
      into: fc.integer({ min: 0, max: lengthMs - 1 }),
      stored: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null, freq: 8 }),
      energy: fc.array(fc.tuple(quantiles(1500), quantiles(2500)), { minLength: 1, maxLength: 96 }),
      outlook: outlooks,
      limits: limitLists,
    })
    .map(({ into, stored, energy, outlook, limits }) => ({
      home,
      nowMs: START_MS + into,
      stateOfChargeWh:
        home.battery === null || stored === null
          ? null
          : Math.round((home.battery.capacityWh * stored) / 1000),
      expected: energy.map(([loadWh, pvWh], t) => ({ slotStartMs: START_MS + t * lengthMs, loadWh, pvWh })),
      outlook,
      limits,
    }));
});
