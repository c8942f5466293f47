import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { signerFromSeed } from '@commonwatt/domain';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/homes.ts';
import type { DeviceSample } from '../quantity.ts';
import { Poller } from '../poller.ts';
import { openStore, type Store } from '../store/store.ts';
import { Slots } from './slots.ts';

const SLOT_MS = 900_000;
const MINUTE_MS = 60_000;
const signer = signerFromSeed(createHash('sha256').update('slots').digest());

/** A meter of 1 kW without any I/O, its slots, and a disk that can be full. */
function bench(startMs = 0) {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const real = openStore(join(folder.path, 'g.sqlite'), {
    community: 'c',
    gateway: 'g',
    key: signer.publicKey,
  });
  onTestFinished(() => real.close());
  const world = { nowMs: startMs, importWh: 5000, full: false, serial: 'A', skewMs: null as number | null };
  const store: Store = {
    ...real,
    append: (readings, memory) => {
      if (world.full) throw new Error('database or disk is full');
      real.append(readings, memory);
    },
  };
  const poller = new Poller({
    device: {
      id: 'meter',
      protocol: 'modbus',
      resolutionWh: 1,
      read: async (): Promise<DeviceSample> => ({
        values: { powerW: 1000, importWh: Math.floor(world.importWh), exportWh: 7 },
        nonsense: [],
        serial: world.serial,
      }),
      clock: async () => (world.skewMs === null ? undefined : world.nowMs + world.skewMs),
      close: async () => {},
    },
    role: 'grid-meter',
    nowMs: () => world.nowMs,
    limits: { ratedW: 25_000, skewMs: 120_000, resolutionWh: 1, confirmations: 3 },
    slotMs: SLOT_MS,
    memory: undefined,
    log: () => {},
  });
  const slots = new Slots(
    {
      community: 'c',
      participant: 'p',
      gateway: 'g',
      slotMs: SLOT_MS,
      signer,
      store,
      pollers: [poller],
      startedMs: startMs,
      graceMs: 5 * MINUTE_MS,
      gapMaxMs: 5 * MINUTE_MS,
      firstMs: 2 * MINUTE_MS,
      nowMs: () => world.nowMs,
      clockSynchronised: () => true,
    },
    undefined,
  );
  const minutes = async (count: number): Promise<void> => {
    for (let minute = 0; minute < count; minute += 1) {
      await poller.poll();
      try {
        slots.closeDue();
      } catch {
        // As the gateway does: tried again at the next poll.
      }
      world.nowMs += MINUTE_MS;
      world.importWh += 1000 / 60;
    }
  };
  return { world, store: real, slots, minutes };
}

test('a full disk: no reading is lost, doubled or changed; they come when there is room', async () => {
  const { world, store, minutes } = bench();
  await minutes(20);
  world.full = true;
  await minutes(60);
  expect(store.pendingCount()).toBe(1);
  world.full = false;
  await minutes(2);
  const readings = store.readings(0, 100).map(({ payload }) => payload);
  expect(readings.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4]);
  for (const { importWh, flags } of readings) {
    expect([249, 250, 251]).toContain(importWh);
    expect(flags).toEqual([]);
  }
  expect(readings.at(-1)?.importCounterWh).toBe(
    5000 + readings.reduce((sum, { importWh }) => sum + importWh, 0),
  );
});

test('a full disk: what marked the slot meanwhile is not forgotten', async () => {
  const { world, store, minutes } = bench();
  await minutes(20);
  const goodWh = world.importWh;
  world.importWh = 0;
  await minutes(1);
  world.importWh = goodWh + 1000 / 60;
  world.full = true;
  await minutes(20);
  world.full = false;
  await minutes(2);
  const readings = store.readings(0, 10).map(({ payload }) => payload);
  expect(readings.map(({ flags }) => flags)).toEqual([[], ['nonsense']]);
});

test('a first sample in the middle of a slot: the reading is partial and counts from there', async () => {
  const { store, minutes } = bench(7 * MINUTE_MS);
  await minutes(30);
  const [first, second] = store.readings(0, 2).map(({ payload }) => payload);
  expect(first).toMatchObject({ slot: '1970-01-01T00:00:00Z', flags: ['partial'] });
  expect(first?.importWh).toBeGreaterThan(130);
  expect(first?.importWh).toBeLessThan(136);
  expect(second?.flags).toEqual([]);
});

test('a replaced meter starts an epoch by its serial number, even when its counter is higher', async () => {
  const { world, store, minutes } = bench();
  await minutes(20);
  world.serial = 'B';
  world.importWh += 60;
  await minutes(30);
  const readings = store.readings(0, 10).map(({ payload }) => payload);
  expect(readings.map(({ epoch }) => epoch)).toEqual([0, 1, 1]);
  expect(readings[1]?.flags).toEqual(['replaced']);
});

test('the meter\u2019s own clock is in the reading; one that is off by more than a minute marks it', async () => {
  const { world, store, minutes } = bench();
  await minutes(16);
  world.skewMs = 2500;
  await minutes(15);
  world.skewMs = -75_000;
  await minutes(15);
  const readings = store.readings(0, 10).map(({ payload }) => payload);
  const offMs = readings.map(({ deviceTimeMs, gatewayTimeMs }) =>
    deviceTimeMs === null ? null : deviceTimeMs - gatewayTimeMs,
  );
  expect(offMs).toEqual([null, 2500, -75_000]);
  expect(readings.map(({ flags }) => flags)).toEqual([[], [], ['clock']]);
  // It is the gateway's own clock that the market goes by.
  expect(readings.every(({ clockSynchronised }) => clockSynchronised)).toBe(true);
});
