import {
  CommonwattError,
  MS_PER_HOUR,
  meanPowerW,
  slotAfter,
  slotEndMs,
  slotHolding,
  slotMs,
  slotStartMs,
  type Clock,
  type MeterReading,
  type OrderPayload,
  type Reading,
  type Signed,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';
import { createForecaster, type Forecaster, type HomeSite, type SlotEnergy } from '@commonwatt/forecasts';
import {
  dispatchBattery,
  meanWh,
  ordersFor,
  planHome,
  type AgentHome,
  type HomePlan,
  type ImportLimit,
  type MarketOutlook,
} from '@commonwatt/home-agent';
import type { MarketClient } from '@commonwatt/market-engine';
import { startGateway, type Gateway } from '@commonwatt/meter-gateway';
import type { HomeSpec, ParkDevice } from '../neighbourhood/index.ts';
import { gatewayOf, type Community } from './community.ts';

const SOC_RESERVE_PERMILLE = 100;
const PLAN_AHEAD_MS = 24 * 3_600_000;
/** Orders leave between these times before the gate, spread over the homes so that they do not all knock at once. */
const ORDER_LEAD_MS = { first: 14 * 60_000, last: 10 * 60_000 };
const SETPOINT_LIFE_MS = 15 * 60_000;
/** A setpoint is written again when it differs by more than this, or half its life has passed. */
const SETPOINT_STEP_W = 40;

export interface HouseholdOptions {
  readonly spec: HomeSpec;
  readonly site: HomeSite;
  readonly devices: readonly ParkDevice[];
  readonly community: Community;
  readonly market: MarketClient;
  readonly clock: Clock;
  readonly pollIntervalMs: number;
  readonly gatewayFile: string;
  readonly pkiFolder: string;
  readonly firstSlot: SlotId;
  /** 0 to 1: where in the span of order times this home stands. */
  readonly phase: number;
  readonly outlook: () => MarketOutlook;
  readonly limits: () => readonly ImportLimit[];
  /** Sold less bought in this slot's clearing, Wh; null while it is not cleared. */
  readonly positionWh: (slot: SlotId) => number | null;
  readonly log: (line: string) => void;
}

export interface Household {
  readonly spec: HomeSpec;
  readonly gateway: Gateway;
  readonly forecaster: Forecaster;
  latest(): Reading | null;
  /** Grid power the home would have without demand signals, W, positive on import; null before the first reading. */
  gridWithoutSignalsW(): number | null;
  /** Teaches the forecaster a slot that was read earlier. */
  learn(reading: MeterReading): void;
  /** Expected import and export of a slot whose reading is missing. */
  estimate(slot: SlotId): { importWh: number; exportWh: number; basis: string };
  /** What the home would draw now if its battery stood still, W; null before the first reading. */
  needW(): number | null;
  /** The same, expected as a mean over [fromMs, toMs). */
  expectedNeedW(fromMs: number, toMs: number): number;
  /** Energy above the reserve that the battery can hold by then, Wh. */
  usableWh(atMs: number): number;
  readonly gates: { met: number; missed: number };
  /** Orders that are due at once have been placed: the clock may start. */
  readonly firstOrders: Promise<void>;
  stop(): Promise<void>;
}

/** One home: its gateway reads, its forecaster learns, its agent bids before every gate and steers the battery after it. */
export async function startHousehold(options: HouseholdOptions): Promise<Household> {
  const { spec, clock, community, market, log } = options;
  const { rules } = community;
  const minutes = rules.slotMinutes;
  const signer = community.signerOf(spec.id);
  const home: AgentHome = {
    participant: spec.id,
    slotMinutes: minutes,
    battery: spec.battery === null ? null : { ...spec.battery, reservePermille: SOC_RESERVE_PERMILLE },
    importFuseW: spec.importFuseW,
  };
  const forecaster = createForecaster(options.site);
  const stopping = new AbortController();
  const gates = { met: 0, missed: 0 };
  let plan: HomePlan = {
    slots: [],
    baselineSlots: [],
    retailMicroPerKwh: rules.retailMicroPerKwh,
    feedInMicroPerKwh: rules.feedInMicroPerKwh,
  };
  let baselineW: number | null = null;
  let dispatching = false;
  let setpoint: { powerW: number; expiresAtMs: number } | null = null;
  let slotBase: { slot: SlotId; importWh: number; exportWh: number } | null = null;

  const learn = (reading: MeterReading): void => forecaster.observe(energyOf(reading, spec));

  const gateway = await startGateway({
    community: rules.community,
    participant: spec.id,
    gateway: gatewayOf(spec.id),
    slotMinutes: minutes,
    devices: options.devices,
    signer: community.gatewaySigner(spec.id),
    statePath: options.gatewayFile,
    pkiFolder: options.pkiFolder,
    clock,
    pollIntervalMs: options.pollIntervalMs,
    deliver: async (reading, signal) => {
      learn(reading.payload);
      return deliverReading(market, reading, signal);
    },
    limits: { importFuseW: spec.importFuseW, socReservePermille: SOC_RESERVE_PERMILLE },
    log,
  });

  const stateOfChargeWh = (): number | null => {
    const permille = gateway.latest()?.stateOfChargePermille;
    return spec.battery === null || permille === undefined
      ? null
      : Math.round((spec.battery.capacityWh * permille) / 1000);
  };

  /** What was sold and bought in the slots whose gate has closed: the running one and the next. */
  function commitments(): { slotStartMs: number; positionWh: number }[] {
    const running = slotHolding(clock.nowMs(), minutes);
    return [running, slotAfter(running, minutes)].flatMap((slot) => {
      const positionWh = options.positionWh(slot);
      return positionWh === null ? [] : [{ slotStartMs: slotStartMs(slot), positionWh }];
    });
  }

  function decide(slot: SlotId): readonly OrderPayload[] {
    const nowMs = clock.nowMs();
    const slots = Math.ceil(PLAN_AHEAD_MS / slotMs(minutes)) + 2;
    const expected = forecaster.forecast(slotStartMs(slotHolding(nowMs, minutes)), slots);
    const outlook = options.outlook();
    plan = planHome({
      home,
      nowMs,
      stateOfChargeWh: stateOfChargeWh(),
      expected,
      outlook,
      limits: options.limits(),
      committed: commitments(),
    });
    const inSlot = expected.find((forecast) => forecast.slotStartMs === slotStartMs(slot));
    if (!inSlot) return [];
    const orders = ordersFor({
      home,
      slot,
      plan,
      expected: inSlot,
      outlook,
      stateOfChargeWh: stateOfChargeWh(),
    });
    const name = slot.replaceAll(/[-:]/g, '').slice(0, 13);
    return orders.map((order) => ({
      type: 'order',
      community: rules.community,
      slot,
      id: `${spec.id}.${name}.${order.tag}`,
      participant: spec.id,
      side: order.side,
      energyWh: order.energyWh,
      priceMicroPerKwh: order.priceMicroPerKwh,
      revision: 0,
    }));
  }

  async function trade(slot: SlotId, gateMs: number): Promise<void> {
    try {
      await Promise.all(decide(slot).map((order) => submitOnce(market, signer, order)));
      if (clock.nowMs() <= gateMs) gates.met += 1;
      else gates.missed += 1;
    } catch (error) {
      gates.missed += 1;
      log(`${spec.id}: no order for ${slot}: ${(error as Error).message}`);
    }
  }

  let placedFirst: () => void = () => {};
  const firstOrders = new Promise<void>((resolve) => {
    placedFirst = resolve;
  });

  async function tradingLoop(): Promise<void> {
    const leadMs = ORDER_LEAD_MS.last + (ORDER_LEAD_MS.first - ORDER_LEAD_MS.last) * (1 - options.phase);
    let slot = options.firstSlot;
    while (slotStartMs(slot) - rules.gateClosureMs <= clock.nowMs()) slot = slotAfter(slot, minutes);
    while (!stopping.signal.aborted) {
      const gateMs = slotStartMs(slot) - rules.gateClosureMs;
      const dueMs = gateMs - leadMs;
      if (dueMs > clock.nowMs()) placedFirst();
      await clock.waitUntil(dueMs, stopping.signal);
      await trade(slot, gateMs);
      slot = slotAfter(slot, minutes);
    }
  }

  /** Net export since the slot began, Wh, from the counters as polled. */
  function deliveredWh(slot: SlotId, reading: Reading): number {
    const { importWh, exportWh } = reading;
    if (importWh === undefined || exportWh === undefined) return 0;
    if (slotBase?.slot !== slot) slotBase = { slot, importWh, exportWh };
    return exportWh - slotBase.exportWh - (importWh - slotBase.importWh);
  }

  async function steer(reading: Reading): Promise<void> {
    const { gridW, batteryW, stateOfChargePermille } = reading;
    if (
      home.battery === null ||
      gridW === undefined ||
      batteryW === undefined ||
      stateOfChargePermille === undefined
    )
      return;
    const nowMs = clock.nowMs();
    const slot = slotHolding(nowMs, minutes);
    const answer = dispatchBattery({
      home,
      nowMs,
      slot,
      slotEndMs: slotEndMs(slot, minutes),
      positionWh: options.positionWh(slot) ?? 0,
      deliveredSoFarWh: deliveredWh(slot, reading),
      reading: { gridW, pvW: reading.pvW ?? 0, batteryW, stateOfChargePermille },
      plan,
      limits: options.limits(),
      holdMs: options.pollIntervalMs,
    });
    baselineW = answer.baselineW;
    const fresh = setpoint !== null && setpoint.expiresAtMs - nowMs > SETPOINT_LIFE_MS / 2;
    if (fresh && setpoint !== null && Math.abs(setpoint.powerW - answer.powerW) < SETPOINT_STEP_W) return;
    setpoint = { powerW: answer.powerW, expiresAtMs: nowMs + SETPOINT_LIFE_MS };
    await gateway.setBattery(setpoint);
  }

  const unsubscribe = gateway.subscribe((reading) => {
    if (dispatching || stopping.signal.aborted) return;
    dispatching = true;
    steer(reading)
      .catch((error: Error) => {
        setpoint = null;
        log(`${spec.id}: the battery was not steered: ${error.message}`);
      })
      .finally(() => {
        dispatching = false;
      });
  });

  const trading = tradingLoop().catch((error: Error) => {
    if (!stopping.signal.aborted) log(`${spec.id}: trading stopped: ${error.message}`);
  });

  return {
    spec,
    gateway,
    forecaster,
    gates,
    firstOrders,
    learn,
    latest: () => gateway.latest(),
    gridWithoutSignalsW: () => {
      const reading = gateway.latest();
      if (reading?.gridW === undefined) return null;
      return baselineW === null || reading.batteryW === undefined
        ? reading.gridW
        : reading.gridW + reading.batteryW - baselineW;
    },
    estimate: (slot) => {
      const [forecast] = forecaster.forecast(slotStartMs(slot), 1);
      const netWh = forecast === undefined ? 0 : meanWh(forecast.loadWh) - meanWh(forecast.pvWh);
      return {
        importWh: Math.max(0, netWh),
        exportWh: Math.max(0, -netWh),
        basis: 'mean of the forecast of load less PV',
      };
    },
    needW: () => {
      const reading = gateway.latest();
      return reading?.gridW === undefined ? null : reading.gridW + (reading.batteryW ?? 0);
    },
    expectedNeedW: (fromMs, toMs) => {
      const first = slotHolding(fromMs, minutes);
      const slots = Math.max(1, Math.ceil((toMs - slotStartMs(first)) / slotMs(minutes)));
      let needWh = 0;
      for (const { loadWh, pvWh } of forecaster.forecast(slotStartMs(first), slots))
        needWh += meanWh(loadWh) - meanWh(pvWh);
      return meanPowerW(needWh, slots * slotMs(minutes));
    },
    usableWh: (atMs) => {
      const storedWh = stateOfChargeWh();
      if (spec.battery === null || storedWh === null) return 0;
      const { capacityWh, chargeMaxW } = spec.battery;
      const chargedWh = (chargeMaxW * Math.max(0, atMs - clock.nowMs())) / MS_PER_HOUR;
      return Math.max(
        0,
        Math.round(Math.min(capacityWh, storedWh + chargedWh) - (capacityWh * SOC_RESERVE_PERMILLE) / 1000),
      );
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      unsubscribe();
      await trading;
      await gateway.stop();
    },
  };
}

/** Delivered is delivered: a duplicate is as good as accepted; a refusal is final; anything else is tried again by the gateway. */
async function deliverReading(
  market: MarketClient,
  reading: Signed<MeterReading>,
  signal: AbortSignal,
): Promise<'accepted' | 'duplicate' | 'rejected'> {
  try {
    await market.submitReading(reading, signal);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof CommonwattError)) throw error;
    if (error.code === 'duplicate') return 'duplicate';
    if (error.code === 'unavailable' || error.code === 'rate-limited' || error.code === 'internal')
      throw error;
    return 'rejected';
  }
}

