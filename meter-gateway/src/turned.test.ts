import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeModbus, type FakeModbus } from '../test/fake-modbus.ts';
import { fill } from '../test/homes.ts';
import type { DeviceConfig } from './config.ts';
import { openConnections, type Connections } from './connect.ts';
import { turnSample } from './turned.ts';

let fake: FakeModbus;
let connections: Connections;
beforeEach(async () => {
  fake = await fakeModbus();
  fill(fake, 0, 0x60);
  connections = openConnections({ pkiFolder: '/nonexistent' });
});
afterEach(async () => {
  await connections.closeAll();
  await fake.close();
});

const meter = (over: Partial<DeviceConfig> = {}) =>
  connections.device({
    id: 'meter',
    role: 'grid-meter',
    protocol: 'modbus-tcp',
    host: '127.0.0.1',
    port: fake.port,
    unitId: 1,
    profile: 'sdm630',
    ...over,
  } as DeviceConfig);

test.each([
  ['power', { powerW: -1000, importWh: 3, exportWh: 5 }],
  ['energy', { powerW: 1000, importWh: 5, exportWh: 3 }],
  ['both', { powerW: -1000, importWh: 5, exportWh: 3 }],
] as const)('a meter that is turned round: %s', (turned, values) => {
  const sample = {
    values: { powerW: 1000, importWh: 3, exportWh: 5 },
    nonsense: ['importWh'] as const,
    rollsAtWh: { exportWh: 9 },
  };
  expect(turnSample(sample, turned)).toEqual({
    values,
    nonsense: [turned === 'power' ? 'importWh' : 'exportWh'],
    rollsAtWh: turned === 'power' ? { exportWh: 9 } : { importWh: 9 },
  });
});

test('a meter mounted the wrong way round, read through its configuration', async () => {
  fake.setFloat(0x34, -750);
  fake.setFloat(0x48, 2);
  fake.setFloat(0x4a, 7);
  expect((await meter({ turned: 'both' }).read()).values).toMatchObject({
    powerW: 750,
    importWh: 7000,
    exportWh: 2000,
  });
});

test('words in another order than the profile says: told apart by what makes sense, and put right', async () => {
  const swapped = (address: number, value: number): void => {
    fake.setFloat(address, value);
    const [high = 0, low = 0] = [fake.registers.get(address), fake.registers.get(address + 1)];
    fake.set(address, [low, high]);
  };
  swapped(0x00, 230.4);
  swapped(0x34, 1234.5);
  swapped(0x48, 4321.1);
  const wrong = await meter().read();
  expect(wrong.values.powerW === 1234.5 || wrong.values.voltageL1V === 230.4).toBe(false);
  expect((await meter({ wordOrder: 'low-first' }).read()).values).toMatchObject({
    powerW: 1234.5,
    importWh: 4_321_100,
  });
});

test('floats that are no numbers are nonsense, and the others stand', async () => {
  fake.setFloat(0x34, 500);
  fake.set(0x48, [0x7fc0, 0]);
  fake.set(0x4a, [0x7f80, 0]);
  expect(await meter().read()).toMatchObject({ values: { powerW: 500 }, nonsense: ['importWh', 'exportWh'] });
});
