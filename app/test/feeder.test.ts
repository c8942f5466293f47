import { slotAtOrAfter } from '../src/run/span.ts';
import {
  signerFromSeed,
  sha256Hex,
  type Clock,
  type SettlementReceipt,
  type SlotToSettle,
} from '@commonwatt/domain';
import {
  buildMarketServer,
  createMarketClient,
  openMarket,
  rebuildRecords,
  type Market,
} from '@commonwatt/market-engine';
import { startGateway } from '@commonwatt/meter-gateway';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planSynthetic, startPark } from '../src/neighbourhood/index.ts';
import { formCommunity, gatewayOf } from '../src/run/community.ts';
import { startFeederGateway } from '../src/run/feeder.ts';
import { deliverReading } from '../src/run/market-access.ts';
import { Waiters } from '../src/run/waiters.ts';
import { temporaryFolder } from './command.ts';

const SLOTS = 44;
const STEP_MS = 180_000;
/** No roof, no battery: a workshop, busy by day. */
const WRONG = 'home-08';

/** Real devices, real gateways, the real market over HTTP; nobody trades. One home's meter stands still. */
describe('a meter that stands still behind a real feeder meter', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const closing: (() => Promise<unknown>)[] = [];
  let market: Market;
  let address: string;

  beforeAll(async () => {
    const spec = planSynthetic({ homes: 8, seed: 3 });
    const startMs = spec.startMs + 6 * 3_600_000;
    const park = await startPark({ spec, dir: join(folder.path, 'devices'), atMs: startMs, log: () => {} });
    closing.push(() => park.stop());
    await park.fault(WRONG, 'grid-meter', { kind: 'wrong-meter', percent: 0 });
    const clock = new SteppedClock(park.atMs);
    const community = formCommunity({
      community: 'c1',
      homes: spec.homes.map(({ id }) => id),
      feeder: spec.feeder?.id ?? null,
      slotMinutes: 15,
      signer: (role) => signerFromSeed(Buffer.from(sha256Hex(role), 'hex')),
    });
    market = await openMarket({
      rules: community.rules,
      participants: community.participants,
      gateways: community.gateways,
      journalPath: join(folder.path, 'market.sqlite'),
      clock,
      firstSlot: slotAtOrAfter(park.atMs, 15),
      settlement: { settle: async (input) => receiptOf(input) },
      estimate: { estimate: () => ({ importWh: 0, exportWh: 0, basis: 'test' }) },
      log: () => {},
    });
    closing.push(() => market.stop());
    const server = await buildMarketServer(market, { port: 0 });
    address = await server.listen({ host: '127.0.0.1', port: 0 });
    closing.push(() => server.close());
    const client = createMarketClient({ baseUrl: address });
    const common = { community, market: client, clock, pollIntervalMs: STEP_MS, log: () => {} };
    if (park.feeder === null) throw new Error('the park has a feeder meter');
    const gateways = [
      await startFeederGateway({
        ...common,
        feeder: park.feeder,
        gatewayFile: join(folder.path, 'feeder.sqlite'),
      }),
    ];
    for (const home of park.homes) {
      gateways.push(
        await startGateway({
          community: 'c1',
          participant: home.id,
          gateway: gatewayOf(home.id),
          slotMinutes: 15,
          devices: home.devices,
          signer: community.gatewaySigner(home.id),
          statePath: join(folder.path, `${home.id}.sqlite`),
          pkiFolder: join(folder.path, 'pki'),
          clock,
          pollIntervalMs: common.pollIntervalMs,
          deliver: (reading, signal) => deliverReading(client, reading, signal),
          limits: { importFuseW: 20_000, socReservePermille: 100 },
          log: () => {},
        }),
      );
    }
    closing.push(() => Promise.all(gateways.map((gateway) => gateway.stop())));
    // Step by step: every gateway has read before time goes on, however busy the machine is.
    while (market.feederChecks().length < SLOTS) {
      const { atMs } = await park.advance(clock.nowMs() + STEP_MS);
      clock.goTo(atMs);
      const untilMs = performance.now() + 5000;
      const read = () => gateways.every((gateway) => (gateway.latest()?.atMs ?? 0) >= atMs);
      while (!read() && performance.now() < untilMs) await sleep(5);
      if (atMs > startMs + 2 * SLOTS * 900_000) throw new Error('the slots are not metered');
    }
  }, 200_000);
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
    folder.remove();
  });

  it('shows as energy that no meter accounts for, slot by slot, and everyone can check that', () => {
    const checks = market.feederChecks().toReversed();
    const known = checks.filter(({ verdict }) => verdict !== 'unknown');
    expect(known.length).toBeGreaterThan(SLOTS - 4);
    expect(known.filter(({ verdict }) => verdict === 'loss').length).toBeGreaterThan(10);
    for (const { slot } of checks) {
      const records = market.records(slot) ?? [];
      expect(rebuildRecords(records)).toEqual({ records, problems: [] });
    }
  });

  it('is named, and nobody else', async () => {
    const page = await createMarketClient({ baseUrl: address }).feeder({ limit: 5 });
    expect(page.checks).toHaveLength(5);
    expect(page.suspects).toMatchObject([{ participant: WRONG, fault: 'stuck' }]);
    expect(page.suspects[0]?.missingWh).toBeGreaterThan(2000);
  });
});

/** Time that goes on only when it is told to. */
class SteppedClock implements Clock {
  #nowMs: number;
  readonly #waiters = new Waiters();

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  waitUntil(atMs: number, signal?: AbortSignal): Promise<void> {
    return this.#waiters.until(atMs, this.#nowMs, signal);
  }

  goTo(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#waiters.wake(nowMs);
  }
}

function receiptOf({ slot, records }: SlotToSettle): SettlementReceipt {
  const root = sha256Hex(JSON.stringify(records));
  return {
    batchId: `b-${slot.replaceAll(/[-:]/g, '')}`,
    slots: [slot],
    blockNumber: 1,
    blockHash: root,
    extrinsicHash: root,
    root,
    feeNative: '0',
    record: {
      type: 'settlement',
      community: 'c1',
      batchId: `b-${slot}`,
      slots: [{ slot, root }],
      nets: [],
      unpaid: [],
      fundCoverMicro: '0',
      cuts: [],
      payments: [],
    },
  };
}
