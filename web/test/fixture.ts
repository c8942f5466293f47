import type { BatchView, HomeView, NeighbourhoodView, SlotView } from '@commonwatt/domain';

/** A made-up neighbourhood that behaves: sun by day, batteries that fill and empty, a demand signal in the evening. Same seed, same view. */
export interface FixtureOptions {
  readonly homes: number;
  readonly seed: number;
  /** Simulated ms since 1970. */
  readonly startMs: number;
}

const SLOT_MINUTES = 15;
const SLOT_MS = SLOT_MINUTES * 60_000;
const RETAIL = 250_000;
const FEED_IN = 80_000;
const MAKES = ['SDM630', 'EM340', 'iEM3155'];

/** mulberry32: small and good enough for made-up data. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const noise = (...parts: number[]): number =>
  randomFrom(parts.reduce((mix, n) => Math.imul(mix ^ n, 2_654_435_761), 7))();

function sunAt(atMs: number): number {
  const hour = (atMs / 3_600_000) % 24;
  return hour > 5 && hour < 20 ? Math.sin((Math.PI * (hour - 5)) / 15) ** 1.4 : 0;
}

function homeAt(index: number, atMs: number, seed: number): HomeView {
  const hour = (atMs / 3_600_000) % 24;
  const minute = Math.floor(atMs / 60_000);
  const evening = Math.exp(-((hour - 19.2) ** 2) / 5) + 0.6 * Math.exp(-((hour - 7.3) ** 2) / 2);
  const kettle = noise(seed, index, minute) > 0.93 ? 1800 : 0;
  const loadW = Math.round(
    180 + 260 * noise(seed, index, 1) + 1500 * evening * (0.5 + noise(seed, index, 2)) + kettle,
  );
  const hasPv = index % 4 !== 2;
  const pvW = hasPv
    ? Math.round(sunAt(atMs) * (2500 + 4500 * noise(seed, index, 3)) * (0.9 + 0.1 * noise(seed, minute)))
    : 0;
  const hasBattery = index % 2 === 0;
  const capacityWh = 5000 + 2500 * (index % 3);
  const surplusW = pvW - loadW;
  const batteryW = hasBattery ? Math.round(Math.max(-2600, Math.min(2400, -surplusW * 0.72))) : 0;
  const hours = hour;
  const consumptionWh = Math.round(420 * hours + 90 * hours * noise(seed, index, 4));
  const productionWh = hasPv ? Math.round(Math.max(0, hour - 5) * 1900 * noise(seed, index, 3)) : 0;
  const importWh = Math.round(consumptionWh * (hasPv ? 0.5 : 1));
  const exportWh = Math.round(productionWh * 0.55);
  const boughtWh = Math.round(importWh * (0.3 + 0.4 * noise(seed, index, 5)));
  const soldWh = Math.round(exportWh * (0.3 + 0.4 * noise(seed, index, 6)));
  const without = BigInt(importWh) * BigInt(RETAIL) - BigInt(exportWh) * BigInt(FEED_IN);
  const kept = BigInt(boughtWh + soldWh) * 85_000n;
  return {
    id: `home-${String(index + 1).padStart(2, '0')}`,
    protocol: index % 3 === 1 ? 'opcua' : 'modbus',
    devices: [
      MAKES[index % 3] ?? 'SDM630',
      ...(hasPv ? ['SunSpec 103'] : []),
      ...(hasBattery ? ['SunSpec 802'] : []),
    ],
    gridW: loadW - pvW - batteryW,
    loadW,
    pvW,
    batteryW,
    hasPv,
    battery: hasBattery
      ? {
          capacityWh,
          stateOfChargePermille: Math.round(
            1000 * Math.min(0.97, Math.max(0.08, 0.15 + sunAt(atMs - 2 * 3_600_000) * 0.8)),
          ),
        }
      : null,
    importWh,
    exportWh,
    consumptionWh,
    productionWh,
    boughtWh,
    soldWh,
    billWithMarketMicro: String((without - kept) / 1000n),
    billWithoutMarketMicro: String(without / 1000n),
    flags: index === 4 ? ['interpolated'] : [],
  };
}

function slotAt(startMs: number, homes: number, seed: number, nowMs: number): SlotView {
  const sun = sunAt(startMs + SLOT_MS / 2);
  const hour = (startMs / 3_600_000) % 24;
  const loadW =
    homes * (420 + 1350 * Math.exp(-((hour - 19.2) ** 2) / 5) + 700 * Math.exp(-((hour - 7.3) ** 2) / 2));
  const pvW = homes * 0.75 * 4300 * sun * (0.85 + 0.15 * noise(seed, startMs / SLOT_MS));
  const netW = (loadW - pvW) * 0.6;
  const metered = startMs + 2 * SLOT_MS <= nowMs;
  const price = Math.round(
    235_000 - 140_000 * Math.min(1, pvW / loadW / 1.6) + 8000 * noise(seed, startMs / SLOT_MS, 2),
  );
  const perSlot = (powerW: number) => (metered ? Math.round(Math.max(0, powerW) / 4) : 0);
  return {
    slot: `${new Date(startMs).toISOString().slice(0, 19)}Z`,
    state: metered ? 'settled' : startMs <= nowMs ? 'delivering' : 'open',
    priceMicroPerKwh: startMs > nowMs + SLOT_MS || sun === 0 ? null : price,
    tradedWh: sun > 0 && startMs <= nowMs + SLOT_MS ? Math.round(Math.min(loadW, pvW) * 0.11) : 0,
    importWh: perSlot(netW),
    exportWh: perSlot(-netW),
    consumptionWh: perSlot(loadW),
    productionWh: perSlot(pvW),
  };
}

/** The whole view `elapsedMs` of simulated time after the start of the fixture. */
export function fixtureView(options: FixtureOptions, elapsedMs: number): NeighbourhoodView {
  const nowMs = options.startMs + elapsedMs;
  const dayMs = Math.floor(options.startMs / 86_400_000) * 86_400_000;
  const homes = Array.from({ length: options.homes }, (_, index) => homeAt(index, nowMs, options.seed));
  const total = (pick: (home: HomeView) => number) => homes.reduce((sum, home) => sum + pick(home), 0);
  const money = (pick: (home: HomeView) => string) =>
    String(homes.reduce((sum, home) => sum + BigInt(pick(home)), 0n));
  const slotMs = Math.floor(nowMs / SLOT_MS) * SLOT_MS;
  const history: SlotView[] = [];
  for (let startMs = dayMs; startMs <= slotMs + 3 * SLOT_MS; startMs += SLOT_MS) {
    history.push(slotAt(startMs, options.homes, options.seed, nowMs));
  }
  const metered = history.filter((slot) => slot.state === 'settled');
  const cleared = history.findLast((slot) => slot.priceMicroPerKwh !== null);
  const limitW = options.homes * 450;
  const signal = { limitW, fromMs: dayMs + 18 * 3_600_000, toMs: dayMs + 20 * 3_600_000 };
  const active = nowMs >= signal.fromMs && nowMs < signal.toMs;
  return {
    community: 'commonwatt-1a2b',
    nowMs,
    speed: 300,
    slot: `${new Date(slotMs).toISOString().slice(0, 19)}Z`,
    slotMinutes: SLOT_MINUTES,
    startedSlot: `${new Date(dayMs).toISOString().slice(0, 19)}Z`,
    feeder: {
      gridW: total((h) => h.gridW),
      loadW: total((h) => h.loadW),
      pvW: total((h) => h.pvW),
      batteryW: total((h) => h.batteryW),
      limitW: active ? limitW : null,
    },
    losses: {
      slot: metered.at(-1)?.slot ?? `${new Date(dayMs).toISOString().slice(0, 19)}Z`,
      verdict: 'normal',
      differenceWh: options.homes * 9,
      limitWh: options.homes * 40,
      suspects: [
        {
          participant: 'home-03',
          text: 'home-03: the meter seems to count 70 % of what flows; 4.2 kWh missing',
        },
      ],
    },
    market: {
      retailMicroPerKwh: RETAIL,
      feedInMicroPerKwh: FEED_IN,
      cleared: cleared
        ? {
            slot: cleared.slot,
            priceMicroPerKwh: cleared.priceMicroPerKwh,
            volumeWh: cleared.tradedWh,
            bids: options.homes - 6,
            offers: 9,
          }
        : null,
    },
    homes,
    batches: batchesOf(metered, options.seed),
    signals: [
      {
        id: 'signal-1',
        ...signal,
        state: active ? 'active' : nowMs < signal.fromMs ? 'announced' : 'over',
        importWithoutW: nowMs >= signal.fromMs ? Math.round(limitW * 1.62) : null,
        importWithW: nowMs >= signal.fromMs ? Math.round(limitW * 0.94) : null,
      },
    ],
    history,
    chain: {
      endpoint: 'ws://127.0.0.1:8000',
      finalizedBlock: 8_114_200 + Math.floor(elapsedMs / 12_000),
      healthy: true,
      health: {
        batchesPending: 1,
        pendingS: 12,
        finalityLagBlocks: 3,
        funds: '5.125 DOT',
        fees: '0.42 DOT',
        feeDays: 4.2,
        approvalDays: 61.5,
        alarms: [
          {
            rule: 'funds',
            said: 'the settlement account can pay fees for 4.2 more days',
            remedy: 'send it some of the native token',
          },
        ],
      },
    },
    totals: {
      slotsSettled: metered.length,
      tradedWh: metered.reduce((sum, slot) => sum + slot.tradedWh, 0),
      consumptionWh: metered.reduce((sum, slot) => sum + slot.consumptionWh, 0),
      productionWh: metered.reduce((sum, slot) => sum + slot.productionWh, 0),
      selfSufficiency: 0.62,
      billWithMarketMicro: money((h) => h.billWithMarketMicro),
      billWithoutMarketMicro: money((h) => h.billWithoutMarketMicro),
    },
  };
}

function batchesOf(metered: readonly SlotView[], seed: number): BatchView[] {
  const batches: BatchView[] = [];
  for (let first = 0; first + 4 <= metered.length; first += 4) {
    const newest = first + 8 > metered.length;
    const random = randomFrom(seed + first);
    const hex = () => Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join('');
    batches.push({
      batchId: `commonwatt-1a2b.${first / 4}`,
      slots: metered.slice(first, first + 4).map((slot) => slot.slot),
      status: newest ? 'submitted' : 'final',
      blockNumber: newest ? null : 8_114_000 + first * 3,
      extrinsicHash: newest ? null : `0x${hex()}`,
      root: hex(),
      payments: 14 + Math.floor(random() * 6),
      amountMicro: String(1_200_000 + Math.floor(random() * 2_000_000)),
    });
  }
  return batches;
}
