import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { steppedClock } from '../../test/clock.ts';
import { fakeModbus, type FakeModbus } from '../../test/fake-modbus.ts';
import { block, common, fakeBattery, sunspecMap, u32 } from '../../test/fake-sunspec.ts';
import { fakeSdm630, temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { checkConfig } from './check.ts';
import { parseConfig } from './file.ts';
import { runFromConfig } from './run.ts';
import { scanHost } from './scan.ts';

const pymodbus = spawnSync('/usr/bin/python3', ['-c', 'import pymodbus']).status === 0;
if (!pymodbus) console.log('left out: no python3-pymodbus here, its server is not scanned');

const cleanups: (() => unknown)[] = [];
let fake: FakeModbus;
beforeEach(async () => {
  fake = await fakeModbus();
  cleanups.push(() => fake.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const scan = (port: number, unitIds: readonly number[] = [1, 2, 3, 0]) =>
  scanHost('127.0.0.1', { ports: [port], unitIds, opcuaPorts: [], timeoutMs: 80 });

const INVERTER = block(103, 50, { 10: 2315, 13: -1, 14: 350, 15: 1, 24: u32(123), 26: 0, 38: 4 });
const METER = block(203, 105, {
  8: 2300,
  15: -1,
  16: 500,
  17: -1,
  18: 900,
  22: 0,
  38: u32(111),
  46: u32(222),
  54: 0,
});
const STORAGE = block(124, 24, { 2: 5000, 5: 0, 8: 5000, 18: 0, 22: -2, 25: -2 });

/** The file that a scan wrote, on disk. */
function written(yaml: string): string {
  const folder = temporaryFolder();
  cleanups.push(folder.remove);
  const path = join(folder.path, 'gateway.yaml');
  writeFileSync(path, yaml);
  return path;
}

/** What a newcomer does with the file, without touching it. */
async function accepted(yaml: string): Promise<void> {
  const path = written(yaml);
  const lines: string[] = [];
  const result = await checkConfig(path, (line) => lines.push(line));
  expect(result.failures).toEqual([]);
  expect(result.ok ? '' : lines.join('\n')).toBe('');
  const gateway = await runFromConfig(path, { deliverTo: () => async () => 'accepted', log: () => {} });
  cleanups.push(() => gateway.stop());
  await until(() => gateway.latest()?.gridW !== undefined, 'a look', 20_000);
  await gateway.stop();
}

describe('what a scan finds', () => {
  test('a device that answers any unit id is told once', async () => {
    const meter = await fakeSdm630(steppedClock(0));
    cleanups.push(() => meter.close());
    const { devices, yaml } = await scan(meter.fake.port);
    expect(devices).toMatchObject([{ unitId: 1, profile: 'sdm630', role: 'grid-meter' }]);
    await accepted(yaml);
  });

  test('a hybrid inverter is three devices, each with its own serial number', async () => {
    sunspecMap(fake, [common('Sun', 'Hybrid', 'H-1'), INVERTER, STORAGE, common('Wh', 'Node', 'M-2'), METER]);
    const { devices, yaml } = await scan(fake.port);
    expect(devices.map(({ role, about }) => [role, about])).toEqual([
      ['grid-meter', 'Wh Node M-2'],
      ['pv', 'Sun Hybrid H-1'],
      ['battery', 'Sun Hybrid H-1'],
    ]);
    expect(parseConfig(yaml, 'found.yaml').devices).toHaveLength(3);
  });

  test.each([200, 240])('a meter behind an inverter, at unit %i, without being told', async (unitId) => {
    sunspecMap(fake, [common('Wh', 'Node', 'M-2'), METER]);
    fake.units.add(unitId);
    const { devices } = await scanHost('127.0.0.1', { ports: [fake.port], opcuaPorts: [], timeoutMs: 80 });
    expect(devices).toMatchObject([{ unitId, profile: 'sunspec', role: 'grid-meter', about: 'Wh Node M-2' }]);
  });

  test('a battery alone: the file says what is missing; check reads it all the same, run does not start', async () => {
    fakeBattery(fake);
    const { yaml } = await scan(fake.port);
    expect(yaml).toContain('# No grid meter was found');
    const path = written(yaml);
    const lines: string[] = [];
    const result = await checkConfig(path, (line) => lines.push(line));
    expect(result).toMatchObject({ ok: false, failures: [] });
    expect(lines.join('\n')).toMatch(/stateOfChargePermille +500 permille good/);
    expect(lines.at(-1)).toMatch(/there is no grid meter yet/);
    const options = { deliverTo: () => async () => 'accepted' as const, log: () => {} };
    await expect(runFromConfig(path, options)).rejects.toThrow(
      /gateway.yaml:\d+:\d+: a home has one grid meter/,
    );
  });

  test('two meters: one is taken, the other stands by as a comment', async () => {
    const first = await fakeSdm630(steppedClock(0));
    const second = await fakeSdm630(steppedClock(0), 70_000);
    cleanups.push(
      () => first.close(),
      () => second.close(),
    );
    const { yaml } = await scanHost('127.0.0.1', {
      ports: [first.fake.port, second.fake.port],
      unitIds: [1],
      opcuaPorts: [],
      timeoutMs: 80,
    });
    expect(parseConfig(yaml, 'found.yaml').devices).toHaveLength(1);
    expect(yaml).toMatch(new RegExp(`# +- .*"port":${second.fake.port}`));
    await accepted(yaml);
  });

  test.each<[string, (device: FakeModbus) => void]>([
    ['takes one client only', (device) => void (device.clientsMax = 1)],
    ['hangs up after every answer', (device) => void (device.hangsUp = true)],
    ['is silent at unit ids that are not its own', (device) => void device.units.add(3)],
    ['says exception 11 there', (device) => void (device.refuse = ({ unit }) => (unit === 3 ? 0 : 11))],
    [
      'says exception 4 of what it does not have',
      (device) => void (device.refuse = ({ address }) => (address >= 40_000 && address < 40_400 ? 0 : 4)),
    ],
  ])('a device that %s', async (_name, change) => {
    sunspecMap(fake, [common('A', 'B', 'C'), METER]);
    change(fake);
    const { devices, yaml } = await scan(fake.port);
    expect(devices).toMatchObject([{ profile: 'sunspec', role: 'grid-meter' }]);
    await accepted(yaml);
  });

  test('nothing that is known', async () => {
    expect((await scan(fake.port)).devices).toEqual([]);
    fake.fault = { kind: 'garbage' };
    expect((await scan(fake.port, [1])).devices).toEqual([]);
  });
});

test.skipIf(!pymodbus)(
  'a pymodbus server: scanned, checked and run with the file as it was written',
  async () => {
    const folder = temporaryFolder();
    cleanups.push(folder.remove);
    const script = join(folder.path, 'server.py');
    const probe = net.createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as net.AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    writeFileSync(
      script,
      `
import struct
from pymodbus.server import StartTcpServer
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusSlaveContext, ModbusServerContext
words = [0] * 200
def put(address, value):
    words[address:address + 2] = struct.unpack('>HH', struct.pack('>f', value))
put(0x00, 230.5); put(0x02, 231.5); put(0x04, 229.5); put(0x34, 1234.5); put(0x46, 50.0); put(0x48, 4321.0); put(0x4a, 12.5)
slave = ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, words), zero_mode=True)
StartTcpServer(context=ModbusServerContext(slaves={5: slave}, single=False), address=('127.0.0.1', ${port}))
`,
    );
    const child = spawn('/usr/bin/python3', [script], { stdio: 'ignore' });
    cleanups.push(() => child.kill('SIGKILL'));
    const listens = async (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
    let up = false;
    for (let tries = 0; !up && tries < 200; tries += 1) {
      up = await listens();
      if (!up) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { devices, yaml } = await scanHost('127.0.0.1', {
      ports: [port],
      unitIds: [1, 5],
      opcuaPorts: [],
      timeoutMs: 300,
    });
    expect(devices).toMatchObject([{ unitId: 5, profile: 'sdm630', role: 'grid-meter' }]);
    await accepted(yaml);
  },
);
