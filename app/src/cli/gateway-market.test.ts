import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signerFromSeed, slotAfter, slotHolding } from '@commonwatt/domain';
import { buildMarketServer, openMarket } from '@commonwatt/market-engine';
import { openKey, runFromConfig, scanHost } from '@commonwatt/meter-gateway';
import { expect, onTestFinished, test } from 'vitest';
import { planSynthetic, startPark } from '../neighbourhood/index.ts';
import { createSimulatedClock } from '../run/clock.ts';
import { formCommunity } from '../run/community.ts';
import { listen } from '../run/listen.ts';
import { deliveryTo } from './gateway-delivery.ts';

/** Slots of a quarter of an hour in a second and a half. */
const SPEED = 600;

test('from cable to signed reading: a scanned meter, a registered key, and a market that takes its readings over HTTP', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'cable-'));
  const spec = planSynthetic({ homes: 1, seed: 1 });
  const atMs = spec.startMs + 11 * 3_600_000;
  const park = await startPark({ spec, dir: join(dir, 'park'), atMs, log: () => {} });
  onTestFinished(async () => {
    await park.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const meter = park.homes[0]?.devices.find(({ role }) => role === 'grid-meter');
  if (meter?.protocol !== 'modbus-tcp') throw new Error('the first home has a Modbus meter');
  const { yaml } = await scanHost('127.0.0.1', { ports: [meter.port], opcuaPorts: [], unitIds: [1] });

  // What the household registers: the key that the gateway made itself.
  const key = openKey(join(dir, 'gateway-state', 'gateway.key'));
  const community = formCommunity({
    community: 'commonwatt',
    homes: ['home-01'],
    feeder: null,
    slotMinutes: 15,
    signer: (role) =>
      role === 'gateway:gw-home-01' ? key : signerFromSeed(createHash('sha256').update(role).digest()),
  });
  const clock = createSimulatedClock({
    startMs: atMs,
    speed: SPEED,
    advance: (toMs) => park.advance(toMs),
    onError: () => {},
  });
  const firstSlot = slotAfter(slotHolding(atMs, 15), 15);
  const market = await openMarket({
    rules: community.rules,
    participants: community.participants,
    gateways: community.gateways,
    journalPath: join(dir, 'market.sqlite'),
    clock,
    firstSlot,
    settlement: { settle: () => new Promise(() => {}) },
    estimate: { estimate: () => ({ importWh: 0, exportWh: 0, basis: 'none' }) },
    log: () => {},
  });
  const server = await buildMarketServer(market, { port: 0 });
  const address = await listen(server, 0, false);
  onTestFinished(async () => {
    await server.close();
    await market.stop();
  });

  const file = join(dir, 'gateway.yaml');
  writeFileSync(file, yaml.replace('http://127.0.0.1:8080', address));
  const lines: string[] = [];
  const gateway = await runFromConfig(file, {
    deliverTo: (to) => deliveryTo(to, (line) => lines.push(line)),
    clock,
    log: () => {},
  });
  onTestFinished(async () => {
    await clock.stop();
    await gateway.stop();
  });
  clock.start();
  const taken = (): string[] => lines.filter((line) => line.endsWith('with the market'));
  for (let looks = 0; taken().length < 3 && looks < 400; looks += 1) await sleep(50);

  expect(taken().length).toBeGreaterThanOrEqual(3);
  // The slot that was running at the start is none of the market's: it says so, and the rest goes on.
  expect(lines[0]).toMatch(/^reading 0 of gw-home-01 for \S+ is refused, [a-z-]+: .{10}/);
  expect(taken()[0]).toMatch(new RegExp(`^${firstSlot}: drew `));
}, 60_000);
