import { type SlotId, slotIdAt } from '@commonwatt/domain';
import {
  type AgentHome,
  dispatchBattery,
  type ExpectedSlot,
  type HomeOrder,
  type HomePlan,
  type ImportLimit,
  meanWh,
  ordersFor,
  planHome,
  shareImportLimit,
} from '../src/index.ts';

/** A small neighbourhood in a summer week, minute by minute, to see what agents earn. Seeded; test use only. */
export const RETAIL = 250_000;
export const FEED_IN = 80_000;
export const SLOT_MS = 15 * 60_000;
export const START_MS = Date.UTC(2026, 5, 1);
const MINUTES = 15;

export interface SimulatedHome {
  readonly agent: AgentHome;
  readonly pvPeakW: number;
  readonly loadW: number;
}

/**
 * `agent`: plans, trades, dispatches. `self-consumption`: the battery follows the meter, the supplier does the rest.
 * `plain-market`: the battery follows the meter, and what is left is traded.
 */
export type Policy = 'agent' | 'plain-market' | 'self-consumption';

export interface Outcome {
  /** Money paid per home (positive is a cost), in micro-units, stored energy at the end credited at the mean price. */
  readonly billMicro: readonly number[];
  readonly tradedWh: number;
  readonly importWh: number;
  readonly loadWh: number;
  readonly imbalanceWh: number;
  readonly planMs: number;
  readonly plans: number;
  /** Community import power per slot, W. */
  readonly importW: readonly number[];
  readonly fuseBroken: number;
  readonly prices: readonly (number | null)[];
}

export function mixedHomes(count: number): SimulatedHome[] {
  return Array.from({ length: count }, (_, i) => ({
    agent: {
      participant: `home-${String(i + 1).padStart(2, '0')}`,
      slotMinutes: 15,
      importFuseW: 14_000,
      battery:
        i % 2 === 0
          ? {
              capacityWh: [6400, 10_000, 13_500][i % 3] as number,
              chargeMaxW: [5000, 3300, 4600][i % 3] as number,
              dischargeMaxW: [5000, 3300, 4600][i % 3] as number,
              roundTripPermille: 900,
              reservePermille: 100,
            }
          : null,
    },
    pvPeakW: i % 3 === 2 ? 0 : 4000 + 1500 * (i % 4),
    loadW: 300 + 90 * (i % 5),
  }));
}

/** Mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Truth {
  readonly loadW: Float64Array;
  readonly pvW: Float64Array;
}

export function simulate(
  homes: readonly SimulatedHome[],
  days: number,
  seed: number,
  policy: Policy,
  limit?: {
    readonly fromSlot: number;
    readonly toSlot: number;
    readonly limitW: number;
    readonly knownFromSlot: number;
  },
): Outcome {
  const slots = days * 96;
  const truths = homes.map((home, index) => truth(home, slots + 96, seed * 1000 + index, seed));
  const stored = homes.map(({ agent }) => (agent.battery === null ? 0 : agent.battery.capacityWh * 0.3));
  const startStored = [...stored];
  const cost = homes.map(() => 0);
  const recent: { slotStartMs: number; priceMicroPerKwh: number | null; volumeWh: number }[] = [];
  let tradedWh = 0;
  let importWh = 0;
  let loadWh = 0;
  let imbalanceWh = 0;
  let planMs = 0;
  let plans = 0;
  let fuseBroken = 0;
  const importW: number[] = [];
  let positions = homes.map(() => 0);
  const outlook = (): Parameters<typeof planHome>[0]['outlook'] => ({
    retailMicroPerKwh: RETAIL,
    feedInMicroPerKwh: FEED_IN,
    recentPrices: recent.slice(-288),
  });
  /** The feeder's limit split anew every slot: before it starts a battery counts as full (it can be filled), then as what it holds. */
  const limitsAt = (h: number, slot: number): ImportLimit[] => {
    if (limit === undefined || slot < limit.knownFromSlot || slot >= limit.toSlot) return [];
    const first = Math.max(slot, limit.fromSlot);
    const shares = shareImportLimit({
      limitW: limit.limitW,
      homes: homes.map((home, other) => {
        const battery = home.agent.battery;
        const said = expectations(home, truths[other] as Truth, slot, limit.toSlot - slot).slice(
          first - slot,
        );
        const needWh = said.reduce((sum, { loadWh, pvWh }) => sum + meanWh(loadWh) - meanWh(pvWh), 0);
        // Once it holds, what the meters just showed is the better guess.
        const active = slot >= limit.fromSlot;
        const has = !active ? (battery?.capacityWh ?? 0) : (stored[other] as number);
        const floorWh = ((battery?.capacityWh ?? 0) * (battery?.reservePermille ?? 0)) / 1000;
        return {
          participant: home.agent.participant,
          expectedNetImportW: active ? lastNeedW(other, slot) : (needWh / said.length) * 4,
          batteryDischargeMaxW: battery?.dischargeMaxW ?? 0,
          stateOfChargeWh: (has - floorWh) * 0.95,
          slotsHours: said.length / 4,
        };
      }),
    });
    const id = (homes[h] as SimulatedHome).agent.participant;
    return [
      {
        id: 'limit',
        fromMs: START_MS + limit.fromSlot * SLOT_MS,
        toMs: START_MS + limit.toSlot * SLOT_MS,
        shareW: shares.get(id) as number,
      },
    ];
  };
  const plan = (h: number, slot: number, nowMs: number, positionWh?: number): HomePlan => {
    const home = homes[h] as SimulatedHome;
    const began = performance.now();
    const result = planHome({
      home: home.agent,
      nowMs,
      stateOfChargeWh: home.agent.battery === null ? null : (stored[h] as number),
      expected: expectations(home, truths[h] as Truth, slot, 96),
      outlook: outlook(),
      limits: limitsAt(h, slot),
      ...(positionWh === undefined
        ? {}
        : { committed: [{ slotStartMs: START_MS + slot * SLOT_MS, positionWh }] }),
    });
    planMs += performance.now() - began;
    plans += 1;
    return policy === 'plain-market' ? following(result, home.agent, stored[h] as number) : result;
  };
  for (let slot = 0; slot < slots; slot += 1) {
    const startMs = START_MS + slot * SLOT_MS;
    const id: SlotId = slotIdAt(startMs);
    const active = homes.map((_, h) =>
      policy !== 'self-consumption' ? plan(h, slot, startMs, positions[h] as number) : null,
    );
    const activeLimits = homes.map((_, h) => limitsAt(h, slot));
    const delivered = homes.map(() => 0);
    let nextPositions = homes.map(() => 0);
    for (let minute = 0; minute < MINUTES; minute += 1) {
      const nowMs = startMs + minute * 60_000;
      if (minute === 10 && policy !== 'self-consumption') nextPositions = trade(slot + 1, nowMs);
      homes.forEach(({ agent }, h) => {
        const needW =
          ((truths[h] as Truth).loadW[slot * MINUTES + minute] as number) -
          ((truths[h] as Truth).pvW[slot * MINUTES + minute] as number);
        const battery = agent.battery;
        let powerW = 0;
        if (battery !== null) {
          powerW =
            policy !== 'self-consumption'
              ? dispatchBattery({
                  home: agent,
                  nowMs,
                  slot: id,
                  slotEndMs: startMs + SLOT_MS,
                  positionWh: positions[h] as number,
                  deliveredSoFarWh: Math.round(delivered[h] as number),
                  reading: {
                    gridW: Math.round(needW),
                    pvW: 0,
                    batteryW: 0,
                    stateOfChargePermille: Math.round(((stored[h] as number) / battery.capacityWh) * 1000),
                  },
                  plan: active[h] as HomePlan,
                  limits: activeLimits[h] as ImportLimit[],
                }).powerW
              : needW;
          powerW = physics(battery, h, powerW);
        }
        delivered[h] = (delivered[h] as number) + (powerW - needW) / 60;
        if (needW - powerW > agent.importFuseW + 1) fuseBroken += 1;
        loadWh += ((truths[h] as Truth).loadW[slot * MINUTES + minute] as number) / 60;
      });
    }
    let feeder = 0;
    homes.forEach((_, h) => {
      const metered = Math.round(delivered[h] as number);
      feeder -= metered;
      const imbalance = metered - (positions[h] as number);
      imbalanceWh += policy !== 'self-consumption' ? Math.abs(imbalance) : 0;
      cost[h] = (cost[h] as number) - (imbalance * (imbalance > 0 ? FEED_IN : RETAIL)) / 1000;
    });
    importWh += Math.max(0, feeder);
    importW.push(Math.round(feeder * 4));
    positions = nextPositions;
  }
  const meanPrice = (RETAIL + FEED_IN) / 2;
  return {
    billMicro: cost.map((paid, h) =>
      Math.round(paid - (((stored[h] as number) - (startStored[h] as number)) * meanPrice) / 1000),
    ),
    tradedWh,
    importWh,
    loadWh,
    imbalanceWh,
    planMs,
    plans,
    importW,
    fuseBroken,
    prices: recent.map(({ priceMicroPerKwh }) => priceMicroPerKwh),
  };

  function lastNeedW(h: number, slot: number): number {
    const { loadW, pvW } = truths[h] as Truth;
    let total = 0;
    for (let m = (slot - 1) * MINUTES; m < slot * MINUTES; m += 1) total += (loadW[m] ?? 0) - (pvW[m] ?? 0);
    return total / MINUTES;
  }

  function physics(battery: NonNullable<AgentHome['battery']>, h: number, wantedW: number): number {
    const efficiency = Math.sqrt(battery.roundTripPermille / 1000);
    const floorWh = (battery.capacityWh * battery.reservePermille) / 1000;
    const has = stored[h] as number;
    const giveW = Math.max(0, Math.min(battery.dischargeMaxW, (has - floorWh) * efficiency * 60));
    const takeW = Math.max(0, Math.min(battery.chargeMaxW, ((battery.capacityWh - has) / efficiency) * 60));
    const powerW = Math.min(giveW, Math.max(-takeW, wantedW));
    stored[h] = has - (powerW > 0 ? powerW / efficiency : powerW * efficiency) / 60;
    return powerW;
  }

  function trade(slot: number, nowMs: number): number[] {
    const startMs = START_MS + slot * SLOT_MS;
    const book: (HomeOrder & { home: number })[] = [];
    homes.forEach((home, h) => {
      const made = plan(h, slot - 1, nowMs, positions[h] as number);
      const orders = ordersFor({
        home: home.agent,
        slot: slotIdAt(startMs),
        plan: made,
        expected: expectations(home, truths[h] as Truth, slot, 1)[0] as ExpectedSlot,
        outlook: outlook(),
        stateOfChargeWh: home.agent.battery === null ? null : (stored[h] as number),
      });
      for (const order of orders) book.push({ ...order, home: h });
    });
    const { price, volumeWh, sold } = clear(book, homes.length);
    recent.push({ slotStartMs: startMs, priceMicroPerKwh: price, volumeWh });
    tradedWh += volumeWh;
    if (price !== null) sold.forEach((wh, h) => (cost[h] = (cost[h] as number) - (wh * price) / 1000));
    return sold;
  }
}

