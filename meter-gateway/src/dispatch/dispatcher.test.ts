import { beforeEach, describe, expect, test } from 'vitest';
import type { BatteryControl, ForceResult } from '../device.ts';
import { Dispatcher, type DispatchView } from './dispatcher.ts';
import type { DispatchRecord } from './record.ts';

const MINUTE_MS = 60_000;
let nowMs: number;
let view: DispatchView;
let calls: string[];
let answer: (powerW: number) => ForceResult;
let releases: boolean;
let kept: Map<number, DispatchRecord>;

const facts = (over: object = {}): DispatchView => ({
  batteryAtMs: nowMs,
  facts: {
    chargeMaxW: 5000,
    dischargeMaxW: 5000,
    stateOfChargePermille: 500,
    gridW: 0,
    batteryW: 0,
    ...over,
  },
});

function dispatcher(over: Partial<BatteryControl> = {}, rampWPerS?: number): Dispatcher {
  return new Dispatcher({
    rampWPerS,
    control: {
      reverts: true,
      async force(powerW, reversionMs) {
        calls.push(`force ${powerW} for ${reversionMs / 1000} s`);
        return answer(powerW);
      },
      async release() {
        calls.push('release');
        if (!releases) throw new Error('no answer');
      },
      ...over,
    },
    nowMs: () => nowMs,
    view: () => view,
    reservePermille: 100,
    fuseW: 10_000,
    reversionMs: 10 * MINUTE_MS,
    settleMs: MINUTE_MS,
    durationMaxMs: 24 * 60 * MINUTE_MS,
    save: (record) => void kept.set(record.id, record),
    firstId: 1,
    log: () => {},
  });
}

beforeEach(() => {
  nowMs = 1_000_000;
  view = facts();
  calls = [];
  kept = new Map();
  releases = true;
  answer = (powerW) => ({ writtenW: powerW, readBackW: powerW, holds: true });
});
const later = (minutes: number, over: object = {}): void => {
  nowMs += minutes * MINUTE_MS;
  view = facts(over);
};

