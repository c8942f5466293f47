import { CommonwattError, signerFromSeed } from '@commonwatt/domain';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMarketClient, type MarketClient } from '../client/client.ts';
import { openMarket } from '../service/open-market.ts';
import type { Market } from '../service/ports.ts';
import {
  COMMUNITY,
  makeFeeder,
  makeStage,
  order,
  reading,
  RULES,
  settled,
  SLOT,
  withFeeders,
  type Stage,
} from '../service/test-kit.ts';
import { buildMarketServer } from './server.ts';

const END_MS = Date.parse(SLOT) + 15 * 60_000;
const DEADLINE_MS = END_MS + RULES.meteringDeadlineMs;
const FEEDER = makeFeeder();
const OPERATOR = signerFromSeed(new Uint8Array(32).fill(5));

let stage: Stage;
let market: Market;
let server: FastifyInstance;
let base: string;
let client: MarketClient;

beforeEach(async () => {
  stage = makeStage({ lastSlot: SLOT }, 2);
  market = await openMarket(withFeeders(stage.options, FEEDER));
  server = await buildMarketServer(market, { port: 0, operatorKey: OPERATOR.publicKey });
  base = await server.listen({ host: '127.0.0.1', port: 0 });
  client = createMarketClient({ baseUrl: base });
});
afterEach(async () => {
  await server.close();
  await market.stop();
  stage.remove();
});

async function follow(): Promise<{ text: () => string; stop: () => void }> {
  const controller = new AbortController();
  const response = await fetch(`${base}/v1/events`, { signal: controller.signal });
  let text = '';
  void (async () => {
    for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk);
  })().catch(() => {});
  return { text: () => text, stop: () => controller.abort() };
}

describe('a batch', () => {
  it('takes each reading by itself, in order, and says what became of it', async () => {
    await stage.clock.goTo(END_MS);
    const [one, two] = stage.homes;
    const results = await client.submitReadings([
      reading(one!),
      { ...reading(two!), signature: '0'.repeat(128) },
      reading(one!),
      reading(two!),
    ]);
    expect(results).toMatchObject([
      { taken: { gateway: 'gw-home-01', use: 'counted' } },
      { problem: { type: 'urn:commonwatt:problem:bad-signature', status: 401 } },
      { problem: { type: 'urn:commonwatt:problem:duplicate', status: 409 } },
      { taken: { gateway: 'gw-home-02' } },
    ]);
  });

  it('takes orders, and what is no batch is refused whole', async () => {
    const bid = order(stage.homes[0]!);
    expect(await client.submitOrders([bid, bid])).toMatchObject([
      { taken: { order: bid.payload.id } },
      { problem: { status: 409 } },
    ]);
    await expect(client.submitOrders(Array.from({ length: 101 }, () => bid))).rejects.toMatchObject({
      code: 'too-large',
      place: { field: 'orders' },
    });
    const body = JSON.stringify({ readings: 7 });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${base}/v1/readings/batch`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([400, { field: 'readings' }]);
  });
});

describe('the operator', () => {
  it('lets a stuck slot go on; nobody else does', async () => {
    stage.settlement.before = () => {
      throw new CommonwattError('conflict', 'the root is another one');
    };
    await stage.clock.goTo(DEADLINE_MS);
    expect((await client.slot(SLOT)).state).toBe('needsOperator');
    stage.settlement.before = () => {};
    const unsigned = await fetch(`${base}/v1/slots/${SLOT}/retry`, { method: 'POST' });
    expect([unsigned.status, await unsigned.json()]).toMatchObject([401, { field: 'authorization' }]);
    const household = client.retrySlot(stage.homes[0]!.signer, COMMUNITY, SLOT);
    await expect(household).rejects.toMatchObject({ code: 'forbidden' });
    const elsewhere = client.retrySlot(OPERATOR, 'another-community', SLOT);
    await expect(elsewhere).rejects.toMatchObject({ code: 'bad-signature' });
    await expect(client.retrySlot(OPERATOR, COMMUNITY, '2030-01-01T00:00:00Z')).rejects.toMatchObject({
      code: 'unknown-slot',
    });
    expect((await client.slot(SLOT)).state).toBe('needsOperator');
    expect((await client.retrySlot(OPERATOR, COMMUNITY, SLOT)).state).toBe('settling');
    await settled();
    expect((await client.slot(SLOT)).state).toBe('settled');
    await expect(client.retrySlot(OPERATOR, COMMUNITY, SLOT)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('the feeder and the positions', () => {
  it('can be read, followed and counted', async () => {
    const events = await follow();
    const [one, two] = stage.homes;
    await client.submitOrder(order(one!, { energyWh: 700, priceMicroPerKwh: 200_000 }));
    await client.submitOrder(order(two!, { side: 'offer', energyWh: 500, priceMicroPerKwh: 100_000 }));
    await stage.clock.goTo(END_MS);
    await client.submitReadings([reading(one!), reading(two!), reading(FEEDER, { importWh: 1500 })]);
    await expect.poll(events.text).toContain('event: feeder\n');
    events.stop();
    expect(events.text()).toContain(
      `event: position\ndata: ${JSON.stringify({
        slot: SLOT,
        positions: [
          { participant: 'home-01', boughtWh: 500, soldWh: 0 },
          { participant: 'home-02', boughtWh: 0, soldWh: 500 },
        ],
      })}\n`,
    );
    const page = await client.feeder({ limit: 1 });
    expect(page).toMatchObject({
      feeder: 'feeder-1',
      slots: 1,
      suspects: [],
      checks: [{ slot: SLOT, differenceWh: 500, verdict: 'loss' }],
      next: SLOT,
    });
    expect((await client.feeder({ limit: 1, before: SLOT })).checks).toEqual([]);
    expect(await client.slot(SLOT)).toMatchObject({ feederVerdict: 'loss', feederDifferenceWh: 500 });
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toMatch(/^commonwatt_feeder_difference_wh 500$/m);
    expect(metrics).toMatch(/^commonwatt_feeder_slots\{verdict="loss"\} 1$/m);
    expect(metrics).toMatch(/^commonwatt_feeder_suspects 0$/m);
  });
});