/** A plan that leaves the battery to the home's own need: nothing of it is for sale, and it buys nothing. */
function following(plan: HomePlan, { battery }: AgentHome, storedWh: number): HomePlan {
  if (battery === null) return plan;
  const efficiency = Math.sqrt(battery.roundTripPermille / 1000);
  const floorWh = (battery.capacityWh * battery.reservePermille) / 1000;
  const give = Math.max(0, Math.min(battery.dischargeMaxW / 4, (storedWh - floorWh) * efficiency));
  const take = Math.max(0, Math.min(battery.chargeMaxW / 4, (battery.capacityWh - storedWh) / efficiency));
  const slots = plan.slots.map((slot) => ({
    ...slot,
    discharge: [{ energyWh: Math.floor(give), priceMicroPerKwh: RETAIL }],
    charge: [{ energyWh: Math.floor(take), priceMicroPerKwh: FEED_IN }],
  }));
  return { ...plan, slots, baselineSlots: slots };
}

/** Uniform clearing, plain and slow; ties are cut in the order given. */
function clear(
  book: readonly (HomeOrder & { home: number })[],
  homes: number,
): { price: number | null; volumeWh: number; sold: number[] } {
  const sold = Array.from({ length: homes }, () => 0);
  const bids = book
    .filter(({ side }) => side === 'bid')
    .sort((a, b) => b.priceMicroPerKwh - a.priceMicroPerKwh);
  const offers = book
    .filter(({ side }) => side === 'offer')
    .sort((a, b) => a.priceMicroPerKwh - b.priceMicroPerKwh);
  let i = 0;
  let j = 0;
  let bidLeft = bids[0]?.energyWh ?? 0;
  let offerLeft = offers[0]?.energyWh ?? 0;
  let volumeWh = 0;
  let lo = 0;
  let hi = Number.POSITIVE_INFINITY;
  while (i < bids.length && j < offers.length) {
    const bid = bids[i] as (typeof bids)[number];
    const offer = offers[j] as (typeof offers)[number];
    if (bid.priceMicroPerKwh < offer.priceMicroPerKwh) break;
    const wh = Math.min(bidLeft, offerLeft);
    volumeWh += wh;
    sold[bid.home] = (sold[bid.home] as number) - wh;
    sold[offer.home] = (sold[offer.home] as number) + wh;
    lo = offer.priceMicroPerKwh;
    hi = bid.priceMicroPerKwh;
    bidLeft -= wh;
    offerLeft -= wh;
    if (bidLeft === 0) bidLeft = bids[++i]?.energyWh ?? 0;
    if (offerLeft === 0) offerLeft = offers[++j]?.energyWh ?? 0;
  }
  if (volumeWh === 0) return { price: null, volumeWh, sold };
  lo = Math.max(lo, bids[i]?.priceMicroPerKwh ?? 0);
  hi = Math.min(hi, offers[j]?.priceMicroPerKwh ?? hi);
  return { price: lo + Math.floor((hi - lo) / 2), volumeWh, sold };
}

