import { type SlotId, slotStartMs } from '@commonwatt/domain';
import { needOf } from './need.ts';
import type { AgentHome, ExpectedSlot, HomeOrder, HomePlan, MarketOutlook, PlanSlot } from './types.ts';
import { type Flexibility, needPoints, worthOfPosition } from './worth.ts';

export interface OrdersInput {
  readonly home: AgentHome;
  readonly slot: SlotId;
  readonly plan: HomePlan;
  readonly expected: ExpectedSlot;
  readonly outlook: MarketOutlook;
  /** Null when unknown: then only the inflexible part is traded. */
  readonly stateOfChargeWh: number | null;
}

const STEPS_MAX = 8;
/** Steps whose prices differ by less than this share of the band become one order. */
const MERGE_SHARE = 0.02;

/**
 * A home's orders for a slot. Each Wh is bid for, or offered, at what it is worth to the home: the chance of lacking or having it, and
 * the battery's later use for it. That worth falls with every Wh bought, so all bids lie below all offers by themselves.
 * In a uniform auction a small home does best by telling the truth.
 */
export function ordersFor(input: OrdersInput): readonly HomeOrder[] {
  const { home, slot, plan, expected, outlook } = input;
  if (outlook.retailMicroPerKwh <= outlook.feedInMicroPerKwh) return [];
  const startMs = slotStartMs(slot);
  const planned = plan.slots.find((candidate) => candidate.slotStartMs === startMs);
  const known = planned !== undefined && input.stateOfChargeWh !== null;
  const idle: Flexibility = { discharge: [], charge: [] };
  const fuseWh = Math.floor((home.importFuseW * home.slotMinutes) / 60);
  const need = needOf(expected);
  const { forcedWh, flexibility } = known
    ? underLimit(need.mid, planned)
    : { forcedWh: 0, flexibility: idle };
  const needs = needPoints(need).map((needWh) => needWh - forcedWh);
  const worth = (boughtWh: number): number => worthOfPosition(boughtWh, needs, flexibility, outlook);

  const marks = breakpoints(needs, flexibility);
  const buyMaxWh = Math.min(fuseWh, Math.max(0, planned?.importMaxWh ?? fuseWh));
  const bids = steps(
    marks.filter((mark) => mark > 0),
    buyMaxWh,
    (from, to) => worth((from + to) / 2),
  );
  // Nobody offers what it cannot make: sunshine, and what the battery may give.
  const storedWh = flexibility.discharge.reduce((total, step) => total + step.energyWh, forcedWh);
  const sellMaxWh = Math.min(fuseWh, expected.pvWh.p90 + storedWh);
  const offers = steps(
    marks.filter((mark) => mark < 0).map((mark) => -mark),
    sellMaxWh,
    (from, to) => worth(-(from + to) / 2),
  );
  return priced(bids, offers, outlook);
}

/** What the battery must give to keep the slot's import limit costs nothing more: it is no longer for the market to decide. */
function underLimit(
  needWh: number,
  planned: PlanSlot,
): { readonly forcedWh: number; readonly flexibility: Flexibility } {
  const wantedWh = Math.ceil(needWh - planned.importMaxWh);
  if (wantedWh <= 0) return { forcedWh: 0, flexibility: planned };
  let forcedWh = 0;
  const discharge = planned.discharge.map((step) => {
    const part = Math.min(step.energyWh, wantedWh - forcedWh);
    forcedWh += part;
    return { ...step, energyWh: step.energyWh - part };
  });
  return { forcedWh, flexibility: { discharge, charge: [] } };
}

interface Step {
  energyWh: number;
  readonly worth: number;
}

/** Positions at which the worth can change: where one point of the need meets one edge of the battery's steps. */
function breakpoints(needs: readonly number[], flexibility: Flexibility): readonly number[] {
  const edges = [0];
  let edge = 0;
  for (const { energyWh } of flexibility.discharge) edges.push((edge += energyWh));
  edge = 0;
  for (const { energyWh } of flexibility.charge) edges.push((edge -= energyWh));
  const marks = new Set<number>();
  for (const needWh of needs) for (const at of edges) marks.add(Math.round(needWh - at));
  return [...marks].sort((a, b) => a - b);
}

/** Cuts [0, max] at the marks (unsigned Wh) and prices every piece. */
function steps(marks: readonly number[], maxWh: number, worth: (from: number, to: number) => number): Step[] {
  const result: Step[] = [];
  let from = 0;
  for (const mark of [...marks].sort((a, b) => a - b)) {
    const to = Math.min(maxWh, mark);
    if (to <= from) continue;
    result.push({ energyWh: to - from, worth: worth(from, to) });
    from = to;
  }
  return result;
}

/** Whole prices within the band, bids rounded down and offers up, and a gap between the two sides. */
function priced(bids: Step[], offers: Step[], outlook: MarketOutlook): readonly HomeOrder[] {
  const low = outlook.feedInMicroPerKwh;
  const high = outlook.retailMicroPerKwh;
  // The supplier sells at the retail and buys at the feed-in price anyway: a bid at the one or an offer at the other gains nothing less.
  const mergeWithin = (high - low) * MERGE_SHARE;
  const orders: HomeOrder[] = [];
  let highestBid = low;
  merged(
    bids.filter((step) => step.worth > low),
    mergeWithin,
  ).forEach((step, index) => {
    const price = Math.min(high - 1, Math.max(low, Math.floor(step.worth)));
    highestBid = Math.max(highestBid, price);
    orders.push({ side: 'bid', energyWh: step.energyWh, priceMicroPerKwh: price, tag: `bid-${index + 1}` });
  });
  const lowest = orders.length > 0 ? highestBid + 1 : low;
  merged(
    offers.filter((step) => step.worth < high),
    mergeWithin,
  ).forEach((step, index) => {
    const price = Math.min(high, Math.max(lowest, Math.ceil(step.worth)));
    orders.push({
      side: 'offer',
      energyWh: step.energyWh,
      priceMicroPerKwh: price,
      tag: `offer-${index + 1}`,
    });
  });
  return orders;
}

/** Joins neighbours of nearly one price (mean weighted by energy) until few enough are left. */
function merged(pieces: readonly Step[], within: number): Step[] {
  let result = [...pieces];
  for (let width = within; ; width *= 2) {
    const joined: Step[] = [];
    for (const piece of result) {
      const last = joined.at(-1);
      if (last !== undefined && Math.abs(last.worth - piece.worth) <= width) {
        const energyWh = last.energyWh + piece.energyWh;
        const worth = (last.worth * last.energyWh + piece.worth * piece.energyWh) / energyWh;
        joined[joined.length - 1] = { energyWh, worth };
      } else joined.push(piece);
    }
    result = joined;
    if (result.length <= STEPS_MAX || width <= 0) return result;
  }
}
