import {
  CommonwattError,
  canonicalJson,
  slotAfter,
  type CancelPayload,
  type MeterReading,
  type OrderPayload,
  type SlotId,
} from '@commonwatt/domain';
import { rebuildRecords } from '../statement/rebuild-records.ts';
import { trueUpOriginProblem } from '../statement/true-up-origin.ts';
import type { MarketService } from './market.ts';
import { openMarketWith } from './open-market.ts';
import type { Membership } from './ports.ts';
import {
  MemorySettlement,
  RULES,
  SLOT,
  cancel,
  makeStage,
  order,
  others,
  reading,
  rotated,
  settled,
  type Home,
} from './test-kit.ts';

/**
 * One small market, lived through with crashes at chosen commits and started again on the same journal each time. Everybody sends
 * again what was not acknowledged. Used by the crash tests and by the soak.
 */
export type Happening =
  | {
      readonly atMs: number;
      readonly kind: 'order';
      readonly home: number;
      readonly part: Partial<OrderPayload>;
    }
  | {
      readonly atMs: number;
      readonly kind: 'cancel';
      readonly home: number;
      readonly part: Partial<CancelPayload>;
    }
  | {
      readonly atMs: number;
      readonly kind: 'reading';
      readonly home: number;
      /** Signed with the gateway's second key. */
      readonly rotated: boolean;
      readonly part: Partial<MeterReading>;
    }
  /** From now on these homes, by index, are members, each with its first gateway key or with a second one. */
  | { readonly atMs: number; readonly kind: 'members'; readonly members: readonly CrashMember[] }
  | { readonly atMs: number; readonly kind: 'time' };

export interface CrashMember {
  readonly home: number;
  readonly rotated: boolean;
}

export interface Scenario {
  readonly happenings: readonly Happening[];
  readonly slots: number;
  /** The chain does not answer before this instant. */
  readonly chainDownUntilMs: number;
  /** Whether the first batch leaves a debt and a claim. */
  readonly debt: boolean;
}

export interface CrashPoint {
  /** Counted over all lives of the market. */
  readonly commit: number;
  readonly when: 'before' | 'after';
}

export interface Outcome {
  /** Answer to each happening, in order. */
  readonly answers: readonly string[];
  /** All slots' states and records, and the settled roots: what must not depend on crashes. */
  readonly result: string;
  readonly commits: number;
  readonly crashes: number;
}

const MINUTE_MS = 60_000;
const HOMES = 3;

/** Lives through the scenario. Every wait is for the clock by hand, so a run takes milliseconds. */
export async function liveThrough(scenario: Scenario, crashPoints: readonly CrashPoint[]): Promise<Outcome> {
  const lastSlot = slotAfter(SLOT, 15, scenario.slots - 1);
  const stage = makeStage({ lastSlot }, HOMES);
  const { clock, settlement, homes } = stage;
  // What the registry says now: a market that starts again is given this.
  let membership: Membership = stage.options;
  settlement.before = () => {
    if (clock.nowMs() < scenario.chainDownUntilMs) throw new Error('the chain does not answer');
  };
  if (scenario.debt) leaveDebtIn(settlement, SLOT);
  let commits = 0;
  let crashes = 0;
  let crashed = false;
  const crashIf = (when: CrashPoint['when']) => () => {
    const due = crashPoints.some((point) => point.commit === commits && point.when === when);
    if (when === 'after') commits++;
    if (!due || crashed) return;
    // A crash before the commit does not use the number up: the next life makes this commit again.
    if (when === 'before') commits++;
    crashed = true;
    crashes++;
    throw new Error(`crash ${when} commit`);
  };
  const hooks = { beforeCommit: crashIf('before'), afterCommit: crashIf('after') };
  let market = await startAgain();

  async function startAgain(): Promise<MarketService> {
    for (;;) {
      crashed = false;
      try {
        const fresh = await openMarketWith({ ...stage.options, ...membership }, hooks);
        await settled(3);
        if (!crashed) return fresh;
        await fresh.stop();
      } catch (error) {
        if (!crashed) throw error;
      }
    }
  }

  /** Repeats the action over restarts until it is answered. */
  async function answered(action: (market: MarketService) => Promise<unknown>): Promise<string> {
    for (;;) {
      const answer = await action(market).then(
        () => 'taken',
        (error: unknown) => (error instanceof CommonwattError ? error.code : 'broken'),
      );
      await settled(3);
      if (crashed) {
        await market.stop();
        market = await startAgain();
      }
      // Only what was not answered is sent again: an acknowledged message must be in the journal.
      if (answer !== 'unavailable') return answer === 'duplicate' ? 'taken' : answer;
    }
  }

  try {
    const answers: string[] = [];
    for (const happening of [...scenario.happenings, ...lastTicks(scenario)]) {
      await clock.goTo(happening.atMs);
      if (happening.kind === 'members') membership = membershipOf(happening.members, homes);
      const answer = await answered((market) => act(market, homes, happening, membership));
      if (happening.kind !== 'time') answers.push(answer);
    }
    const slots = market.slots().map(({ slot, state }) => ({
      slot,
      state,
      records: market.records(slot),
      problems: [
        ...rebuildRecords(market.records(slot) ?? []).problems,
        ...(market.records(slot) ?? []).flatMap((record) =>
          record.type === 'true-up'
            ? (trueUpOriginProblem(record.trueUp, market.records(record.trueUp.estimate.slot) ?? []) ?? [])
            : [],
        ),
      ],
      settled: settlement.settledRecords.get(slot) ?? null,
    }));
    return { answers, result: canonicalJson(slots), commits, crashes };
  } finally {
    await market.stop();
    stage.remove();
  }
}