/** Load with a morning and an evening peak and appliances that come and go; sun with clouds all homes share. */
function truth(home: SimulatedHome, slots: number, seed: number, weather: number): Truth {
  const own = random(seed);
  const sky = random(weather + 77);
  const loadW = new Float64Array(slots * MINUTES);
  const pvW = new Float64Array(slots * MINUTES);
  let appliance = 0;
  let cloud = 1;
  let day = 1;
  for (let m = 0; m < loadW.length; m += 1) {
    if (m % 1440 === 0) day = 0.35 + 0.65 * sky();
    if (m % 10 === 0)
      cloud = Math.min(1.05, Math.max(0.1, cloud + 0.5 * (day - cloud) + 0.25 * (sky() - 0.5)));
    if (own() < 0.015) appliance = own() < 0.4 ? 1800 * own() : 0;
    const hour = (m % 1440) / 60;
    loadW[m] = home.loadW * shape(hour) + appliance * shape(hour);
    pvW[m] = home.pvPeakW * 0.85 * sun(hour) * cloud;
  }
  return { loadW, pvW };
}

function shape(hour: number): number {
  return 0.45 + 0.6 * Math.exp(-(((hour - 7.5) / 1.5) ** 2)) + 1.6 * Math.exp(-(((hour - 19.5) / 2.5) ** 2));
}

function sun(hour: number): number {
  return Math.max(0, Math.sin(((hour - 5) / 15) * Math.PI)) ** 1.3;
}

/** What a plain forecast would say: the shape and a typical sky, and the present quarter's cloud for the next hours. */
function expectations(home: SimulatedHome, truths: Truth, slot: number, count: number): ExpectedSlot[] {
  const before = Math.max(0, slot * MINUTES - 8);
  const hourBefore = (before % 1440) / 60;
  const clear = home.pvPeakW * 0.85 * sun(hourBefore);
  const seen = clear > 200 ? (truths.pvW[before] as number) / clear : 0.68;
  return Array.from({ length: count }, (_, ahead) => {
    const at = slot + ahead;
    const hour = ((at % 96) + 0.5) / 4;
    const loadWh = (home.loadW * shape(hour) + 360 * shape(hour)) / 4;
    const sky = 0.68 + (seen - 0.68) * Math.exp(-ahead / 12);
    const pvWh = (home.pvPeakW * 0.85 * sun(hour)) / 4;
    const spread = 0.1 + 0.2 * (1 - Math.exp(-ahead / 12));
    return {
      slotStartMs: START_MS + at * SLOT_MS,
      loadWh: {
        p10: Math.round(loadWh * 0.55),
        p50: Math.round(loadWh * 0.9),
        p90: Math.round(loadWh * 1.75),
      },
      pvWh: {
        p10: Math.round(pvWh * Math.max(0, sky - spread)),
        p50: Math.round(pvWh * sky),
        p90: Math.round(pvWh * (sky + spread)),
      },
    };
  });
}
