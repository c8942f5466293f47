import {
  slotAfter,
  slotHolding,
  slotMs,
  slotStartMs,
  type Clock,
  type MarketRules,
  type OrderPayload,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';
import type { Forecaster, SlotForecast } from '@commonwatt/forecasts';
import {
  ordersFor,
  planHome,
  type AgentHome,
  type HomePlan,
  type ImportLimit,
  type MarketOutlook,
} from '@commonwatt/home-agent';
import type { MarketClient } from '@commonwatt/market-engine';
import { submitOnce } from './market-access.ts';

const PLAN_AHEAD_MS = 24 * 3_600_000;
/** Orders leave between these times before the gate, spread over the homes so that they do not all knock at once. */
const ORDER_LEAD_MS = { first: 14 * 60_000, last: 10 * 60_000 };

export interface TradingOptions {
  readonly home: AgentHome;
  readonly rules: MarketRules;
  readonly signer: Signer;
  readonly market: MarketClient;
  readonly clock: Clock;
  readonly forecaster: Forecaster;
  /** Hears what the orders of a slot were made with. */
  readonly expected: (forecast: SlotForecast) => void;
  readonly firstSlot: SlotId;
  /** 0 to 1: where in the span of order times this home stands. */
  readonly phase: number;
  readonly outlook: () => MarketOutlook;
  readonly limits: () => readonly ImportLimit[];
  /** Sold less bought in this slot's clearing, Wh; null while it is not cleared. */
  readonly positionWh: (slot: SlotId) => number | null;
  readonly stateOfChargeWh: () => number | null;
  readonly log: (line: string) => void;
}

export interface Trading {
  /** The plan behind the latest orders. */
  plan(): HomePlan;
  /** How often the orders were with the market before the gate. */
  readonly gates: { readonly met: number; readonly missed: number };
  /** Orders that are due at once have been placed: the clock may start. */
  readonly firstOrders: Promise<void>;
  stop(): Promise<void>;
}

/** Before every gate: forecast, plan, sign, submit. */
export function startTrading(options: TradingOptions): Trading {
  const { home, rules, clock, forecaster } = options;
  const minutes = rules.slotMinutes;
  const stopping = new AbortController();
  const gates = { met: 0, missed: 0 };
  const first = Promise.withResolvers<void>();
  let plan: HomePlan = {
    slots: [],
    baselineSlots: [],
    retailMicroPerKwh: rules.retailMicroPerKwh,
    feedInMicroPerKwh: rules.feedInMicroPerKwh,
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
    const stateOfChargeWh = options.stateOfChargeWh();
    plan = planHome({
      home,
      nowMs,
      stateOfChargeWh,
      expected,
      outlook,
      limits: options.limits(),
      committed: commitments(),
    });
    const inSlot = expected.find((forecast) => forecast.slotStartMs === slotStartMs(slot));
    if (!inSlot) return [];
    options.expected(inSlot);
    const name = slot.replaceAll(/[-:]/g, '').slice(0, 13);
    return ordersFor({ home, slot, plan, expected: inSlot, outlook, stateOfChargeWh }).map((order) => ({
      type: 'order',
      community: rules.community,
      slot,
      id: `${home.participant}.${name}.${order.tag}`,
      participant: home.participant,
      side: order.side,
      energyWh: order.energyWh,
      priceMicroPerKwh: order.priceMicroPerKwh,
      revision: 0,
    }));
  }

  async function trade(slot: SlotId, gateMs: number): Promise<void> {
    try {
      await Promise.all(decide(slot).map((order) => submitOnce(options.market, options.signer, order)));
      if (clock.nowMs() <= gateMs) gates.met += 1;
      else gates.missed += 1;
    } catch (error) {
      gates.missed += 1;
      options.log(`${home.participant}: no order for ${slot}: ${(error as Error).message}`);
    }
  }

  async function loop(): Promise<void> {
    const leadMs = ORDER_LEAD_MS.last + (ORDER_LEAD_MS.first - ORDER_LEAD_MS.last) * (1 - options.phase);
    let slot = options.firstSlot;
    while (slotStartMs(slot) - rules.gateClosureMs <= clock.nowMs()) slot = slotAfter(slot, minutes);
    while (!stopping.signal.aborted) {
      const gateMs = slotStartMs(slot) - rules.gateClosureMs;
      const dueMs = gateMs - leadMs;
      if (dueMs > clock.nowMs()) first.resolve();
      await clock.waitUntil(dueMs, stopping.signal);
      await trade(slot, gateMs);
      slot = slotAfter(slot, minutes);
    }
  }

  const running = loop().catch((error: Error) => {
    if (!stopping.signal.aborted) options.log(`${home.participant}: trading stopped: ${error.message}`);
  });

  return {
    plan: () => plan,
    gates,
    firstOrders: first.promise,
    async stop() {
      stopping.abort(new Error('stopping'));
      await running;
    },
  };
}
