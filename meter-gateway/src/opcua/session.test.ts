import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DataType, OPCUAClientBase, StatusCodes, type DataValue } from 'node-opcua';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cuttable, type Cuttable } from '../../test/cuttable.ts';
import { fakeOpcua, type FakeOpcua } from '../../test/fake-opcua.ts';
import { temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { openConnections, type Connections } from '../connect.ts';
import { gatewayCertificate } from './pki.ts';
import { OpcuaConnection } from './session.ts';

const folder = temporaryFolder();
const pkiFolder = join(folder.path, 'pki');
let server: FakeOpcua;
let network: Cuttable;
const cleanups: (() => unknown)[] = [];

const VALUES = {
  'Meter.AcActivePowerTotal': 812.5,
  'Meter.AcActiveEnergyTotalImportHp': 123_456,
  'Meter.AcActiveEnergyTotalExportHp': 42,
  'Meter.AcVoltagePhase1': 231,
};
const portOf = (endpoint: string): number => Number(new URL(endpoint.replace('opc.tcp', 'http')).port);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  const trustClient = await gatewayCertificate(pkiFolder);
  server = await fakeOpcua({ folder: join(folder.path, 'server'), values: { ...VALUES }, trustClient });
  network = await cuttable(portOf(server.endpoint));
});
afterAll(async () => {
  await network.close();
  await server.stop();
  folder.remove();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  network.set('open');
  Object.assign(server.values, VALUES);
});

function open(over: object = {}): Connections {
  const connections = openConnections({
    pkiFolder,
    opcua: { timeoutMs: 2000, connectTimeoutMs: 5000, backoffFirstMs: 1, backoffMaxMs: 5, ...over },
  });
  cleanups.push(() => connections.closeAll());
  return connections;
}

const config = (over: object = {}) =>
  ({
    id: 'meter',
    role: 'grid-meter',
    protocol: 'opcua',
    endpoint: `opc.tcp://127.0.0.1:${network.port}`,
    user: 'gateway',
    password: 'secret',
    profile: 'opc34100',
    serverCertificatePath: server.certificatePath,
    ...over,
  }) as const;

describe('a connection that breaks', () => {
  test('the session is kept: no second one is made', async () => {
    const meter = open().device(config());
    await meter.read();
    const { ever } = server.sessions();
    network.set('cut');
    await sleep(300);
    network.set('open');
    expect((await meter.read()).values.powerW).toBe(812.5);
    expect(server.sessions().ever).toBe(ever);
  });

  test('changes in the meantime are told afterwards, in order, as many as the server keeps', async () => {
    // Deadlines that a busy machine keeps: they are not what is looked at here.
    const connections = open({ timeoutMs: 10_000, connectTimeoutMs: 20_000 });
    const meter = connections.device(config({ subscribe: { samplingIntervalMs: 100, deadbandW: 10 } }));
    const seen: (number | undefined)[] = [];
    meter.watch?.(({ powerW }) => seen.push(powerW));
    await meter.read();
    await until(() => seen.length === 1, 'the first value');
    network.set('cut');
    // A new value at every sample, however late it comes. More than a queue holds: the oldest are dropped.
    let kilowatt = 0;
    server.onRead = () => {
      kilowatt = Math.min(15, kilowatt + 1);
      server.values['Meter.AcActivePowerTotal'] = 1000 * kilowatt;
    };
    cleanups.push(() => (server.onRead = () => {}));
    // Sixty publishing intervals and more: the subscription is kept as long as the session.
    await sleep(7000);
    await until(() => kilowatt === 15, 'the samples');
    network.set('open');
    await until(() => seen.at(-1) === 15_000, 'the last value', 15_000);
    const values = seen.map(Number);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.length).toBeGreaterThan(5);
  });

  test('that cannot be taken up in time: everything begins anew', async () => {
    const meter = open({ repairMs: 150, timeoutMs: 400 }).device(config());
    await meter.read();
    const { ever } = server.sessions();
    network.set('cut');
    await expect(meter.read()).rejects.toMatchObject({ code: 'unavailable' });
    await sleep(300);
    network.set('open');
    let sample = await meter.read().catch(() => undefined);
    for (let tries = 0; tries < 50 && !sample; tries += 1) {
      await sleep(50);
      sample = await meter.read().catch(() => undefined);
    }
    expect(sample?.values.powerW).toBe(812.5);
    expect(server.sessions().ever).toBeGreaterThan(ever);
  });

  test('a dozen cuts, some in the middle of a request: one session, and none after the close', async () => {
    const connections = open();
    const meter = connections.device(config());
    await meter.read();
    // One may be left of a client that was thrown away while cut off: the server keeps it for two minutes.
    const before = server.sessions();
    for (let cut = 0; cut < 12; cut += 1) {
      const reading = meter.read().catch(() => undefined);
      if (cut % 2 === 0) await reading;
      network.set('cut');
      network.set('open');
      await reading;
    }
    expect((await meter.read()).values.powerW).toBe(812.5);
    expect(server.sessions()).toEqual(before);
    await connections.closeAll();
    await until(() => server.sessions().open === before.open - 1, 'the end of the session');
  });
});

