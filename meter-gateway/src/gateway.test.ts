import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  canonicalJson,
  sha256Hex,
  signatureHolds,
  signerFromSeed,
  type MeterReading,
  type Signed,
} from '@commonwatt/domain';
import { afterEach, expect, test } from 'vitest';
import { fastClock } from '../test/clock.ts';
import { fakeSdm630, temporaryFolder } from '../test/homes.ts';
import { startGateway, type Gateway, type GatewayOptions } from './gateway.ts';

const START = Date.parse('2026-06-01T12:00:00Z');
const signer = signerFromSeed(createHash('sha256').update('gateway').digest());
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function options(over: Partial<GatewayOptions> & Pick<GatewayOptions, 'devices' | 'clock'>): GatewayOptions {
  const folder = temporaryFolder();
  cleanups.push(folder.remove);
  return {
    community: 'commonwatt-test',
    participant: 'home-01',
    gateway: 'gw-home-01',
    slotMinutes: 15,
    signer,
    statePath: join(folder.path, 'gateway.sqlite'),
    pollIntervalMs: 60_000,
    deliver: async () => 'accepted',
    limits: { importFuseW: 17_000, socReservePermille: 100 },
    log: () => {},
    ...over,
  };
}

async function until(what: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function started(gatewayOptions: GatewayOptions): Promise<Gateway> {
  const gateway = await startGateway(gatewayOptions);
  cleanups.push(() => gateway.stop());
  return gateway;
}

test('a meter becomes signed readings, chained, without a gap, that telescope', async () => {
  const clock = fastClock(START - 30_000, 900);
  const meter = await fakeSdm630(clock);
  cleanups.push(() => meter.close());
  const received: Signed<MeterReading>[] = [];
  const devices = [
    {
      id: 'meter',
      role: 'grid-meter',
      protocol: 'modbus-tcp',
      host: '127.0.0.1',
      port: meter.fake.port,
      unitId: 1,
      profile: 'sdm630',
    },
  ] as const;
  const gateway = await started(
    options({
      clock,
      devices,
      deliver: async (reading) => {
        received.push(reading);
        return 'accepted';
      },
    }),
  );
  await until(() => received.length >= 4);
  let previousHash = '0'.repeat(64);
  for (const [index, reading] of received.entries()) {
    expect(signatureHolds(reading)).toBe(true);
    expect(reading.payload).toMatchObject({
      sequence: index,
      previousHash,
      epoch: 0,
      exportWh: 0,
      pvWh: null,
    });
    previousHash = sha256Hex(canonicalJson(reading));
  }
  // 1 kW for a quarter of an hour, as good as 8 Wh steps and the clock allow.
  const whole = received.slice(1).map(({ payload }) => payload);
  for (const { importWh, flags } of whole) {
    expect(importWh).toBeGreaterThan(225);
    expect(importWh).toBeLessThan(275);
    expect(flags).toEqual([]);
  }
  const growth = whole.reduce((sum, { importWh }) => sum + importWh, 0);
  const first = received[0]?.payload.importCounterWh ?? 0;
  expect(whole.at(-1)?.importCounterWh).toBe(first + growth);
  expect(gateway.latest()).toMatchObject({ gridW: 1000, flags: [] });
  expect(gateway.statistics()).toMatchObject({ protocol: 'modbus', pollErrors: 0, pending: 0 });
  expect(gateway.battery()).toBeNull();
});
