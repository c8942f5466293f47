import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cuttable } from '../../test/cuttable.ts';
import { fakeOpcua, type FakeOpcua } from '../../test/fake-opcua.ts';
import { temporaryFolder } from '../../test/homes.ts';
import { openConnections, type Connections } from '../connect.ts';
import { gatewayCertificate } from './pki.ts';

const folder = temporaryFolder();
const pkiFolder = join(folder.path, 'pki');
let server: FakeOpcua;
let connections: Connections;

const VALUES = {
  'Meter.AcActivePowerTotal': 812.5,
  'Meter.AcActiveEnergyTotalImportHp': 123456.7,
  'Meter.AcActiveEnergyTotalExportHp': 42,
  'Meter.AcVoltagePhase1': 231,
  'Battery.StateOfCharge': 55.5,
  'Battery.Power': -300,
  'Battery.EnergyCharged': 9000,
  'Battery.EnergyDischarged': 8000,
  'Battery.Capacity': 10_000,
  'Battery.ChargePowerMax': 5000,
  'Battery.DischargePowerMax': 4600,
  'Battery.Setpoint': 0,
  'Battery.SetpointTimeout': 0,
  'Battery.Mode': 0,
};

beforeAll(async () => {
  const trustClient = await gatewayCertificate(pkiFolder);
  server = await fakeOpcua({ folder: join(folder.path, 'server'), values: { ...VALUES }, trustClient });
  connections = openConnections({ pkiFolder });
});
afterAll(async () => {
  await connections.closeAll();
  await server.stop();
  folder.remove();
});

const config = (over: object = {}) =>
  ({
    id: 'meter',
    role: 'grid-meter',
    protocol: 'opcua',
    endpoint: server.endpoint,
    user: 'gateway',
    password: 'secret',
    profile: 'opc34100',
    serverCertificatePath: server.certificatePath,
    ...over,
  }) as const;

test('reads a meter over an encrypted session', async () => {
  const sample = await connections.device(config()).read();
  expect(sample).toMatchObject({
    values: { powerW: 812.5, importWh: 123457, exportWh: 42, voltageL1V: 231 },
    nonsense: [],
  });
});

test('forces a battery, values first and the mode last, reads back, and lets it go', async () => {
  const battery = connections.device({ ...config(), id: 'battery', role: 'battery' });
  expect((await battery.read()).values).toMatchObject({ stateOfChargePermille: 555, powerW: -300 });
  expect(await battery.control?.force(1500, 90_000)).toEqual({
    writtenW: 1500,
    readBackW: 1500,
    holds: true,
  });
  expect(server.writes).toEqual([
    ['Battery.Setpoint', 1500],
    ['Battery.SetpointTimeout', 90],
    ['Battery.Mode', 1],
  ]);
  await battery.control?.release();
  expect(server.values['Battery.Mode']).toBe(0);
});

test.each([
  ['a wrong password', { password: 'wrong' }],
  ['an unknown user', { user: 'nobody' }],
])('%s is refused', async (_name, over) => {
  const apart = openConnections({ pkiFolder });
  await expect(apart.device(config(over)).read()).rejects.toMatchObject({ code: 'unavailable' });
  await apart.closeAll();
});

test('a server that is not on the trust list is refused', async () => {
  const elsewhere = openConnections({ pkiFolder: join(folder.path, 'other-pki') });
  const { serverCertificatePath: _, ...untrusted } = config();
  await expect(elsewhere.device(untrusted).read()).rejects.toMatchObject({ code: 'unavailable' });
  await elsewhere.closeAll();
});

test('a server whose certificate has expired is refused', async () => {
  const old = await fakeOpcua({ folder: join(folder.path, 'old'), values: { ...VALUES }, expired: true });
  const apart = openConnections({ pkiFolder });
  const expired = config({ endpoint: old.endpoint, serverCertificatePath: old.certificatePath });
  await expect(apart.device(expired).read()).rejects.toMatchObject({ code: 'unavailable' });
  await apart.closeAll();
  await old.stop();
});

