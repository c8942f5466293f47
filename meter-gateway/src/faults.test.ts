import { describe, expect, test } from 'vitest';
import type { Fault } from '../test/fake-modbus.ts';
import { fill } from '../test/homes.ts';
import { expectWhole, flagsOf, run, started, testHome } from '../test/test-home.ts';

describe.concurrent('a device that fails is marked and the rest goes on', () => {
  test.for<[string, Fault]>([
    ['hangs', { kind: 'silence' }],
    ['resets the connection', { kind: 'rst' }],
    ['says it is busy', { kind: 'exception', code: 6 }],
    ['answers garbage', { kind: 'garbage' }],
  ])('the meter %s for an hour, and no energy is lost', async ([_name, fault], running) => {
    const { clock, meter, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 1, 'the first reading');
    meter.fake.fault = fault;
    // The meter alone: on a busy machine everything may look stale for a moment.
    await run(clock, gateway, () => gateway.latest()?.flags.join() === 'stale', 'stale');
    expect(gateway.latest()).toMatchObject({ stateOfChargePermille: 500 });
    expect(gateway.latest()).not.toHaveProperty('gridW');
    await run(clock, gateway, () => received.length >= 5, 'readings without the meter');
    meter.fake.fault = { kind: 'none' };
    const stale = received.length;
    // Connecting again takes real time while the clock runs on: the reading that counts is the first good one.
    const good = (): boolean => received.length >= stale + 3 && received.at(-1)?.flags.length === 0;
    await run(clock, gateway, good, 'a good reading after it came back');
    expect(received.slice(2, 5).flatMap(({ flags }) => flags)).toContain('stale');
    expectWhole(received);
    // 1 kW all the time: what was not counted while it hung is counted when it is back.
    const sumWh = received.slice(1).reduce((sum, { importWh }) => sum + importWh, 0);
    expect(sumWh / (received.length - 1)).toBeGreaterThan(240);
    expect(sumWh / (received.length - 1)).toBeLessThan(260);
  });

  test('the battery hangs: readings are partial, the meter goes on', async (running) => {
    const { clock, bank, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 1, 'the first reading');
    bank.fault = { kind: 'silence' };
    await run(clock, gateway, () => received.length >= 4, 'readings without the battery');
    expect(gateway.latest()).toMatchObject({ gridW: 1000 });
    expect(gateway.battery()).toBeNull();
    expect(received.at(-1)?.flags).toEqual(['partial']);
    expect(received.at(-1)?.importWh).toBeGreaterThan(200);
    expectWhole(received);
    const record = await gateway.setBattery({ powerW: 1000, expiresAtMs: options.clock.nowMs() + 600_000 });
    expect(record).toMatchObject({ outcome: 'refused', reason: 'the battery is stale' });
  });

  test('the battery leaves its state of charge out: no old one is steered by', async (running) => {
    const { clock, battery, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => gateway.battery() !== null && received.length >= 1, 'the battery');
    const hour = (): number => clock.nowMs() + 3_600_000;
    expect(await gateway.setBattery({ powerW: 1000, expiresAtMs: hour() })).toMatchObject({
      outcome: 'applied',
    });
    // Not implemented, says SunSpec; power and counters go on.
    battery.setSoc(0xffff);
    await run(clock, gateway, () => battery.mode() === 0, 'the release', 1);
    expect(gateway.battery()).toBeNull();
    expect(await gateway.setBattery({ powerW: 1000, expiresAtMs: hour() })).toMatchObject({
      outcome: 'refused',
      reason: 'the battery is stale',
    });
    const before = received.length;
    await run(clock, gateway, () => received.length >= before + 2, 'readings meanwhile');
    expect(received.at(-1)?.stateOfChargePermille).toBeNull();
    battery.setSoc(500);
    await run(clock, gateway, () => gateway.battery() !== null, 'the battery again', 1);
    expectWhole(received);
  });

  test('registers full of nonsense: the reading is marked and the last good values stand', async (running) => {
    const { clock, meter, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 1, 'the first reading');
    meter.frozen = true;
    for (let address = 0; address < 0x60; address += 1) meter.fake.registers.set(address, 0x7fc0);
    await run(clock, gateway, () => gateway.latest()?.flags.includes('nonsense') === true, 'nonsense');
    const before = received.length;
    await run(clock, gateway, () => received.length >= before + 2, 'readings meanwhile');
    expect(flagsOf(received.slice(before))).toContain('nonsense');
    fill(meter.fake, 0, 0x60);
    meter.frozen = false;
    const marked = received.length;
    await run(clock, gateway, () => received.length >= marked + 3, 'readings after');
    expect(received.at(-1)?.flags).toEqual([]);
    expectWhole(received);
  });

  test('both devices down at the start: the gateway starts all the same and keeps trying', async (running) => {
    const { clock, meter, bank, received, options } = await testHome(running);
    meter.fake.fault = { kind: 'rst' };
    bank.fault = { kind: 'silence' };
    const gateway = await started(running, options);
    await run(clock, gateway, () => gateway.latest() !== null, 'a first look');
    expect(gateway.latest()?.flags).toEqual(['partial', 'stale']);
    meter.fake.fault = { kind: 'none' };
    bank.fault = { kind: 'none' };
    await run(clock, gateway, () => received.length >= 2, 'readings');
    expect(gateway.battery()).toMatchObject({ capacityWh: 10_000 });
    expectWhole(received);
  });
});

