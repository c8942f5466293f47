import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { signerFromSeed, type MeterReading, type QualityFlag, type Signed } from '@commonwatt/domain';
import { expect, type TestContext } from 'vitest';
import type { DeviceConfig } from '../src/config.ts';
import type { Gateway, GatewayOptions } from '../src/contract.ts';
import { startGateway } from '../src/gateway.ts';
import { steppedClock, type SteppedClock } from './clock.ts';
import { fakeModbus, type FakeModbus } from './fake-modbus.ts';
import { fakeBattery, type FakeBattery } from './fake-sunspec.ts';
import { fakeSdm630, temporaryFolder, type FakeMeter } from './homes.ts';

export const START = Date.parse('2026-06-01T12:00:00Z');
export const signer = signerFromSeed(createHash('sha256').update('gateway').digest());
/** A home on fake devices; everything is closed when the test ends. */
export interface TestHome {
  readonly clock: SteppedClock;
  readonly meter: FakeMeter;
  readonly bank: FakeModbus;
  readonly battery: FakeBattery;
  readonly received: MeterReading[];
  readonly lines: string[];
  readonly options: GatewayOptions;
}

/** The running test; tests that run side by side each close their own things. */
export type Running = Pick<TestContext, 'onTestFinished'>;

/** A home with an SDM630 and a SunSpec battery, and the options of its gateway. */
export async function testHome(running: Running, over: Partial<GatewayOptions> = {}): Promise<TestHome> {
  const clock = steppedClock(START);
  const meter = await fakeSdm630(clock);
  running.onTestFinished(() => meter.close());
  const bank = await fakeModbus();
  running.onTestFinished(() => bank.close());
  const battery = fakeBattery(bank);
  const folder = temporaryFolder();
  running.onTestFinished(folder.remove);
  const received: MeterReading[] = [];
  const lines: string[] = [];
  const at = (id: string, role: DeviceConfig['role'], port: number, profile: string): DeviceConfig => ({
    id,
    role,
    protocol: 'modbus-tcp',
    host: '127.0.0.1',
    port,
    unitId: 1,
    profile,
  });
  const options: GatewayOptions = {
    community: 'commonwatt-test',
    participant: 'home-01',
    gateway: 'gw-home-01',
    slotMinutes: 15,
    signer,
    clock,
    devices: [
      at('meter', 'grid-meter', meter.fake.port, 'sdm630'),
      at('battery', 'battery', bank.port, 'sunspec'),
    ],
    statePath: join(folder.path, 'gateway.sqlite'),
    pollIntervalMs: 60_000,
    deliver: async (reading: Signed<MeterReading>) => {
      received.push(reading.payload);
      return 'accepted';
    },
    limits: { importFuseW: 17_000, socReservePermille: 100 },
    log: (line) => lines.push(line),
    tuning: {
      connections: { modbus: { timeoutMs: 600, backoffFirstMs: 2, backoffMaxMs: 20 } },
      deliveryBackoffMs: [5, 50],
    },
    ...over,
  };
  return { clock, meter, bank, battery, received, lines, options };
}

/** Starts a gateway that is stopped when the test ends. */
export async function started(running: Running, options: GatewayOptions): Promise<Gateway> {
  const gateway = await startGateway(options);
  running.onTestFinished(() => gateway.stop());
  return gateway;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits, in real time, until it is so. */
export async function until(what: () => boolean, name: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) throw new Error(`it did not happen in time: ${name}`);
    await sleep(2);
  }
}

/** Lets simulated time pass, from poll to poll as fast as the gateway looks at its devices, until it is so. */
export async function run(
  clock: SteppedClock,
  gateway: Gateway,
  what: () => boolean,
  name: string,
  hoursMax = 24,
): Promise<void> {
  const endMs = clock.nowMs() + hoursMax * 3_600_000;
  await until(() => gateway.latest() !== null, 'the first look');
  let looked = (): void => {};
  const unsubscribe = gateway.subscribe(() => looked());
  while (!what()) {
    if (clock.nowMs() > endMs) throw new Error(`it did not happen in ${hoursMax} h: ${name}`);
    const look = new Promise<void>((resolve) => {
      looked = resolve;
    });
    clock.moveTo(Math.min(clock.next() ?? Infinity, clock.nowMs() + 60_000));
    // A look that takes this long waits for a device that hangs; time goes on all the same.
    await Promise.race([look, sleep(250)]);
    await sleep(1);
  }
  unsubscribe();
}

/** All flags of these readings, each once. */
export const flagsOf = (readings: readonly MeterReading[]): QualityFlag[] => [
  ...new Set(readings.flatMap(({ flags }) => flags)),
];

/** Nothing lost, nothing doubled: sequences without gap, and the slots' growth is the counters' growth. */
export function expectWhole(readings: readonly MeterReading[]): void {
  expect(readings.map(({ sequence }) => sequence)).toEqual(readings.map((_, index) => index));
  for (const [index, reading] of readings.entries()) {
    const before = readings[index - 1];
    if (!before) continue;
    expect(Date.parse(reading.slot) - Date.parse(before.slot)).toBe(900_000);
    if (before.epoch !== reading.epoch) continue;
    expect(reading.importCounterWh - before.importCounterWh).toBe(reading.importWh);
    expect(reading.exportCounterWh - before.exportCounterWh).toBe(reading.exportWh);
  }
}
