import { afterEach, describe, expect, it } from 'vitest';
import { slotAfter, type BundleRecord, type CommonwattError } from '@commonwatt/domain';
import { rebuildRecords } from '../statement/rebuild-records.ts';
import { trueUpOriginProblem } from '../statement/true-up-origin.ts';
import { openMarket } from './open-market.ts';
import type { Market, Membership } from './ports.ts';
import {
  RULES,
  SLOT,
  makeStage,
  order,
  others,
  reading,
  rotated,
  settled,
  type Home,
  type Stage,
} from './test-kit.ts';

const NEXT = slotAfter(SLOT, 15);
const GATE_MS = Date.parse(SLOT) - RULES.gateClosureMs;
const END_MS = Date.parse(SLOT) + 15 * 60_000;
const DEADLINE_MS = END_MS + RULES.meteringDeadlineMs;
const BLOCK = { blockNumber: 7, blockHash: `0x${'7'.repeat(64)}` };

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A market of four homes, of which the first three take part at first. */
async function open(): Promise<Stage & { market: Market; homes: [Home, Home, Home, Home] }> {
  const stage = makeStage({}, 4);
  const homes = stage.homes as [Home, Home, Home, Home];
  const market = await openMarket({ ...stage.options, ...members(homes.slice(0, 3)) });
  cleanups.push(() => stage.remove());
  cleanups.push(() => market.stop());
  return { ...stage, market, homes };
}

function members(homes: readonly Home[]): Membership {
  return {
    participants: [...homes.map(({ participant }) => participant), ...others()],
    gateways: homes.map(({ registration }) => registration),
  };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => 'taken',
    (error: unknown) => (error as CommonwattError).code,
  );
}

function namesOf(records: readonly BundleRecord[] | null): string[] {
  return (records ?? []).flatMap((record) =>
    record.type === 'participant' &&
    record.participant.role !== 'supplier' &&
    record.participant.role !== 'fund'
      ? [`${record.participant.id} ${record.participant.role}`]
      : [],
  );
}