describe('the fail-safe chain', () => {
  test('boot: the battery is released before anything else, and again until it answers', async () => {
    releases = false;
    const battery = dispatcher();
    await battery.tick();
    releases = true;
    await battery.tick();
    await battery.tick();
    expect(calls).toEqual(['release', 'release']);
  });

  test('a setpoint is asked, clamped, written, read back, measured, and ends at its expiry', async () => {
    const battery = dispatcher();
    const record = await battery.set({ powerW: 9000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    expect(record).toMatchObject({
      askedW: 9000,
      outcome: 'applied',
      clampedW: 5000,
      clampedBy: ['discharge-limit'],
      writtenW: 5000,
      readBackW: 5000,
      measuredW: null,
    });
    later(2, { batteryW: 4950 });
    await battery.tick();
    expect(kept.get(1)).toMatchObject({ measuredW: 4950, delivers: true });
    later(29);
    await battery.tick();
    expect(calls.at(-1)).toBe('release');
    expect(kept.get(1)).toMatchObject({ endedBy: 'expired', endedAtMs: nowMs });
  });

  test('the device timer is refreshed at half its interval and never reaches past the expiry', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 1000, expiresAtMs: nowMs + 12 * MINUTE_MS });
    for (let minute = 0; minute < 13; minute += 1) {
      later(1, { batteryW: 1000 });
      await battery.tick();
    }
    expect(calls).toEqual([
      'force 1000 for 600 s',
      'force 1000 for 420 s',
      'force 1000 for 120 s',
      'release',
    ]);
  });

  test('a battery that acknowledges and does nothing is told in the record', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 3000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    later(2, { batteryW: 0 });
    await battery.tick();
    expect(kept.get(1)).toMatchObject({ outcome: 'applied', measuredW: 0, delivers: false });
  });

  test('a battery that does not tell its power is not blamed for doing nothing', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 3000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    later(2, { batteryW: 0 });
    view = { ...view, batteryAtMs: -Infinity } as DispatchView;
    await battery.tick();
    expect(kept.get(1)).toMatchObject({ outcome: 'applied', measuredW: null, delivers: null });
  });

  test('the device that reverts a moment before the expiry has delivered all the same', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 3000, expiresAtMs: nowMs + 5 * MINUTE_MS });
    later(2, { batteryW: 3000 });
    await battery.tick();
    later(2.5, { batteryW: 0 });
    await battery.tick();
    expect(kept.get(1)).toMatchObject({ measuredW: 3000, delivers: true });
  });

  test.each([
    ['the meter is stale', 'the grid meter is stale'],
    ['the state of charge is unknown', 'the state of charge is not known'],
  ])('%s: a new setpoint is refused and a running one released', async (_name, missing) => {
    const battery = dispatcher();
    await battery.set({ powerW: 1000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    view = { missing };
    const refused = await battery.set({ powerW: 2000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    expect(refused).toMatchObject({ outcome: 'refused', reason: missing, writtenW: null });
    expect(kept.get(1)).toMatchObject({ endedBy: 'stale' });
    expect(calls).toEqual(['force 1000 for 600 s', 'release']);
  });

  test('facts that get lost while a setpoint runs release it on the next tick', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 1000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    view = { missing: 'the battery is stale' };
    await battery.tick();
    expect(calls.at(-1)).toBe('release');
    expect(battery.active).toBeUndefined();
  });

  test('clamps are computed again on every tick: reserve reached, fuse in danger', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: -5000, expiresAtMs: nowMs + 60 * MINUTE_MS });
    later(1, { gridW: 12_000, batteryW: -5000 });
    await battery.tick();
    later(1, { stateOfChargePermille: 1000 });
    await battery.tick();
    expect(calls).toEqual(['force -5000 for 600 s', 'force -3000 for 600 s', 'force 0 for 600 s']);
    expect(battery.active).toMatchObject({ askedW: -5000, clampedBy: ['full'], writtenW: 0 });
  });

  test('a ramp: the setpoint climbs with time to what was asked; protection is not slowed down', async () => {
    const battery = dispatcher({}, 20);
    await battery.set({ powerW: 3000, expiresAtMs: nowMs + 60 * MINUTE_MS });
    expect(battery.active).toMatchObject({ clampedW: 20, clampedBy: ['ramp'] });
    for (const writtenW of [1220, 2420, 3000]) {
      later(1);
      await battery.tick();
      expect(battery.active).toMatchObject({ writtenW });
    }
    expect(battery.active?.clampedBy).toEqual([]);
    later(0, { stateOfChargePermille: 100 });
    await battery.tick();
    expect(battery.active).toMatchObject({ writtenW: 0, clampedBy: ['reserve'] });
  });

  test('a write that does not hold fails, and the battery is released', async () => {
    answer = () => ({ writtenW: 1000, readBackW: 300, holds: false });
    const record = await dispatcher().set({ powerW: 1000, expiresAtMs: nowMs + MINUTE_MS });
    expect(record).toMatchObject({ outcome: 'failed', endedBy: 'failed' });
    expect(record.reason).toContain('300 W instead of 1000 W');
    expect(calls).toEqual(['force 1000 for 60 s', 'release']);
  });

  test('an answer that gets lost: released on the next tick if it could not be at once', async () => {
    releases = false;
    const battery = dispatcher({ force: () => Promise.reject(new Error('no answer within 1750 ms')) });
    const record = await battery.set({ powerW: 1000, expiresAtMs: nowMs + MINUTE_MS });
    expect(record).toMatchObject({ outcome: 'failed', reason: 'no answer within 1750 ms' });
    releases = true;
    await battery.tick();
    await battery.tick();
    expect(calls).toEqual(['release', 'release']);
  });

  test('stop releases for good: waiting and later setpoints are refused', async () => {
    const battery = dispatcher();
    await battery.set({ powerW: 1000, expiresAtMs: nowMs + 30 * MINUTE_MS });
    const stopping = battery.stop();
    await expect(battery.set({ powerW: 2000, expiresAtMs: nowMs + MINUTE_MS })).rejects.toThrow('stopped');
    await stopping;
    expect(calls).toEqual(['force 1000 for 600 s', 'release']);
    expect(kept.get(1)).toMatchObject({ endedBy: 'stopped' });
  });

  test('a command that is none is refused with its field', () => {
    const battery = dispatcher();
    expect(() => battery.set({ powerW: Number.NaN, expiresAtMs: nowMs + 1 })).toThrow('finite');
    expect(() => battery.set({ powerW: 1, expiresAtMs: nowMs })).toThrow('future');
  });

  test('no setpoint lasts longer than a day', async () => {
    const record = await dispatcher().set({ powerW: 1, expiresAtMs: nowMs + 1e12 });
    expect(record.expiresAtMs).toBe(nowMs + 24 * 60 * MINUTE_MS);
  });
});
