import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open62541Missing, open62541Server, type Open62541, type Variable } from '@commonwatt/domain/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { openConnections, type Connections } from '../connect.ts';
import { POLICIES } from './client.ts';
import { derOf, gatewayCertificate } from './pki.ts';

const missing = open62541Missing();
if (missing !== undefined) console.log(`left out: ${missing}, its server is not read`);

const METER = 'urn:example:acme-meter';
const power: Variable = {
  ns: 2,
  id: 's=P',
  parent: 's=Grid',
  name: 'ActivePower',
  type: 'float',
  value: 1.5,
  unit: 'kW',
};
const imported: Variable = {
  ns: 2,
  id: 'i=7001',
  parent: 's=Grid',
  name: 'EnergyImport',
  type: 'uint64',
  value: 12_345_678_901,
  unit: 'Wh',
};
const exported: Variable = {
  ns: 2,
  id: 's=E;-',
  parent: 's=Grid',
  name: 'EnergyExport',
  type: 'double',
  value: 42.4,
  unit: 'kWh',
};
const NODES = {
  powerW: { node: `nsu=${METER};s=P`, scale: 1000 },
  importWh: { node: `nsu=${METER};i=7001`, scale: 1 },
  exportWh: { node: `nsu=${METER};s=E;-`, scale: 1000 },
};

describe.skipIf(missing !== undefined)('an open62541 server', () => {
  const folder = temporaryFolder();
  const pkiFolder = join(folder.path, 'pki');
  const trustClient = join(folder.path, 'client.der');
  let server: Open62541;
  let connections: Connections;

  const start = (over: object = {}): Promise<Open62541> =>
    open62541Server({
      folder: join(folder.path, 'server'),
      namespaces: [METER],
      folders: [{ ns: 2, id: 's=Grid', parent: '-', name: 'Grid' }],
      variables: [power, imported, exported],
      trustClient,
      ...over,
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
      nodes: NODES,
      serverCertificatePath: server.certificatePath,
      ...over,
    }) as const;
  const quick = () =>
    openConnections({
      pkiFolder,
      opcua: { timeoutMs: 400, connectTimeoutMs: 4000, backoffFirstMs: 1, backoffMaxMs: 5 },
    });

  beforeAll(async () => {
    const pem = await gatewayCertificate(pkiFolder);
    writeFileSync(trustClient, derOf(readFileSync(pem), pem));
    server = await start();
  });
  afterAll(async () => {
    await server?.stop();
    folder.remove();
  });
  afterEach(() => connections?.closeAll());

  test.each(POLICIES)('is read with SignAndEncrypt and %s, user and password', async (security) => {
    connections = quick();
    const sample = await connections.device(config({ security })).read();
    expect(sample).toMatchObject({
      values: { powerW: 1500, importWh: 12_345_678_901, exportWh: 42_400 },
      nonsense: [],
    });
    expect(Math.abs((sample.deviceTimeMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('a wrong password is refused', async () => {
    connections = quick();
    await expect(connections.device(config({ password: 'wrong' })).read()).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('a certificate that the server does not trust is refused', async () => {
    connections = openConnections({ pkiFolder: join(folder.path, 'stranger') });
    await expect(connections.device(config()).read()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each([
    ['BadNotConnected', 0x808a_0000],
    ['BadOutOfService', 0x808d_0000],
    ['UncertainLastUsableValue', 0x4090_0000],
  ])('a counter with status %s is no value; a good one counts again', async (name, status) => {
    connections = quick();
    const meter = connections.device(config());
    await meter.read();
    await server.set(imported, { status });
    await expect(meter.read()).rejects.toThrow(new RegExp(`i=7001 has no good value: ${name}`));
    await server.set(imported, {});
    expect((await meter.read()).values.importWh).toBe(12_345_678_901);
  });

  test('namespaces that change their order over a restart: nodes are found by URI', async () => {
    connections = quick();
    const meter = connections.device(config());
    await meter.read();
    const port = Number(new URL(server.endpoint.replace('opc.tcp', 'http')).port);
    await server.stop();
    // The index that was the meter's holds other nodes with the same ids now.
    const impostors = [power, imported, exported].map((variable) => ({ ...variable, value: 666 }));
    const moved = (variable: Variable): Variable => ({ ...variable, ns: 3 });
    server = await start({
      port,
      namespaces: ['urn:example:new', METER],
      folders: [
        { ns: 2, id: 's=Grid', parent: '-', name: 'Grid' },
        { ns: 3, id: 's=Grid', parent: '-', name: 'Grid' },
      ],
      variables: [...impostors, ...[power, imported, exported].map(moved)],
    });
    let sample = await meter.read().catch(() => undefined);
    for (let tries = 0; tries < 50 && !sample; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      sample = await meter.read().catch(() => undefined);
    }
    expect(sample?.values.importWh).toBe(12_345_678_901);
    await server.stop();
    server = await start({ port });
  });

  test('a subscription: changes beyond the deadband alone, and again after the server was away', async () => {
    connections = quick();
    const meter = connections.device(config({ subscribe: { samplingIntervalMs: 100, deadbandW: 200 } }));
    const seen: number[] = [];
    meter.watch?.(({ powerW }) => seen.push(powerW ?? Number.NaN));
    await meter.read();
    await until(() => seen.at(-1) === 1500, 'the first value');
    await server.set(power, { value: 1.6 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await server.set(power, { value: 2.5 });
    await until(() => seen.at(-1) === 2500, 'the change');
    // The server takes the deadband and tells of every change all the same.
    expect(seen).toEqual([1500, 2500]);
    const port = Number(new URL(server.endpoint.replace('opc.tcp', 'http')).port);
    await server.stop();
    server = await start({ port });
    await until(() => {
      void meter.read().catch(() => {});
      return seen.length > 2;
    }, 'the value after the restart');
    expect(seen.at(-1)).toBe(1500);
  });

  test('a server that freezes: an error within the deadline, values when it goes on', async () => {
    connections = quick();
    const meter = connections.device(config());
    await meter.read();
    server.freeze(true);
    const startedMs = performance.now();
    await expect(meter.read()).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(1500);
    server.freeze(false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await meter.read()).values.powerW).toBe(1500);
  });
});
