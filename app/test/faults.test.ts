import { signerFromSeed, type MeterReading, type Signed } from '@commonwatt/domain';
import { startGateway, type Gateway } from '@commonwatt/meter-gateway';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planSynthetic, startPark, type Park } from '../src/neighbourhood/index.ts';
import { createSimulatedClock, type SimulatedClock } from '../src/run/clock.ts';
import { temporaryFolder } from './command.ts';

const SLOT_MS = 900_000;

/** Faults of simulated devices, read over the real protocols by the real gateway. */
describe('a device fails', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  let park: Park;
  let clock: SimulatedClock;
  const gateways: Gateway[] = [];
  const delivered: MeterReading[] = [];

  beforeAll(async () => {
    const spec = planSynthetic({ homes: 3, seed: 5 });
    park = await startPark({
      spec,
      dir: join(folder.path, 'devices'),
      atMs: spec.startMs + 10 * 3_600_000,
      log: () => {},
    });
    clock = createSimulatedClock({
      startMs: park.atMs,
      speed: 200,
      advance: (toMs) => park.advance(toMs),
      onError: (error) => {
        throw error;
      },
    });
    for (const home of park.homes) {
      gateways.push(
        await startGateway({
          community: 'c1',
          participant: home.id,
          gateway: `gw-${home.id}`,
          slotMinutes: 15,
          devices: home.devices,
          signer: signerFromSeed(new Uint8Array(32).fill(9)),
          statePath: join(folder.path, `${home.id}.sqlite`),
          pkiFolder: join(folder.path, 'pki'),
          clock,
          pollIntervalMs: 40_000,
          deliver: async (reading: Signed<MeterReading>) => {
            delivered.push(reading.payload);
            return 'accepted';
          },
          limits: { importFuseW: 20_000, socReservePermille: 100 },
          log: () => {},
        }),
      );
    }
    clock.start();
  }, 120_000);
  afterAll(async () => {
    await clock.stop();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await park.stop();
    folder.remove();
  });

  it.each(['hang', 'nonsense', 'reset-counter'] as const)(
    '%s: its home is marked, no energy is invented, and the other homes go on',
    async (kind) => {
      const [home] = park.homes;
      const id = home?.id ?? '';
      const fromMs = Math.ceil(clock.nowMs() / SLOT_MS) * SLOT_MS;
      await clock.waitUntil(fromMs + 60_000);
      await park.fault(id, 'grid-meter', { kind });
      await clock.waitUntil(fromMs + 2 * SLOT_MS);
      await park.fault(id, 'grid-meter', { kind: 'none' });
      await clock.waitUntil(fromMs + 5 * SLOT_MS);
      const ofHome = delivered.filter(
        (reading) => reading.participant === id && reading.gatewayTimeMs > fromMs,
      );
      expect(ofHome.some((reading) => reading.flags.length > 0)).toBe(true);
      for (const reading of ofHome) {
        expect(reading.importWh).toBeGreaterThanOrEqual(0);
        expect(reading.importWh + reading.exportWh).toBeLessThan(20_000);
      }
      for (const other of park.homes.slice(1)) {
        const readings = delivered.filter(
          (reading) => reading.participant === other.id && reading.gatewayTimeMs > fromMs + SLOT_MS,
        );
        expect(readings.length).toBeGreaterThanOrEqual(3);
        expect(readings.every((reading) => !reading.flags.includes('nonsense'))).toBe(true);
      }
    },
  );
});
