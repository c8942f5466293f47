import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VENDORS, type VendorBattery } from '../test/vendor-batteries.ts';
import { fakeModbus, type FakeModbus } from '../test/fake-modbus.ts';
import { run, started, testHome, until, type Running, type TestHome } from '../test/test-home.ts';
import { temporaryFolder } from '../test/homes.ts';
import type { GatewayOptions } from './contract.ts';
import type { Gateway } from './index.ts';

const MINUTE_MS = 60_000;
type Vendor = keyof typeof VENDORS;
const ALL: readonly Vendor[] = ['solaredge', 'huawei', 'sungrow'];

interface VendorHome extends TestHome {
  readonly bankServer: FakeModbus;
  readonly vendor: VendorBattery;
  readonly vendorOptions: GatewayOptions;
}

/** A home with an SDM630 and a battery of a maker, on sockets of their own. */
async function vendorHome(running: Running, name: Vendor): Promise<VendorHome> {
  const home = await testHome(running);
  const bankServer = await fakeModbus();
  running.onTestFinished(() => bankServer.close());
  const vendor = VENDORS[name](bankServer, home.clock);
  const nameplate = { capacityWh: 10_000, chargeMaxW: 5000, dischargeMaxW: 5000 };
  const devices = home.options.devices.map((device) =>
    device.role === 'battery' && device.protocol === 'modbus-tcp'
      ? { ...device, port: bankServer.port, profile: vendor.profile, nameplate }
      : device,
  );
  const vendorOptions = { ...home.options, devices };
  return { ...home, bankServer, vendor, vendorOptions };
}

async function ready(home: VendorHome, gateway: Gateway): Promise<void> {
  const known = (): boolean => gateway.battery() !== null && gateway.latest()?.gridW !== undefined;
  await run(home.clock, gateway, known, 'the battery');
}

describe.concurrent.each(ALL)('%s', (name) => {
  test.for([-2500, 3000])('forced to %i W: it moves, is measured, and is let go', async (powerW, running) => {
    const home = await vendorHome(running, name);
    const gateway = await started(running, home.vendorOptions);
    await ready(home, gateway);
    expect(gateway.battery()).toEqual({
      capacityWh: 10_000,
      chargeMaxW: 5000,
      dischargeMaxW: 5000,
      stateOfChargePermille: 500,
    });
    const record = await gateway.setBattery({ powerW, expiresAtMs: home.clock.nowMs() + 20 * MINUTE_MS });
    expect(record).toMatchObject({ outcome: 'applied', reason: null, writtenW: powerW, readBackW: powerW });
    expect(home.vendor.powerW()).toBe(powerW);
    await run(home.clock, gateway, () => gateway.dispatches().at(-1)?.delivers === true, 'the effect');
    expect(gateway.dispatches().at(-1)).toMatchObject({ measuredW: powerW });
    expect(gateway.latest()).toMatchObject({ batteryW: powerW });
    await gateway.releaseBattery();
    expect([home.vendor.forced(), home.vendor.powerW()]).toEqual([false, 0]);
  });

  test('held for an hour, longer than its own timer, and over at the expiry', async (running) => {
    const home = await vendorHome(running, name);
    // Simulated minutes pass in milliseconds: the timer leaves room for writes that take real ones.
    const tuning = { ...home.vendorOptions.tuning, reversionMs: 24 * MINUTE_MS };
    const gateway = await started(running, { ...home.vendorOptions, tuning });
    await ready(home, gateway);
    const endsAtMs = home.clock.nowMs() + 60 * MINUTE_MS;
    await gateway.setBattery({ powerW: 2000, expiresAtMs: endsAtMs });
    const gaps: number[] = [];
    gateway.subscribe(() => {
      if (home.clock.nowMs() < endsAtMs && !home.vendor.forced()) gaps.push(home.clock.nowMs());
    });
    await run(home.clock, gateway, () => home.clock.nowMs() >= endsAtMs - MINUTE_MS, 'the hour');
    expect(gaps).toEqual([]);
    await run(home.clock, gateway, () => !home.vendor.forced(), 'the end');
    await until(() => gateway.dispatches().at(-1)?.endedBy === 'expired', 'the record');
    expect(home.clock.nowMs() - endsAtMs).toBeLessThan(3 * MINUTE_MS);
  });

  test('acknowledges and does nothing: the record says so', async (running) => {
    const home = await vendorHome(running, name);
    const gateway = await started(running, home.vendorOptions);
    await ready(home, gateway);
    home.vendor.lazy = true;
    await gateway.setBattery({ powerW: 3000, expiresAtMs: home.clock.nowMs() + 60 * MINUTE_MS });
    await run(home.clock, gateway, () => gateway.dispatches().at(-1)?.delivers === false, 'the effect');
    expect(gateway.dispatches().at(-1)).toMatchObject({ outcome: 'applied', writtenW: 3000, measuredW: 0 });
  });

  test('cut off while forced: its own timer ends it where it has one', async (running) => {
    const home = await vendorHome(running, name);
    const gateway = await started(running, home.vendorOptions);
    await ready(home, gateway);
    await gateway.setBattery({ powerW: 2000, expiresAtMs: home.clock.nowMs() + 600 * MINUTE_MS });
    // To the battery a gateway that is killed and one whose cable is cut are the same.
    home.bankServer.fault = { kind: 'silence' };
    const forMs = 30 * MINUTE_MS;
    const cutAtMs = home.clock.nowMs();
    await run(home.clock, gateway, () => home.clock.nowMs() > cutAtMs + forMs, 'half an hour');
    expect(home.vendor.forced()).toBe(!home.vendor.reverts);
    // The cable is back: what was forced is released first of all.
    home.bankServer.fault = { kind: 'none' };
    await run(home.clock, gateway, () => !home.vendor.forced(), 'the release');
  });

  test('left forced by a gateway that is no more: the next one releases it at its start', async (running) => {
    const home = await vendorHome(running, name);
    const dead = await started(running, home.vendorOptions);
    await ready(home, dead);
    await dead.setBattery({ powerW: 2000, expiresAtMs: home.clock.nowMs() + 60 * MINUTE_MS });
    expect(home.vendor.forced()).toBe(true);
    // The first is never told to stop. A battery that takes one client only has lost it with its process.
    home.bankServer.clientsMax = Infinity;
    const folder = temporaryFolder();
    running.onTestFinished(folder.remove);
    const statePath = join(folder.path, 'gateway.sqlite');
    const gateway = await started(running, { ...home.vendorOptions, statePath });
    await run(home.clock, gateway, () => !home.vendor.forced(), 'the release');
  });

  test('busy for a moment is no failure; busy for good is one, and is told', async (running) => {
    const home = await vendorHome(running, name);
    const gateway = await started(running, home.vendorOptions);
    await ready(home, gateway);
    const expiresAtMs = home.clock.nowMs() + 60 * MINUTE_MS;
    home.vendor.busy = { left: 2, code: 6 };
    expect(await gateway.setBattery({ powerW: 1000, expiresAtMs })).toMatchObject({ outcome: 'applied' });
    home.vendor.busy = { left: 1000, code: 6 };
    const failed = await gateway.setBattery({ powerW: 2000, expiresAtMs });
    expect(failed).toMatchObject({ outcome: 'failed', endedBy: 'failed' });
    expect(failed.reason).toMatch(/busy/i);
    home.vendor.busy = { left: 0, code: 6 };
    await run(home.clock, gateway, () => !home.vendor.forced(), 'the release');
  });

  test('refuses what is beyond its rating: failed, and back to itself', async (running) => {
    const home = await vendorHome(running, name);
    const nameplate = { capacityWh: 10_000, chargeMaxW: 9000, dischargeMaxW: 9000 };
    const devices = home.vendorOptions.devices.map((device) =>
      device.role === 'battery' ? { ...device, nameplate } : device,
    );
    const gateway = await started(running, { ...home.vendorOptions, devices });
    await ready(home, gateway);
    const record = await gateway.setBattery({ powerW: 8000, expiresAtMs: home.clock.nowMs() + MINUTE_MS });
    // Huawei tells its limits itself, and they come before a type plate that promises more.
    const told = gateway.battery()?.dischargeMaxW === 5000;
    expect(record).toMatchObject(told ? { outcome: 'applied', writtenW: 5000 } : { outcome: 'failed' });
    await gateway.releaseBattery();
    expect(home.vendor.forced()).toBe(false);
  });
});