async function act(
  market: MarketService,
  homes: readonly Home[],
  happening: Happening,
  membership: Membership,
): Promise<unknown> {
  if (happening.kind === 'time') {
    market.tick();
    return Promise.resolve();
  }
  if (happening.kind === 'members') return Promise.resolve(market.updateMembers(membership));
  const home = homes[happening.home] as Home;
  if (happening.kind === 'order') return market.submitOrder(order(home, happening.part));
  if (happening.kind === 'cancel') return market.cancelOrder(cancel(home, happening.part));
  return market.submitReading(reading(happening.rotated ? rotated(home) : home, happening.part));
}

function membershipOf(members: readonly CrashMember[], homes: readonly Home[]): Membership {
  const chosen = members.map(({ home, rotated: isRotated }) => {
    const one = homes[home] as Home;
    return isRotated ? rotated(one) : one;
  });
  return {
    participants: [...chosen.map(({ participant }) => participant), ...others()],
    gateways: chosen.map(({ registration }) => registration),
  };
}

/** Time enough for everything to end, in steps, so that retries get their turn. */
function lastTicks(scenario: Scenario): Happening[] {
  const endMs = Date.parse(SLOT) + (scenario.slots * 15 + 15) * MINUTE_MS;
  return Array.from({ length: 12 }, (_, index) => ({
    atMs: endMs + index * 15 * MINUTE_MS,
    kind: 'time' as const,
  }));
}

function leaveDebtIn(settlement: MemorySettlement, slot: SlotId): void {
  const settle = settlement.settle.bind(settlement);
  settlement.settle = async (input, signal) => {
    const receipt = await settle(input, signal);
    if (input.slot !== slot) return receipt;
    const unpaid = [{ participant: 'home-01', amountMicro: '500', why: 'balance too small' }];
    const cuts = [{ participant: 'home-02', amountMicro: '200' }];
    return { ...receipt, record: { ...receipt.record, unpaid, cuts } };
  };
}

/** A scenario from a seed: members that come, go and rotate gateway keys, orders, replacements, cancellations, readings in time, late, missing and repeated. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed);
  const slots = 2 + random(2);
  const startMs = Date.parse(SLOT);
  const happenings: Happening[] = [];
  for (let index = 0; index < slots; index++) {
    const slot = slotAfter(SLOT, 15, index);
    const slotStartMs = startMs + index * 15 * MINUTE_MS;
    for (let home = 0; home < HOMES; home++) {
      const id = `home-${home + 1}-${index}`;
      const part = { slot, id, side: random(2) === 0 ? 'bid' : 'offer', energyWh: 1 + random(2000) } as const;
      const atMs = slotStartMs - (6 + random(20)) * MINUTE_MS;
      const priceMicroPerKwh = RULES.feedInMicroPerKwh + random(170_001);
      if (random(5) > 0) happenings.push({ atMs, kind: 'order', home, part: { ...part, priceMicroPerKwh } });
      if (random(3) === 0) {
        happenings.push({
          atMs: atMs + 1000,
          kind: 'order',
          home,
          part: { ...part, priceMicroPerKwh, energyWh: 7, revision: 1 },
        });
      }
      if (random(4) === 0) {
        happenings.push({ atMs: atMs + 2000, kind: 'cancel', home, part: { slot, id, revision: 2 } });
      }
      const readAtMs = slotStartMs + (15 + random(3) * 9) * MINUTE_MS + random(1000);
      const importWh = random(900);
      if (random(6) > 0) {
        happenings.push({
          atMs: readAtMs,
          kind: 'reading',
          home,
          rotated: random(3) === 0,
          part: { slot, sequence: index, importWh, clockSynchronised: random(8) > 0 },
        });
      }
    }
  }
  for (let change = random(4); change > 0; change--) {
    const members = Array.from({ length: HOMES }, (_, home) => ({ home, rotated: random(3) === 0 })).filter(
      () => random(4) > 0,
    );
    happenings.push({
      atMs: startMs - 26 * MINUTE_MS + random(slots * 15 + 30) * MINUTE_MS,
      kind: 'members',
      members,
    });
  }
  happenings.sort((a, b) => a.atMs - b.atMs);
  return {
    happenings,
    slots,
    chainDownUntilMs: random(2) === 0 ? 0 : startMs + (20 + random(40)) * MINUTE_MS,
    debt: random(2) === 0,
  };
}

/** mulberry32: the same numbers for the same seed, everywhere. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