async function submitOnce(market: MarketClient, signer: Signer, order: OrderPayload): Promise<void> {
  try {
    await market.submitOrder(signer.sign(order));
  } catch (error) {
    // After a restart the agent may decide on a slot again; the order it placed before stands.
    if (!(error instanceof CommonwattError && error.code === 'duplicate')) throw error;
  }
}

/** What a home used and made in a slot, as far as the reading is sure of it. */
export function energyOf(reading: MeterReading, spec: Pick<HomeSpec, 'pvPeakW' | 'battery'>): SlotEnergy {
  const { importWh, exportWh, pvWh, batteryChargedWh, batteryDischargedWh, flags } = reading;
  const broken = flags.some(
    (flag) => flag === 'nonsense' || flag === 'reset' || flag === 'jump' || flag === 'replaced',
  );
  const batteryWh =
    spec.battery === null
      ? 0
      : batteryChargedWh === null || batteryDischargedWh === null
        ? null
        : batteryDischargedWh - batteryChargedWh;
  const madeWh = spec.pvPeakW === null ? 0 : pvWh;
  return {
    slotStartMs: slotStartMs(reading.slot),
    loadWh:
      broken || batteryWh === null || madeWh === null
        ? null
        : Math.max(0, importWh - exportWh + madeWh + batteryWh),
    pvWh: broken ? null : madeWh,
  };
}