describe('what a server may answer', () => {
  test('a value of another data type is nonsense, whatever it looks like', async () => {
    const odd = await fakeOpcua({
      folder: join(folder.path, 'odd'),
      values: { ...VALUES },
      types: { 'Meter.AcActivePowerTotal': DataType.String },
    });
    cleanups.push(() => odd.stop());
    const meter = open().device(
      config({ endpoint: odd.endpoint, serverCertificatePath: odd.certificatePath }),
    );
    expect(await meter.read()).toMatchObject({ nonsense: ['powerW'], values: { exportWh: 42 } });
  });

  test('a deadband that is refused: every change is told', async () => {
    const odd = await fakeOpcua({
      folder: join(folder.path, 'texts'),
      values: { ...VALUES },
      types: { 'Meter.AcActivePowerTotal': DataType.String },
    });
    cleanups.push(() => odd.stop());
    const connection = new OpcuaConnection({
      endpoint: odd.endpoint,
      user: 'gateway',
      password: 'secret',
      pkiFolder,
      serverCertificatePath: odd.certificatePath,
    });
    cleanups.push(() => connection.close());
    const node = 'nsu=urn:commonwatt:devices;s=Meter.AcActivePowerTotal';
    const seen: unknown[] = [];
    const onValue = (_node: string, { value }: DataValue): void => void seen.push(value.value);
    connection.watch({ samplingIntervalMs: 100, nodes: [{ node, deadband: 10 }], onValue });
    await connection.read([node]);
    await until(() => seen.includes('812.5'), 'the first value');
    expect(seen).toEqual(['812.5']);
  });

  test('a node that is not there is named; the session stays', async () => {
    const nodes = {
      powerW: { node: 'nsu=urn:commonwatt:devices;s=Meter.Gone', scale: 1 },
      importWh: { node: 'nsu=urn:commonwatt:devices;s=Meter.AcActiveEnergyTotalImportHp', scale: 1 },
    };
    const meter = open().device(config({ nodes }));
    await expect(meter.read()).rejects.toThrow(/s=Meter.Gone has no good value: BadNodeIdUnknown/);
    const { ever } = server.sessions();
    await expect(meter.read()).rejects.toThrow(/BadNodeIdUnknown/);
    expect(server.sessions().ever).toBe(ever);
  });

  test('a namespace that is not there is named', async () => {
    const nodes = { powerW: { node: 'nsu=urn:nobody;s=P', scale: 1 } };
    await expect(open().device(config({ nodes })).read()).rejects.toThrow(/no namespace urn:nobody/);
  });

  test('a node that cannot be watched is left to the poll', async () => {
    const nodes = {
      powerW: { node: 'nsu=urn:commonwatt:devices;s=Meter.AcActivePowerTotal', scale: 1 },
      importWh: { node: 'nsu=urn:commonwatt:devices;s=Meter.AcActiveEnergyTotalImportHp', scale: 1 },
      stateOfChargePermille: { node: 'nsu=urn:commonwatt:devices;s=Meter.Gone', scale: 1 },
    };
    const subscribe = { samplingIntervalMs: 100, deadbandW: 10 };
    const meter = open().device(config({ nodes, subscribe }));
    const seen: (number | undefined)[] = [];
    meter.watch?.(({ powerW }) => seen.push(powerW));
    expect((await meter.read()).values).toEqual({ powerW: 812.5, importWh: 123_456 });
    await until(() => seen.includes(812.5), 'the watched one');
  });

  test('Good with information bits is good, Uncertain and Bad are not', async () => {
    const meter = open().device(config());
    // Good, with the overflow bit of a queue (OPC 10000-4, 7.39.1).
    server.statuses['Meter.AcVoltagePhase1'] = StatusCodes.GoodClamped;
    expect((await meter.read()).values.voltageL1V).toBe(231);
    for (const status of [StatusCodes.UncertainSensorNotAccurate, StatusCodes.BadSensorFailure]) {
      server.statuses['Meter.AcVoltagePhase1'] = status;
      const { values, nonsense } = await meter.read();
      expect([values.voltageL1V, values.powerW, nonsense]).toEqual([undefined, 812.5, []]);
    }
    delete server.statuses['Meter.AcVoltagePhase1'];
  });
});

test('a server whose sessions are all taken: unavailable, and read when one ends', async () => {
  const small = await fakeOpcua({
    folder: join(folder.path, 'small'),
    values: { ...VALUES },
    sessionsMax: 1,
  });
  cleanups.push(() => small.stop());
  const over = { endpoint: small.endpoint, serverCertificatePath: small.certificatePath };
  const [first, second] = [open(), open()];
  const other = first.device(config(over));
  await other.read();
  const meter = second.device(config(over));
  await expect(meter.read()).rejects.toThrow(/BadTooManySessions/);
  await first.closeAll();
  let sample = await meter.read().catch(() => undefined);
  for (let tries = 0; tries < 50 && !sample; tries += 1) {
    await sleep(50);
    sample = await meter.read().catch(() => undefined);
  }
  expect(sample?.values.powerW).toBe(812.5);
});

test('close leaves no client, whatever happened before', async () => {
  const { registry } = OPCUAClientBase;
  const before = registry.count();
  const connections = open({ timeoutMs: 300 });
  const meter = connections.device(config());
  await meter.read();
  network.set('swallow');
  await meter.read().catch(() => undefined);
  network.set('cut');
  await meter.read().catch(() => undefined);
  await connections.closeAll();
  expect(registry.count()).toBe(before);
});

test('connections one after the other: memory does not grow, and nothing keeps the process', async () => {
  const script = fileURLToPath(new URL('../../test/opcua-reconnects.ts', import.meta.url));
  // It ends by itself or is killed, which is an error here.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--expose-gc',
      '--disable-warning=ExperimentalWarning',
      script,
      server.endpoint,
      server.certificatePath,
      pkiFolder,
      '30',
    ],
    { timeout: 60_000 },
  );
  const { grownBytes, ms } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    grownBytes: number;
    ms: number;
  };
  console.log(
    `30 OPC-UA connections: ${(grownBytes / 1e6).toFixed(2)} MB more in use, ${(ms / 30).toFixed(0)} ms each`,
  );
  // A client that stays in memory is 50 kB and more; `npm run bench` does two hundred.
  expect(grownBytes).toBeLessThan(1_000_000);
}, 70_000);
