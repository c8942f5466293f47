import { expect, test } from 'vitest';
import type { DeviceRole } from './config.ts';
import { Poller } from './poller.ts';
import type { DeviceSample } from './quantity.ts';

/** A poller whose device says one thing after the other, a minute apart. */
async function after(role: DeviceRole, looks: readonly DeviceSample['values'][]): Promise<Poller> {
  let nowMs = 0;
  const left = [...looks];
  const poller = new Poller({
    device: {
      id: 'device',
      protocol: 'modbus',
      resolutionWh: 1,
      read: async () => ({ values: left.shift() ?? {}, nonsense: [] }),
      close: async () => {},
    },
    role,
    nowMs: () => nowMs,
    limits: { ratedW: 10_000, skewMs: 0, resolutionWh: 1, confirmations: 3 },
    slotMs: 900_000,
    memory: undefined,
    log: () => {},
  });
  for (const _ of looks) {
    nowMs += 60_000;
    await poller.poll();
  }
  return poller;
}

const counters = { importWh: 100, exportWh: 50 };

test('an inverter that sleeps leaves its power out: the last one is forgotten, the look is good', async () => {
  const pv = await after('pv', [{ powerW: 900, exportWh: 10 }, { exportWh: 10 }]);
  expect(pv.values.powerW).toBeUndefined();
  expect([pv.goodAtMs, pv.counters.points.at(-1)?.atMs]).toEqual([120_000, 120_000]);
});

test.each([
  ['grid-meter', { powerW: 900, ...counters }, counters],
  ['battery', { stateOfChargePermille: 500, powerW: 900, ...counters }, { powerW: 900, ...counters }],
] as const)(
  'a %s without what setpoints are judged by: its counters go on, the look is not good',
  async (role, whole, part) => {
    const poller = await after(role, [whole, part]);
    expect([poller.goodAtMs, poller.counters.points.at(-1)?.atMs]).toEqual([60_000, 120_000]);
    const again = await after(role, [whole, part, whole]);
    expect(again.goodAtMs).toBe(180_000);
  },
);

test('a battery that never told its state of charge is looked at all the same', async () => {
  const battery = await after('battery', [
    { powerW: 1, ...counters },
    { powerW: 2, ...counters },
  ]);
  expect(battery.goodAtMs).toBe(120_000);
});
