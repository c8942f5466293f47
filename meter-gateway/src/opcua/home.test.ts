import { join } from 'node:path';
import { StatusCodes } from 'node-opcua';
import { describe, expect, test } from 'vitest';
import { opcuaHome, type OpcuaHome } from '../../test/opcua-home.ts';
import { expectWhole, flagsOf, run, started, until } from '../../test/test-home.ts';
import type { Gateway } from '../contract.ts';

const SLOT_MS = 900_000;

/** Lets time pass until so many readings were delivered. */
async function readings(home: OpcuaHome, gateway: Gateway, count: number): Promise<void> {
  await run(home.clock, gateway, () => home.received.length >= count, `${count} readings`);
}

/** Lets time pass until readings are good again: how many slots that takes depends on how fast the machine reconnects. */
async function well(home: OpcuaHome, gateway: Gateway): Promise<void> {
  const before = home.received.length;
  const good = (): boolean => home.received.length > before + 1 && home.received.at(-1)?.flags.length === 0;
  await run(home.clock, gateway, good, 'a good reading', 48);
}

/** All that was signed is what the counter grew; nothing is left out or counted twice. */
function expectAllEnergy(home: OpcuaHome): void {
  expectWhole(home.received);
  const [first, last] = [home.received[0], home.received.at(-1)];
  const signed = home.received.slice(1).reduce((sum, { importWh }) => sum + importWh, 0);
  expect(signed).toBe((last?.importCounterWh ?? 0) - (first?.importCounterWh ?? 0));
  // 1 kW for the time between two slot ends.
  const hours = (Date.parse(last?.slot ?? '') - Date.parse(first?.slot ?? '')) / 3_600_000;
  expect(Math.abs(signed - home.loadW * hours)).toBeLessThanOrEqual(20);
}

describe('a home behind one OPC-UA server: no energy is lost', () => {
  test('the network is cut for over an hour', async (running) => {
    const home = await opcuaHome(running);
    const gateway = await started(running, home.options);
    await readings(home, gateway, 2);
    home.network.set('cut');
    await readings(home, gateway, 7);
    expect(flagsOf(home.received.slice(-3))).toContain('stale');
    home.network.set('open');
    await well(home, gateway);
    expectAllEnergy(home);
  });

  test('the server takes everything and answers nothing for an hour', async (running) => {
    const home = await opcuaHome(running);
    const gateway = await started(running, home.options);
    await readings(home, gateway, 2);
    home.network.set('swallow');
    await readings(home, gateway, 5);
    expect(flagsOf(home.received.slice(-1))).toContain('stale');
    home.network.set('open');
    await well(home, gateway);
    expectAllEnergy(home);
  });

  test('the device behind the server stands still: its old values do not pass for new ones', async (running) => {
    const home = await opcuaHome(running);
    const gateway = await started(running, home.options);
    await readings(home, gateway, 2);
    home.alive = false;
    await readings(home, gateway, 5);
    expect(home.lines.join('\n')).toContain('its values stand still since');
    expect(flagsOf(home.received.slice(-1))).toContain('stale');
    await expect(
      gateway.setBattery({ powerW: 1000, expiresAtMs: home.clock.nowMs() + SLOT_MS }),
    ).resolves.toMatchObject({ outcome: 'refused' });
    home.alive = true;
    await well(home, gateway);
    expectAllEnergy(home);
  });

  test.for([
    ['BadNotConnected', StatusCodes.BadNotConnected],
    ['UncertainLastUsableValue', StatusCodes.UncertainLastUsableValue],
  ] as const)('the counter is %s for an hour', async ([, status], running) => {
    const home = await opcuaHome(running);
    const gateway = await started(running, home.options);
    await readings(home, gateway, 2);
    home.server.statuses['Meter.AcActiveEnergyTotalImportHp'] = status;
    await readings(home, gateway, 5);
    expect(flagsOf(home.received.slice(-1))).toContain('stale');
    delete home.server.statuses['Meter.AcActiveEnergyTotalImportHp'];
    await well(home, gateway);
    expectAllEnergy(home);
  });
});

test('readings carry the time that the source gave', async (running) => {
  const home = await opcuaHome(running);
  const gateway = await started(running, home.options);
  await readings(home, gateway, 2);
  const { deviceTimeMs, gatewayTimeMs } = home.received.at(-1) ?? {};
  expect(Math.abs((deviceTimeMs ?? 0) - (gatewayTimeMs ?? 0))).toBeLessThanOrEqual(60_000);
});

