import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MeterReading } from '@commonwatt/domain';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../test/homes.ts';
import { expectWhole, flagsOf, run, started, testHome } from '../test/test-home.ts';
import { startGateway } from './gateway.ts';

describe.concurrent('restarts', () => {
  test('away over several slots: one interpolated reading for each, nothing lost or doubled', async (running) => {
    const { clock, received, options } = await testHome(running);
    const first = await started(running, options);
    await run(clock, first, () => received.length >= 2, 'readings');
    await first.stop();
    const before = received.length;
    clock.moveTo(clock.nowMs() + 40 * 60_000);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= before + 5, 'readings after');
    expectWhole(received);
    const missed = received.filter(({ flags }) => flags.includes('interpolated'));
    expect(missed.length).toBeGreaterThanOrEqual(2);
    for (const { importWh } of received.slice(1)) {
      expect(importWh).toBeGreaterThanOrEqual(238);
      expect(importWh).toBeLessThanOrEqual(262);
    }
  });

  test('back after several slots, and the meter answers late: the missed slots wait for it', async (running) => {
    const { clock, meter, received, options } = await testHome(running);
    const first = await started(running, options);
    await run(clock, first, () => received.length >= 2, 'readings');
    await first.stop();
    const before = received.length;
    clock.moveTo(clock.nowMs() + 40 * 60_000);
    meter.fake.fault = { kind: 'rst' };
    const gateway = await started(running, options);
    await run(clock, gateway, () => gateway.statistics().pollErrors > 0, 'a look in vain');
    meter.fake.fault = { kind: 'none' };
    await run(clock, gateway, () => received.length >= before + 4, 'readings after');
    expect(flagsOf(received)).toEqual(['interpolated']);
    expectWhole(received);
  });

  test('killed while the battery is forced: the next start releases it first', async (running) => {
    const { clock, bank, battery, options } = await testHome(running);
    const killed = await started(running, options);
    await run(clock, killed, () => killed.battery() !== null && killed.latest() !== null, 'the battery');
    const record = await killed.setBattery({ powerW: 2000, expiresAtMs: clock.nowMs() + 3_600_000 });
    expect(record).toMatchObject({ reason: null, outcome: 'applied', writtenW: 2000, readBackW: 2000 });
    expect(battery.mode()).toBe(3);
    // The first one is never told to stop: to the second it is as good as dead, and the battery still forced.
    const folder = temporaryFolder();
    running.onTestFinished(folder.remove);
    const writes = bank.requests.length;
    const gateway = await started(running, { ...options, statePath: join(folder.path, 'gateway.sqlite') });
    await run(clock, gateway, () => battery.mode() === 0, 'the release');
    const storage = battery.at[124] ?? 0;
    const first = bank.requests
      .slice(writes)
      .find(({ code, address }) => code === 16 && address === storage + 5);
    expect(first).toBeDefined();
  });

  test('stop releases the battery', async (running) => {
    const { clock, battery, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(
      clock,
      gateway,
      () => gateway.battery() !== null && gateway.latest()?.gridW !== undefined,
      'the battery',
    );
    await gateway.setBattery({ powerW: -2000, expiresAtMs: options.clock.nowMs() + 3_600_000 });
    expect(battery.powerW).toBe(-2000);
    await gateway.stop();
    expect(battery.mode()).toBe(0);
  });

  test('a second gateway on the same file is refused', async (running) => {
    const { options } = await testHome(running);
    const gateway = await started(running, options);
    await expect(startGateway(options)).rejects.toMatchObject({ code: 'conflict' });
    await gateway.stop();
    await (await started(running, options)).stop();
  });

  test('the file of another gateway is refused', async (running) => {
    const { options } = await testHome(running);
    const gateway = await started(running, options);
    await gateway.stop();
    await expect(startGateway({ ...options, gateway: 'gw-home-02' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});

describe.concurrent('the battery', () => {
  test('acknowledges and does nothing: the record says so', async (running) => {
    const { clock, battery, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(
      clock,
      gateway,
      () => gateway.battery() !== null && gateway.latest()?.gridW !== undefined,
      'the battery',
    );
    battery.lazy = true;
    await gateway.setBattery({ powerW: 3000, expiresAtMs: options.clock.nowMs() + 3_600_000 });
    await run(clock, gateway, () => gateway.dispatches().at(-1)?.delivers === false, 'the measured effect');
    expect(gateway.dispatches().at(-1)).toMatchObject({ outcome: 'applied', writtenW: 3000, measuredW: 0 });
  });

  test('a meter that goes stale releases a forced battery', async (running) => {
    const { clock, meter, battery, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(
      clock,
      gateway,
      () => gateway.battery() !== null && gateway.latest()?.gridW !== undefined,
      'the battery',
    );
    await gateway.setBattery({ powerW: 3000, expiresAtMs: options.clock.nowMs() + 36_000_000 });
    meter.fake.fault = { kind: 'silence' };
    await run(clock, gateway, () => battery.mode() === 0, 'the release');
    expect(gateway.dispatches().at(-1)).toMatchObject({ endedBy: 'stale', reason: null });
  });

  test('a setpoint ends at its expiry', async (running) => {
    const { clock, battery, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(
      clock,
      gateway,
      () => gateway.battery() !== null && gateway.latest()?.gridW !== undefined,
      'the battery',
    );
    await gateway.setBattery({ powerW: 3000, expiresAtMs: options.clock.nowMs() + 200_000 });
    expect(battery.mode()).toBe(3);
    await run(clock, gateway, () => battery.mode() === 0, 'the end');
    expect(gateway.dispatches().at(-1)).toMatchObject({ endedBy: 'expired' });
  });
});

describe.concurrent('the way to the market', () => {
  test('no uplink for a day: everything is kept, and follows in order', async (running) => {
    let up = false;
    const got: MeterReading[] = [];
    const { clock, options } = await testHome(running, {
      deliver: async (reading) => {
        if (!up) throw new Error('connection refused');
        got.push(reading.payload);
        return 'accepted';
      },
    });
    const gateway = await started(running, options);
    await run(clock, gateway, () => gateway.statistics().pending >= 96, 'a backlog', 25);
    expect(got).toEqual([]);
    up = true;
    await run(
      clock,
      gateway,
      () => gateway.statistics().pending === 0 && got.length >= 4,
      'the backlog is delivered',
    );
    expectWhole(got);
  });

  test('a market that hangs: given up after the deadline, delivered once it answers', async (running) => {
    let hang = true;
    const got: MeterReading[] = [];
    const base = await testHome(running);
    const { clock } = base;
    const gateway = await started(running, {
      ...base.options,
      tuning: { ...base.options.tuning, deliveryTimeoutMs: 50 },
      deliver: async (reading) => {
        if (hang) return new Promise(() => {});
        got.push(reading.payload);
        return 'duplicate';
      },
    });
    await run(clock, gateway, () => gateway.statistics().pending >= 2, 'a backlog');
    hang = false;
    await run(clock, gateway, () => got.length >= 2, 'delivered');
    expect(got.length).toBeGreaterThanOrEqual(2);
    expectWhole(got);
  });

  test('a refused reading does not block the next', async (running) => {
    const { clock, options } = await testHome(running, {
      deliver: async ({ payload }) => (payload.sequence === 0 ? 'rejected' : 'accepted'),
    });
    const gateway = await started(running, options);
    await run(clock, gateway, () => gateway.statistics().delivered >= 2, 'the next ones');
    expect(gateway.statistics()).toMatchObject({ rejected: 1, pending: 0 });
    expect(existsSync(options.statePath)).toBe(true);
  });
});

describe.concurrent('the clock', () => {
  test('a step back: nothing is counted twice, and the readings say so', async (running) => {
    const { clock, received, options } = await testHome(running);
    const gateway = await started(running, options);
    await run(clock, gateway, () => received.length >= 2, 'readings');
    clock.moveTo(clock.nowMs() - 600_000);
    await run(clock, gateway, () => received.length >= 5, 'readings after');
    expectWhole(received);
    expect(flagsOf(received)).toContain('clock');
  });

  test('not synchronised: every reading says so', async (running) => {
    const base = await testHome(running);
    const { clock } = base;
    const gateway = await started(running, {
      ...base.options,
      tuning: { ...base.options.tuning, clockSynchronised: () => false },
    });
    await run(clock, gateway, () => base.received.length >= 1, 'a reading');
    expect(base.received[0]).toMatchObject({ clockSynchronised: false, flags: ['clock'] });
  });
});