test('a register that is applied a moment late still holds; one that never is does not', async (running) => {
  const home = await vendorHome(running, 'sungrow');
  const gateway = await started(running, home.vendorOptions);
  await ready(home, gateway);
  const { bankServer } = home;
  const expiresAtMs = home.clock.nowMs() + 60 * MINUTE_MS;
  const before = bankServer.onWrite;
  let late = 200;
  bankServer.onWrite = (address, words) => {
    before(address, words);
    if (address !== 13_051) return;
    bankServer.set(13_051, [0]);
    if (late > 0) setTimeout(() => bankServer.set(13_051, words), late);
  };
  expect(await gateway.setBattery({ powerW: 1500, expiresAtMs })).toMatchObject({ outcome: 'applied' });
  late = 0;
  const failed = await gateway.setBattery({ powerW: 2500, expiresAtMs });
  expect(failed).toMatchObject({ outcome: 'failed' });
  expect(home.vendor.forced()).toBe(false);
});

test('a release that does not stay is no release: it is tried again until it does', async (running) => {
  const home = await vendorHome(running, 'sungrow');
  const gateway = await started(running, home.vendorOptions);
  await ready(home, gateway);
  await gateway.setBattery({ powerW: 1500, expiresAtMs: home.clock.nowMs() + 60 * MINUTE_MS });
  const { bankServer } = home;
  const before = bankServer.onWrite;
  let stubborn = true;
  bankServer.onWrite = (address, words) => {
    before(address, words);
    if (stubborn && address === 13_049) bankServer.set(13_049, [2]);
    if (stubborn && address === 13_050) bankServer.set(13_050, [0xbb]);
  };
  await expect(gateway.releaseBattery()).rejects.toMatchObject({ code: 'unavailable' });
  stubborn = false;
  await run(home.clock, gateway, () => !home.vendor.forced(), 'the release');
});