describe('a battery behind an OPC-UA server', () => {
  const steered = async (running: Parameters<typeof opcuaHome>[0]) => {
    const home = await opcuaHome(running);
    home.loadW = 3000;
    const gateway = await started(running, home.options);
    await run(home.clock, gateway, () => gateway.battery() !== null, 'the battery');
    return { home, gateway, mode: () => home.server.values['Battery.Mode'] };
  };
  const hour = (home: OpcuaHome) => home.clock.nowMs() + 3_600_000;

  test('written, read back, measured; refreshed before its timer ends; released on expiry', async (running) => {
    const { home, gateway, mode } = await steered(running);
    // The first thing a gateway does is to let the battery go.
    await until(() => home.server.writes.length > 1, 'the release');
    expect(home.server.writes[0]).toEqual(['Battery.Mode', 0]);
    const record = await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    expect(record).toMatchObject({ outcome: 'applied', writtenW: 2000, readBackW: 2000 });
    const order = home.server.writes.slice(-3).map(([node]) => node);
    expect(order).toEqual(['Battery.Setpoint', 'Battery.SetpointTimeout', 'Battery.Mode']);
    await run(home.clock, gateway, () => gateway.dispatches(1)[0]?.delivers === true, 'the effect');
    expect(gateway.dispatches(1)[0]).toMatchObject({ measuredW: 2000 });
    // Ten polls of the device's own timer later it still holds, refreshed; and ends when it should.
    const halfMs = home.clock.nowMs() + 1_800_000;
    await run(home.clock, gateway, () => home.clock.nowMs() >= halfMs, 'half an hour');
    expect(mode()).toBe(1);
    await run(home.clock, gateway, () => gateway.dispatches(1)[0]?.endedBy === 'expired', 'the end');
    await until(() => mode() === 0, 'the release');
  });

  test('acknowledges and does nothing: told', async (running) => {
    const { home, gateway } = await steered(running);
    home.delivers = false;
    await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    await run(home.clock, gateway, () => gateway.dispatches(1)[0]?.delivers === false, 'the lack of effect');
    expect(gateway.dispatches(1)[0]).toMatchObject({ measuredW: 0, delivers: false });
  });

  test('refuses the write: failed, and released', async (running) => {
    const { home, gateway, mode } = await steered(running);
    home.server.refuse = true;
    const record = await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    expect(record).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('BadOutOfRange') });
    home.server.refuse = false;
    const writes = home.server.writes.length;
    await run(home.clock, gateway, () => home.server.writes.length > writes, 'the release');
    expect(mode()).toBe(0);
  });

  test('the gateway is cut off while it forces: the battery falls back by its own timer', async (running) => {
    const { home, gateway, mode } = await steered(running);
    await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    home.network.set('cut');
    const laterMs = home.clock.nowMs() + 15 * 60_000;
    await run(home.clock, gateway, () => home.clock.nowMs() >= laterMs, 'a quarter of an hour');
    home.server.onRead();
    expect(mode()).toBe(0);
  });

  test('killed while it forces: the next start releases before anything else', async (running) => {
    const { home, gateway, mode } = await steered(running);
    await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    expect(mode()).toBe(1);
    // The first one is never told to stop: to the second it is as good as dead.
    const writes = home.server.writes.length;
    const statePath = join(home.options.statePath, '..', 'second.sqlite');
    const second = await started(running, { ...home.options, statePath });
    await run(home.clock, second, () => mode() === 0, 'the release');
    expect(home.server.writes[writes]).toEqual(['Battery.Mode', 0]);
  });

  test('its state of charge is not known any more: released, and new set-points refused', async (running) => {
    const { home, gateway, mode } = await steered(running);
    await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    home.server.statuses['Battery.StateOfCharge'] = StatusCodes.BadSensorFailure;
    await run(home.clock, gateway, () => gateway.dispatches(1)[0]?.endedBy === 'stale', 'the end');
    await until(() => mode() === 0, 'the release');
    const record = await gateway.setBattery({ powerW: 500, expiresAtMs: hour(home) });
    expect(record.outcome).toBe('refused');
  });

  test('stop releases it, and leaves no session on the server', async (running) => {
    const { home, gateway, mode } = await steered(running);
    await gateway.setBattery({ powerW: 2000, expiresAtMs: hour(home) });
    await gateway.stop();
    expect(mode()).toBe(0);
    await until(() => home.server.sessions().open === 0, 'the end of the session');
  });
});
