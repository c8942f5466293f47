import { canonicalJson, sha256Hex, signatureHolds, type MeterReading, type Signed } from '@commonwatt/domain';
import { expect, test } from 'vitest';
import { expectWhole, run, started, testHome } from '../test/test-home.ts';

test('a meter and a battery become signed readings, chained, without a gap, that telescope', async (running) => {
  const signed: Signed<MeterReading>[] = [];
  const { clock, options } = await testHome(running, {
    deliver: async (reading) => {
      signed.push(reading);
      return 'accepted';
    },
  });
  const gateway = await started(running, options);
  await run(clock, gateway, () => signed.length >= 8, 'readings');
  let previousHash = '0'.repeat(64);
  for (const reading of signed) {
    expect(signatureHolds(reading)).toBe(true);
    expect(reading.payload).toMatchObject({
      type: 'reading',
      gateway: 'gw-home-01',
      participant: 'home-01',
      previousHash,
      epoch: 0,
      exportWh: 0,
      pvWh: null,
      batteryChargedWh: 0,
      batteryDischargedWh: 0,
      stateOfChargePermille: 500,
      flags: [],
      clockSynchronised: true,
    });
    // 1 kW for a quarter of an hour, as good as a float32 counter in kWh says it.
    expect(Math.abs(reading.payload.importWh - 250)).toBeLessThanOrEqual(8);
    previousHash = sha256Hex(canonicalJson(reading));
  }
  expectWhole(signed.map(({ payload }) => payload));
  expect(signed[0]?.payload).toMatchObject({
    slot: '2026-06-01T12:00:00Z',
    gatewayTimeMs: expect.any(Number),
  });
  expect(gateway.latest()).toMatchObject({ gridW: 1000, batteryW: 0, stateOfChargePermille: 500, flags: [] });
  expect(gateway.battery()).toEqual({
    capacityWh: 10_000,
    chargeMaxW: 5000,
    dischargeMaxW: 5000,
    stateOfChargePermille: 500,
  });
  expect(gateway.statistics()).toMatchObject({ protocol: 'modbus', pollErrors: 0, pending: 0, rejected: 0 });
});

test('a reading is there within a poll of its boundary', async (running) => {
  const delays: number[] = [];
  const home = await testHome(running);
  const gateway = await started(running, {
    ...home.options,
    deliver: async ({ payload }) => {
      delays.push(payload.gatewayTimeMs - Date.parse(payload.slot) - 900_000);
      return 'accepted';
    },
  });
  await run(home.clock, gateway, () => delays.length >= 3, 'readings');
  // The poll at the boundary itself closes the slot: no waiting for the next regular one.
  expect(delays).toEqual([0, 0, 0]);
});

test('the battery follows a setpoint, and the record holds every step', async (running) => {
  const { clock, battery, options } = await testHome(running);
  const gateway = await started(running, options);
  await run(clock, gateway, () => gateway.battery() !== null && gateway.latest() !== null, 'the battery');
  const record = await gateway.setBattery({ powerW: -2500, expiresAtMs: clock.nowMs() + 1_800_000 });
  expect(record).toMatchObject({ askedW: -2500, clampedW: -2500, writtenW: -2500, readBackW: -2500 });
  expect(battery.powerW).toBe(-2500);
  await run(clock, gateway, () => gateway.dispatches().at(-1)?.delivers === true, 'the measured effect');
  expect(gateway.latest()).toMatchObject({ batteryW: -2500 });
  await gateway.releaseBattery();
  expect(battery.mode()).toBe(0);
  expect(gateway.dispatches().at(-1)).toMatchObject({ measuredW: -2500, endedBy: 'released' });
});

test.for([
  ['no grid meter', (devices: readonly object[]) => devices.slice(1)],
  ['two grid meters', (devices: readonly object[]) => [devices[0], { ...devices[0], id: 'second' }]],
  ['two devices with one id', (devices: readonly object[]) => [devices[0], devices[0]]],
  ['an unknown profile', (devices: readonly object[]) => [{ ...devices[0], profile: 'nobody' }]],
] as const)('%s is refused at the start', async ([_name, change], running) => {
  const { options } = await testHome(running);
  const devices = change(options.devices) as typeof options.devices;
  await expect(started(running, { ...options, devices })).rejects.toMatchObject({ name: 'CommonwattError' });
});