describe('members that change', () => {
  it('hold from the first slot whose gate has not closed', async () => {
    const { market, clock, homes } = await open();
    await clock.goTo(GATE_MS);
    expect(market.updateMembers({ ...members(homes), asOf: BLOCK })).toEqual({
      changed: true,
      fromSlot: NEXT,
      refused: [],
    });
    expect(market.updateMembers({ ...members(homes), asOf: { ...BLOCK, blockNumber: 8 } }).changed).toBe(
      false,
    );
    expect(market.members()).toMatchObject({ fromSlot: NEXT, asOf: BLOCK });
    const newcomer = homes[3];
    expect(await codeOf(market.submitOrder(order(newcomer, { slot: NEXT })))).toBe('taken');
    await clock.goTo(END_MS + 15 * 60_000);
    expect(await codeOf(market.submitReading(reading(newcomer)))).toBe('unknown-gateway');
    expect(await codeOf(market.submitReading(reading(newcomer, { slot: NEXT })))).toBe('taken');
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    expect(namesOf(market.records(SLOT))).toEqual([
      'home-01 household',
      'home-02 household',
      'home-03 household',
    ]);
    expect(namesOf(market.records(NEXT))).toHaveLength(4);
    expect(market.records(SLOT)?.[1]?.type).toBe('participant');
    expect(market.records(NEXT)?.[1]).toEqual({ type: 'registry', registry: BLOCK });
    for (const slot of [SLOT, NEXT]) expect(rebuildRecords(market.records(slot)!).problems).toEqual([]);
  });

  it('take the orders of a leaver out of the books that are still open', async () => {
    const { market, clock, homes } = await open();
    await market.submitOrder(order(homes[0], { side: 'offer', priceMicroPerKwh: 100_000 }));
    await market.submitOrder(order(homes[1]));
    await market.submitOrder(order(homes[2]));
    market.updateMembers(members([homes[0], homes[2]]));
    expect(await codeOf(market.submitOrder(order(homes[1], { revision: 1 })))).toBe('unknown-participant');
    await clock.goTo(GATE_MS);
    expect(market.bookOf(SLOT)?.orders.map(({ participant }) => participant)).toEqual(['home-01', 'home-03']);
    await clock.goTo(DEADLINE_MS);
    expect(rebuildRecords(market.records(SLOT)!).problems).toEqual([]);
    expect(market.statement(SLOT)?.positions.map(({ participant }) => participant)).toEqual([
      'home-01',
      'home-03',
    ]);
  });

  it('count an order only while the key that signed it is the agent key', async () => {
    const { market, clock, homes } = await open();
    const [home, other] = homes;
    await market.submitOrder(order(home));
    const agent = { ...home.participant, agentKey: homes[3].signer.publicKey };
    const registration = homes[3].signer.sign(home.registration.payload);
    const now = { ...home, participant: agent, registration, signer: homes[3].signer };
    market.updateMembers(members([now, other]));
    expect(await codeOf(market.submitOrder(order(home, { slot: NEXT })))).toBe('bad-signature');
    expect(await codeOf(market.submitOrder(order(now, { slot: NEXT })))).toBe('taken');
    expect(market.participantOfKey(homes[3].signer.publicKey)).toEqual(agent);
    await clock.goTo(GATE_MS);
    expect(market.bookOf(SLOT)?.orders).toEqual([]);
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    expect(rebuildRecords(market.records(NEXT)!).problems).toEqual([]);
  });

  it('let a rotated key read only the slots whose gates closed after it', async () => {
    const { market, clock, homes } = await open();
    const [home] = homes;
    await clock.goTo(GATE_MS);
    const renewed = rotated(home);
    market.updateMembers(members([renewed, homes[1], homes[2]]));
    await clock.goTo(END_MS + 15 * 60_000);
    expect(await codeOf(market.submitReading(reading(renewed)))).toBe('bad-signature');
    expect(await codeOf(market.submitReading(reading(home)))).toBe('taken');
    expect(await codeOf(market.submitReading(reading(home, { slot: NEXT, sequence: 1 })))).toBe(
      'bad-signature',
    );
    expect(await codeOf(market.submitReading(reading(renewed, { slot: NEXT, sequence: 1 })))).toBe('taken');
  });

  it('leave the late reading, the debt and the claim of who has left to be settled', async () => {
    const { market, clock, homes, settlement } = await open();
    const [leaver, , third] = homes;
    settlement.unpaid = [{ participant: 'home-01', amountMicro: '500', why: 'balance too small' }];
    settlement.cuts = [{ participant: 'home-03', amountMicro: '200' }];
    await clock.goTo(GATE_MS);
    // The leaver's gateway had its key rotated as well: the old key is good for the old slot alone.
    market.updateMembers(members([rotated(third), homes[1]]));
    await clock.goTo(DEADLINE_MS);
    await settled();
    settlement.unpaid = [];
    expect(market.debts()).toMatchObject([{ participant: 'home-01' }]);
    expect(await codeOf(market.submitReading(reading(leaver, { importWh: 777 })))).toBe('taken');
    expect(await codeOf(market.submitReading(reading(third, { importWh: 888 })))).toBe('taken');
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    const records = market.records(NEXT)!;
    expect(namesOf(records)).toEqual(['home-01 former', 'home-02 household', 'home-03 household']);
    const trueUps = records.flatMap((record) => (record.type === 'true-up' ? [record.trueUp] : []));
    expect(trueUps.map(({ registration }) => registration?.payload.gatewayKey)).toEqual([
      leaver.gatewaySigner.publicKey,
      third.gatewaySigner.publicKey,
    ]);
    for (const trueUp of trueUps) expect(trueUpOriginProblem(trueUp, market.records(SLOT)!)).toBeUndefined();
    expect(rebuildRecords(records).problems).toEqual([]);
    expect(
      market.statement(NEXT)?.lines.map(({ participant, reason }) => `${participant} ${reason}`),
    ).toEqual(expect.arrayContaining(['home-01 true-up', 'home-01 debt', 'home-03 claim']));
  });

  it('never give an id to another account', async () => {
    const { market, homes, logged } = await open();
    const [, , , other] = homes;
    const registration = other.signer.sign({ ...other.registration.payload, participant: 'home-02' });
    const thief = { ...other, participant: { ...other.participant, id: 'home-02' }, registration };
    const answer = market.updateMembers(members([homes[0], thief]));
    expect(answer.refused).toEqual([
      { participant: 'home-02', why: expect.stringContaining('another account') },
    ]);
    expect(market.participants.map(({ id }) => id)).toEqual(['home-01', 'supplier', 'community-fund']);
    expect(logged.join()).toContain('home-02 is refused');
  });

  it('are refused whole when they contradict themselves, and nothing changes', async () => {
    const { market, homes } = await open();
    const forged = { ...homes[3], registration: homes[2].registration };
    const before = market.members();
    expect(() => market.updateMembers(members([...homes.slice(0, 3), forged]))).toThrow(/registered twice/);
    expect(market.members()).toEqual(before);
  });

  it('that changed while the market was down hold for the gates that are still open', async () => {
    const { market, clock, homes, options } = await open();
    await market.submitOrder(order(homes[0], { slot: NEXT }));
    await market.stop();
    await clock.goTo(GATE_MS);
    const again = await openMarket({ ...options, ...members(homes.slice(1)) });
    cleanups.push(() => again.stop());
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    expect(namesOf(again.records(SLOT))).toEqual([
      'home-01 household',
      'home-02 household',
      'home-03 household',
    ]);
    expect(namesOf(again.records(NEXT))).toEqual([
      'home-02 household',
      'home-03 household',
      'home-04 household',
    ]);
    expect(again.bookOf(NEXT)?.orders).toEqual([]);
  });
});
