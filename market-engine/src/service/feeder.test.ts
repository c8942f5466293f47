import { signerFromSeed, type Participant } from '@commonwatt/domain';
import { afterEach, describe, expect, it } from 'vitest';
import { rebuildRecords } from '../statement/rebuild-records.ts';
import { openMarket } from './market.ts';
import type { Market } from './ports.ts';
import {
  COMMUNITY,
  makeStage,
  order,
  reading,
  RULES,
  settled,
  SLOT,
  type Home,
  type Stage,
} from './test-kit.ts';

const END_MS = Date.parse(SLOT) + 15 * 60_000;
const DEADLINE_MS = END_MS + RULES.meteringDeadlineMs;
const FEEDER = makeFeeder('feeder-1', 77);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function makeFeeder(id: string, seed: number): Home {
  const signer = signerFromSeed(new Uint8Array(32).fill(seed));
  const gatewaySigner = signerFromSeed(new Uint8Array(32).fill(seed + 1));
  const participant: Participant = { id, accountKey: signer.publicKey, role: 'feeder' };
  const gateway = `gw-${id}`;
  const registration = signer.sign({
    type: 'gateway' as const,
    community: COMMUNITY,
    participant: id,
    gateway,
    gatewayKey: gatewaySigner.publicKey,
  });
  return { participant, signer, gateway, gatewaySigner, registration };
}

function stageWith(...feeders: readonly Home[]): Stage {
  const stage = makeStage({ lastSlot: SLOT }, 2);
  cleanups.push(() => stage.remove());
  const { participants, gateways } = stage.options;
  return {
    ...stage,
    options: {
      ...stage.options,
      participants: [...participants, ...feeders.map(({ participant }) => participant)],
      gateways: [...gateways, ...feeders.map(({ registration }) => registration)],
    },
  };
}

async function open(): Promise<Stage & { market: Market }> {
  const stage = stageWith(FEEDER);
  const market = await openMarket(stage.options);
  cleanups.push(() => market.stop());
  return { ...stage, market };
}

describe('a community with a feeder meter', () => {
  it("waits for the feeder's reading, publishes it and the check, and settles nothing on it", async () => {
    const { market, clock, homes } = await open();
    await clock.goTo(END_MS);
    for (const home of homes) await market.submitReading(reading(home));
    expect(market.slot(SLOT)?.state).toBe('metering');
    // More than any home can draw.
    await market.submitReading(reading(FEEDER, { importWh: 400_000, importCounterWh: 400_000 }));
    await settled();
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 2, estimates: 0 });
    const records = market.records(SLOT)!;
    expect(records.at(-1)).toMatchObject({
      type: 'feeder',
      check: { feeder: 'feeder-1', importWh: 400_000, homesImportWh: 1000, verdict: 'loss' },
    });
    expect(rebuildRecords(records)).toEqual({ records, problems: [] });
    const statement = market.statement(SLOT)!;
    expect(statement.positions.map(({ participant }) => participant)).toEqual(['home-01', 'home-02']);
    expect(statement.lines.some(({ participant }) => participant === 'feeder-1')).toBe(false);
  });

  it('goes on at the deadline without it; what comes then is noted, and the check stays unknown', async () => {
    const { market, clock, homes } = await open();
    await clock.goTo(END_MS);
    for (const home of homes) await market.submitReading(reading(home));
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 2, estimates: 0 });
    const records = market.records(SLOT)!;
    expect(records.at(-1)).toMatchObject({
      check: { importWh: null, differenceWh: null, verdict: 'unknown' },
    });
    expect(rebuildRecords(records).problems).toEqual([]);
    expect(await market.submitReading(reading(FEEDER))).toMatchObject({ use: 'noted' });
    expect(market.records(SLOT)).toEqual(records);
  });

  it('refuses orders of the feeder', async () => {
    const { market } = await open();
    await expect(market.submitOrder(order(FEEDER))).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('feeder-1 is the feeder') as string,
    });
  });

  it('is opened with one feeder at most', async () => {
    const { options } = stageWith(FEEDER, makeFeeder('feeder-2', 80));
    await expect(openMarket(options)).rejects.toMatchObject({
      code: 'conflict',
      place: { record: 'feeder-2' },
    });
  });
});
