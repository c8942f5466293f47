import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { block, common, sunspecMap, u32, INVERTER, sunspecDevice } from '../../test/fake-sunspec.ts';
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

describe('maps as makers build them', () => {
  const METER = block(203, 105, { 8: 2300, 15: -1, 18: 900, 22: 0, 38: u32(111), 46: u32(222), 54: 0 });

  test('a sub-device tells its own serial number: the meter behind the inverter is not the inverter', async () => {
    sunspecMap(fake, [
      common('SolarEdge', 'SE10K', 'INV-1'),
      INVERTER,
      common('WattNode', 'WNC', 'MTR-7'),
      METER,
    ]);
    expect(await device('grid-meter').read()).toMatchObject({ serial: 'MTR-7', values: { importWh: 222 } });
    expect(await device('pv').read()).toMatchObject({ serial: 'INV-1', values: { exportWh: 1_234_567 } });
  });

  test('models that nobody knows, of any length, are passed over', async () => {
    const unknown = [block(64_900, 3, {}), block(160, 28, {}), block(65_000, 0, {})];
    sunspecMap(fake, [common('A', 'B', 'C'), ...unknown, INVERTER]);
    expect((await device('pv').read()).values.powerW).toBe(3500);
  });

  test('a model that is cut short gives the points it has', async () => {
    const short = INVERTER.slice(0, 24);
    short[1] = 22;
    sunspecMap(fake, [common('A', 'B', 'C'), short]);
    const { values } = await device('pv').read();
    expect(values).toMatchObject({ powerW: 3500, frequencyHz: 49.98 });
    expect(values).not.toHaveProperty('exportWh');
  });

  test('a map that has moved is walked anew: no value of another model is believed', async () => {
    sunspecMap(fake, [common('A', 'B', 'C'), INVERTER]);
    const pv = device('pv');
    expect((await pv.read()).values.powerW).toBe(3500);
    const at = sunspecMap(fake, [common('A', 'B', 'C'), block(120, 26, {}), INVERTER]);
    await expect(pv.read()).rejects.toThrow(/map has changed/);
    expect((await pv.read()).values.powerW).toBe(3500);
    expect(at[103]).toBe(40_000 + 2 + 68 + 28);
  });

  test('a hybrid: its meter looks at the grid, not at the battery', async () => {
    const bank = block(802, 62, {
      3: 10000,
      4: 5000,
      5: 5000,
      11: 500,
      47: -800,
      53: 0,
      54: 0,
      56: -1,
      63: 0,
    });
    sunspecMap(fake, [common('A', 'Hybrid', 'H-1'), INVERTER, bank, METER]);
    const { values } = await device('battery').read();
    expect(values).toMatchObject({ powerW: -800, stateOfChargePermille: 500 });
    expect(values).not.toHaveProperty('importWh');
    expect((await device('grid-meter').read()).values).toMatchObject({ powerW: 900, importWh: 222 });
  });

  test('a battery without 802: its own meter counts charging as import, and shows it as positive power', async () => {
    const storage = block(124, 24, { 2: 5000, 8: 5000, 18: 0, 22: -2, 25: -2 });
    sunspecMap(fake, [common('A', 'B', 'C'), storage, METER]);
    expect((await device('battery').read()).values).toMatchObject({
      powerW: -900,
      importWh: 222,
      exportWh: 111,
      stateOfChargePermille: 500,
    });
  });

  test('counters of 32 bits say where they begin again, and how coarse they are', async () => {
    const coarse = block(203, 105, { 18: 900, 22: 0, 38: u32(11), 46: u32(22), 54: 3 });
    sunspecMap(fake, [common('A', 'B', 'C'), coarse]);
    expect(await device('grid-meter').read()).toMatchObject({
      values: { importWh: 22_000 },
      resolutionWh: 1000,
      rollsAtWh: { importWh: 2 ** 32 * 1000, exportWh: 2 ** 32 * 1000 },
    });
  });

  test.each([101, 102, 103])('inverter %i', async (model) => {
    const words = [...INVERTER];
    words[0] = model;
    sunspecMap(fake, [common('A', 'B', 'C'), words]);
    expect((await device('pv').read()).values).toMatchObject({ powerW: 3500, exportWh: 1_234_567 });
  });

  test.each([201, 202, 203, 204])('meter %i', async (model) => {
    const words = [...METER];
    words[0] = model;
    sunspecMap(fake, [common('A', 'B', 'C'), words]);
    expect((await device('grid-meter').read()).values).toMatchObject({
      powerW: 900,
      importWh: 222,
      exportWh: 111,
    });
  });

  test('what is not implemented is left out, type by type', async () => {
    // int16 0x8000, uint16 0xFFFF, a scale factor 0x8000; accumulators at 0 may be an honest zero.
    const silent = block(103, 50, {
      10: 0xffff,
      13: -1,
      14: 0x8000,
      15: 0,
      16: 5000,
      17: 0x8000,
      24: u32(0),
      26: 0,
    });
    sunspecMap(fake, [common('A', 'B', 'C'), silent]);
    expect(await device('pv').read()).toMatchObject({ values: { exportWh: 0 }, nonsense: [] });
    const der = block(701, 153, { 10: 0x8000, 17: u32(0xffff_ffff), 19: [0xffff, 0xffff, 0xffff, 0xffff] });
    sunspecMap(fake, [common('A', 'B', 'C'), der]);
    await device('pv')
      .read()
      .catch(() => {});
    expect((await device('pv').read()).values).toEqual({});
  });
});
