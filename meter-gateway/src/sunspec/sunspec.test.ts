import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { block, common, fakeBattery, sunspecMap, u32 } from '../../test/fake-sunspec.ts';
import { fakeModbus, type FakeModbus } from '../../test/fake-modbus.ts';
import { openConnections, type Connections } from '../connect.ts';
import type { DeviceRole } from '../config.ts';

let fake: FakeModbus;
let connections: Connections;
beforeEach(async () => {
  fake = await fakeModbus();
  connections = openConnections({
    pkiFolder: '/nonexistent',
    modbus: { backoffFirstMs: 1, backoffMaxMs: 2 },
  });
});
afterEach(async () => {
  await connections.closeAll();
  await fake.close();
});

const device = (role: DeviceRole) =>
  connections.device({
    id: role,
    role,
    protocol: 'modbus-tcp',
    host: '127.0.0.1',
    port: fake.port,
    unitId: 1,
    profile: 'sunspec',
  });

const INVERTER = block(103, 50, {
  10: 2315,
  13: -1,
  14: 350,
  15: 1,
  16: 4998,
  17: -2,
  24: u32(1_234_567),
  26: 0,
  38: 4,
});

describe('discovery', () => {
  test.each([40000, 0, 50000])('finds the map at %i', async (base) => {
    sunspecMap(fake, [common('Fronius', 'Symo', 'S-1'), INVERTER], base);
    expect(await device('pv').read()).toEqual({
      serial: 'S-1',
      nonsense: [],
      values: { powerW: 3500, exportWh: 1_234_567, voltageL1V: 231.5, frequencyHz: 49.98 },
    });
  });

  test('exception 2 ends the map as well as the end marker does', async () => {
    const at = sunspecMap(fake, [common('A', 'B', 'C'), INVERTER]);
    fake.registers.delete((at[103] ?? 0) + 52);
    fake.registers.delete((at[103] ?? 0) + 53);
    expect((await device('pv').read()).values.powerW).toBe(3500);
  });

  test('says so when there is no SunSpec device, and when it has no model for the role', async () => {
    await expect(device('pv').read()).rejects.toMatchObject({ code: 'not-found' });
    sunspecMap(fake, [common('A', 'B', 'C'), INVERTER]);
    await expect(device('battery').read()).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('decoding', () => {
  test.each([
    ['power not implemented', { 14: 0x8000 }, undefined],
    ['scale factor not implemented', { 15: 0x8000 }, undefined],
    ['another scale factor in the same answer', { 15: 0 }, 350],
    ['a negative scale factor', { 15: -1 }, 35],
  ])('%s', async (_name, words: Record<number, number>, powerW) => {
    const at = sunspecMap(fake, [common('A', 'B', 'C'), INVERTER]);
    for (const [offset, word] of Object.entries(words)) fake.set((at[103] ?? 0) + Number(offset), [word]);
    expect((await device('pv').read()).values.powerW).toBe(powerW);
  });

  test('a scale factor that cannot be is nonsense', async () => {
    const at = sunspecMap(fake, [common('A', 'B', 'C'), INVERTER]);
    fake.set((at[103] ?? 0) + 15, [77]);
    expect(await device('pv').read()).toMatchObject({ nonsense: ['powerW'] });
  });

  test('a battery: state, limits, power, and the AC counters of its meter block', async () => {
    fakeBattery(fake);
    expect((await device('battery').read()).values).toEqual({
      stateOfChargePermille: 500,
      capacityWh: 10_000,
      chargeMaxW: 5000,
      dischargeMaxW: 5000,
      powerW: 0,
      importWh: 9000,
      exportWh: 8000,
      voltageL1V: 230,
    });
    // Discovery once, then two requests a look: the storage and meter blocks lie side by side, the bank behind them.
    const before = fake.requests.length;
    await device('battery').read();
    await device('battery').read();
    expect(fake.requests.length - before).toBeLessThanOrEqual(20);
  });
});

describe('storage control, model 124', () => {
  test.each([
    [2500, 5000, -5000, 2500],
    [-1234, -2468, 2468, -1234],
    [3333, 6666, -6666, 3333],
    [0, 0, 0, 0],
  ])('force %i W', async (powerW, outRate, inRate, writtenW) => {
    const battery = fakeBattery(fake);
    const { control } = device('battery');
    expect(await control?.force(powerW, 60_000)).toEqual({ writtenW, readBackW: writtenW, holds: true });
    const storage = battery.at[124] ?? 0;
    const word = (value: number): number => value & 0xffff;
    expect(fake.registers.get(storage + 12)).toBe(word(outRate));
    expect(fake.registers.get(storage + 13)).toBe(word(inRate));
    expect(fake.registers.get(storage + 15)).toBe(60);
    expect(battery.mode()).toBe(3);
    expect(fake.requests.filter(({ code }) => code === 16).map(({ address }) => address - storage)).toEqual([
      12, 15, 5,
    ]);
    await control?.release();
    expect(battery.mode()).toBe(0);
    expect(battery.powerW).toBe(0);
  });

  test('a mode that does not stay is told', async () => {
    const battery = fakeBattery(fake);
    const storage = battery.at[124] ?? 0;
    fake.onWrite = () => fake.set(storage + 5, [0]);
    expect(await device('battery').control?.force(1000, 60_000)).toMatchObject({
      holds: false,
      readBackW: null,
    });
  });
});
