import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  block,
  common,
  fakeBattery,
  sunspecMap,
  u32,
  INVERTER,
  sunspecDevice,
} from '../../test/fake-sunspec.ts';
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

const device = (role: DeviceRole) => sunspecDevice(connections, fake, role);

describe('discovery', () => {
  test.each([40000, 0, 50000])('finds the map at %i', async (base) => {
    sunspecMap(fake, [common('Fronius', 'Symo', 'S-1'), INVERTER], base);
    expect(await device('pv').read()).toMatchObject({
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

  test('a battery that may charge from the sun alone is allowed the grid while it is told to charge', async () => {
    const battery = fakeBattery(fake);
    const setting = (battery.at[124] ?? 0) + 17;
    fake.set(setting, [0]);
    const { control } = device('battery');
    await control?.force(1000, 60_000);
    expect(fake.registers.get(setting)).toBe(0);
    await control?.force(-1000, 60_000);
    expect(fake.registers.get(setting)).toBe(1);
    await control?.release();
    expect(fake.registers.get(setting)).toBe(0);
    // One that does not let itself be told is charged all the same, as far as it will.
    fake.refuse = ({ code, address }) => (code === 16 && address === setting ? 2 : 0);
    expect(await control?.force(-1000, 60_000)).toMatchObject({ holds: true });
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

describe('the 700 series', () => {
  const DER = [
    common('New', 'Hybrid', 'N-1'),
    block(701, 153, {
      10: 0xfe0c,
      17: u32(4998),
      19: [0, 0, ...u32(70_000)],
      23: [0, 0, ...u32(80_000)],
      47: 2301,
      114: -1,
      115: -2,
      116: 1,
      120: 2,
    }),
    block(702, 50, { 34: 500, 35: 450, 45: 1 }),
    block(704, 65, { 22: 0, 23: 1, 24: u32(0), 55: 0 }),
    block(713, 7, { 2: 1000, 3: 500, 4: 505, 7: 1, 8: -1 }),
  ];

  test('a battery of 701, 702, 704 and 713', async () => {
    sunspecMap(fake, DER);
    expect((await device('battery').read()).values).toEqual({
      powerW: -5000,
      exportWh: 7_000_000,
      importWh: 8_000_000,
      voltageL1V: 230.1,
      chargeMaxW: 5000,
      dischargeMaxW: 4500,
      capacityWh: 10_000,
      stateOfChargePermille: 505,
    });
  });

  test('a PV inverter of 701: what it injects is what it produced', async () => {
    sunspecMap(fake, DER);
    expect((await device('pv').read()).values).toMatchObject({ exportWh: 7_000_000, frequencyHz: 49.98 });
  });

  test('control by 704: watts, its own timer, enabled last', async () => {
    const at = sunspecMap(fake, DER)[704] ?? 0;
    const { control } = device('battery');
    expect(await control?.force(-1500, 90_000)).toEqual({ writtenW: -1500, readBackW: -1500, holds: true });
    const written = fake.requests.filter(({ code }) => code === 16).map(({ address }) => address - at);
    expect(written).toEqual([24, 23, 30, 31, 22]);
    expect([22, 30, 32].map((offset) => fake.registers.get(at + offset))).toEqual([1, 0, 90]);
    await control?.release();
    expect(fake.registers.get(at + 22)).toBe(0);
  });
});

describe('float models', () => {
  const f32 = (value: number): number[] => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatBE(value);
    return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  };

  test('meters 211 to 214 and inverters 111 to 113', async () => {
    sunspecMap(fake, [
      common('F', 'M', '1'),
      block(213, 124, { 12: f32(230.5), 26: f32(50), 28: f32(-1250.5), 60: f32(1000), 68: f32(2000) }),
      block(113, 60, { 16: f32(231), 22: f32(2500), 24: f32(50), 32: f32(123_456) }),
    ]);
    expect((await device('grid-meter').read()).values).toEqual({
      powerW: -1250.5,
      importWh: 2000,
      exportWh: 1000,
      voltageL1V: 230.5,
      frequencyHz: 50,
    });
    expect((await device('pv').read()).values).toMatchObject({ powerW: 2500, exportWh: 123_456 });
  });

  test('NaN is not implemented', async () => {
    sunspecMap(fake, [
      common('F', 'M', '1'),
      block(113, 60, { 16: f32(Number.NaN), 22: f32(2500), 32: f32(1) }),
    ]);
    expect((await device('pv').read()).values).toEqual({ powerW: 2500, exportWh: 1 });
  });
});