test('another trusted server at the address is refused: the certificate is pinned', async () => {
  const other = await fakeOpcua({ folder: join(folder.path, 'imposter'), values: { ...VALUES } });
  const apart = openConnections({ pkiFolder });
  await apart
    .device(config({ endpoint: other.endpoint, serverCertificatePath: other.certificatePath }))
    .read();
  const imposter = apart.device(config({ endpoint: other.endpoint }));
  await expect(imposter.read()).rejects.toMatchObject({ code: 'unavailable' });
  await apart.closeAll();
  await other.stop();
});

test('a server that freezes: an error in time, and values again once it answers', async () => {
  const network = await cuttable(Number(new URL(server.endpoint.replace('opc.tcp', 'http')).port));
  const patient = openConnections({
    pkiFolder,
    opcua: { timeoutMs: 300, connectTimeoutMs: 4000, backoffFirstMs: 1, backoffMaxMs: 5 },
  });
  const device = patient.device(config({ endpoint: `opc.tcp://127.0.0.1:${network.port}` }));
  expect((await device.read()).values.powerW).toBe(812.5);
  network.set('swallow');
  const startedMs = performance.now();
  await expect(device.read()).rejects.toMatchObject({ code: 'unavailable' });
  expect(performance.now() - startedMs).toBeLessThan(1000);
  network.set('open');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await device.read()).values.powerW).toBe(812.5);
  await patient.closeAll();
  await network.close();
});

test('bad status and NaN of single nodes: left out, or nonsense', async () => {
  const apart = openConnections({ pkiFolder });
  server.values['Meter.AcActivePowerTotal'] = Number.NaN;
  server.values['Meter.AcActiveEnergyTotalImportHp'] = 1e30;
  const sample = await apart.device(config()).read();
  expect(sample.nonsense).toEqual(['powerW', 'importWh']);
  expect(sample.values).toEqual({ exportWh: 42, voltageL1V: 231 });
  Object.assign(server.values, VALUES);
  await apart.closeAll();
});

test('a subscription reports changes beyond the deadband, and comes back after the connection was lost', async () => {
  const apart = openConnections({
    pkiFolder,
    opcua: { timeoutMs: 2000, backoffFirstMs: 1, backoffMaxMs: 5 },
  });
  const device = apart.device(config({ subscribe: { samplingIntervalMs: 100, deadbandW: 50 } }));
  const seen: (number | undefined)[] = [];
  device.watch?.(({ powerW }) => seen.push(powerW));
  await device.read();
  const sees = async (value: number): Promise<void> => {
    for (let tries = 0; tries < 100 && seen.at(-1) !== value; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(seen.at(-1)).toBe(value);
  };
  await sees(812.5);
  server.values['Meter.AcActivePowerTotal'] = 830;
  await new Promise((resolve) => setTimeout(resolve, 400));
  server.values['Meter.AcActivePowerTotal'] = 2000;
  await sees(2000);
  expect(seen).toEqual([812.5, 2000]);
  // The server restarts and knows no session any more: there is a new one, and with it the subscription.
  const { endpoint, certificatePath } = server;
  await server.stop();
  await expect(device.read()).rejects.toMatchObject({ code: 'unavailable' });
  server = await fakeOpcua({
    folder: join(folder.path, 'server'),
    values: { ...VALUES, 'Meter.AcActivePowerTotal': 3000 },
    trustClient: await gatewayCertificate(pkiFolder),
    port: Number(new URL(endpoint.replace('opc.tcp', 'http')).port),
    keepCertificate: true,
  });
  expect(server.certificatePath).toBe(certificatePath);
  let sample = await device.read().catch(() => undefined);
  for (let tries = 0; tries < 10 && !sample; tries += 1) sample = await device.read().catch(() => undefined);
  expect(sample?.values.powerW).toBe(3000);
  await sees(3000);
  await apart.closeAll();
});

test('a write that the server refuses is told, and the session stays', async () => {
  const apart = openConnections({ pkiFolder });
  const battery = apart.device(config({ id: 'battery', role: 'battery' }));
  server.refuse = true;
  await expect(battery.control?.force(1000, 60_000)).rejects.toThrow(
    /Battery.Setpoint: the server answers Bad/,
  );
  server.refuse = false;
  expect((await battery.read()).values.capacityWh).toBe(10_000);
  await apart.closeAll();
});