describe.concurrent('counters that break off', () => {
  test('a reset begins an epoch, is marked, and invents no energy', async (running) => {
    const { clock, meter, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 2, 'readings');
    meter.shift(-meter.importWh() + 1);
    await run(clock, gateway, () => received.some(({ epoch }) => epoch === 1), 'a new epoch');
    const at = received.findIndex(({ epoch }) => epoch === 1);
    await run(clock, gateway, () => received.length >= at + 3, 'readings after');
    expect(flagsOf(received)).toEqual(['reset']);
    for (const { importWh } of received.slice(1)) expect(importWh).toBeLessThanOrEqual(258);
    expectWhole(received);
  });

  test('a jump of 100 GWh is not billed', async (running) => {
    const { clock, meter, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 2, 'readings');
    meter.shift(1e8);
    await run(clock, gateway, () => received.some(({ epoch }) => epoch === 1), 'a new epoch');
    expect(flagsOf(received)).toEqual(['jump']);
    for (const { importWh } of received.slice(1)) expect(importWh).toBeLessThanOrEqual(258);
  });
});

describe.concurrent('a battery that does not tell its limits', () => {
  test('takes them from the type plate in the configuration; without one it is not steered', async (running) => {
    const { clock, bank, options } = await testHome(running);
    for (let address = 13_000; address <= 13_060; address += 1) bank.registers.set(address, 0);
    bank.set(13_022, [500]);
    const [meter, battery] = options.devices as [(typeof options.devices)[0], (typeof options.devices)[0]];
    const sungrow = { ...battery, profile: 'sungrow-sh' };
    const setpoint = { powerW: 9000, expiresAtMs: clock.nowMs() + 3_600_000 };
    const bare = await started(running, { ...options, devices: [meter, sungrow] });
    await run(clock, bare, () => bare.latest()?.stateOfChargePermille === 500, 'the battery');
    expect(bare.battery()).toBeNull();
    expect(await bare.setBattery(setpoint)).toMatchObject({ outcome: 'refused' });
    await bare.stop();
    const nameplate = { capacityWh: 9600, chargeMaxW: 5000, dischargeMaxW: 4000 };
    const gateway = await started(running, { ...options, devices: [meter, { ...sungrow, nameplate }] });
    await run(clock, gateway, () => gateway.battery() !== null, 'the battery');
    expect(gateway.battery()).toEqual({ ...nameplate, stateOfChargePermille: 500 });
    expect(await gateway.setBattery(setpoint)).toMatchObject({ outcome: 'applied', writtenW: 4000 });
    expect(bank.registers.get(13_049)).toBe(2);
    await gateway.stop();
    expect(bank.registers.get(13_049)).toBe(0);
  });
});
