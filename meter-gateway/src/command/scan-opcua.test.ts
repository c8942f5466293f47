import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open62541Missing, open62541Server, type Folder, type Variable } from '@commonwatt/domain/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { fakeOpcua } from '../../test/fake-opcua.ts';
import { temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { browseVariables } from '../opcua/browse.ts';
import { derOf, gatewayCertificate } from '../opcua/pki.ts';
import { OpcuaConnection } from '../opcua/session.ts';
import { checkConfig } from './check.ts';
import { runFromConfig } from './run.ts';
import { scanHost } from './scan.ts';
import type { OpcuaLogin } from './scan-opcua.ts';

const missing = open62541Missing();
if (missing !== undefined) console.log(`left out: ${missing}, it is not browsed`);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A folder with the gateway's own certificate and a login that keeps the server's beside the configuration to be. */
async function place(): Promise<{ path: string; trustClient: string; login: OpcuaLogin }> {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const pkiFolder = join(path, 'gateway-state', 'pki');
  const pem = await gatewayCertificate(pkiFolder);
  const trustClient = join(path, 'client.der');
  writeFileSync(trustClient, derOf(readFileSync(pem), pem));
  const keepCertificate = (text: string) => {
    writeFileSync(join(path, 'server.pem'), text);
    return { path: join(path, 'server.pem'), name: 'server.pem' };
  };
  const login = { user: 'gateway', password: 'secret', trust: () => true, keepCertificate, pkiFolder };
  return { path, trustClient, login };
}

const portOf = (endpoint: string): number => Number(new URL(endpoint.replace('opc.tcp', 'http')).port);

const folder = (id: string, parent: string, name: string): Folder => ({ ns: 2, id, parent, name });
const variable = (
  id: string,
  parent: string,
  name: string,
  type: Variable['type'],
  value: number | string,
  unit?: string,
): Variable => ({ ns: 2, id, parent, name, type, value, ...(unit === undefined ? {} : { unit }) });

const SITE = {
  namespaces: ['urn:example:plc'],
  folders: [
    folder('s=Site', '-', 'Site'),
    folder('s=M', 's=Site', 'GridMeter'),
    folder('s=B', 's=Site', 'Battery'),
  ],
  variables: [
    variable('i=1', 's=M', 'AcActivePowerTotal', 'float', 1.25, 'kW'),
    variable('i=2', 's=M', 'AcActiveEnergyTotalImportHp', 'double', 1234.5, 'kWh'),
    variable('i=3', 's=M', 'AcActiveEnergyTotalExportHp', 'double', 99.5, 'kWh'),
    variable('i=4', 's=M', 'SerialNumber', 'string', 'A-17'),
    variable('i=21', 's=B', 'Power', 'int32', -800, 'W'),
    variable('i=22', 's=B', 'StateOfCharge', 'float', 55.5, '%'),
    variable('i=23', 's=B', 'EnergyCharged', 'uint64', 100_000, 'Wh'),
    variable('i=24', 's=B', 'EnergyDischarged', 'uint64', 90_000, 'Wh'),
    variable('i=28', 's=Site', 'OutsideTemperature', 'float', 9.5, 'C'),
  ],
};

describe.skipIf(missing !== undefined)('a server that nobody here wrote', () => {
  test('is scanned, and check and run take the configuration as it is', async () => {
    const { path, trustClient, login } = await place();
    const server = await open62541Server({ ...SITE, folder: join(path, 'server'), trustClient });
    cleanups.push(() => server.stop());
    const lines: string[] = [];
    const result = await scanHost('127.0.0.1', {
      ports: [],
      opcuaPorts: [portOf(server.endpoint)],
      login,
      withPassword: true,
      print: (line) => lines.push(line),
    });
    expect(result.servers[0]).toMatchObject({ security: 'Aes256_Sha256_RsaPss' });
    expect(lines.join('\n')).toMatch(/level 3: .* nodes/);
    expect(result.yaml).toMatch(/^# +Site \/ OutsideTemperature = 9.5 C +nsu=urn:example:plc;i=28$/m);
    const file = join(path, 'gateway.yaml');
    writeFileSync(file, result.yaml);
    const check = await checkConfig(file);
    expect(check.failures).toEqual([]);
    const values = Object.fromEntries(
      check.rows.map(({ role, quantity, value }) => [`${role} ${quantity}`, value]),
    );
    expect(check.ok).toBe(true);
    expect(values).toMatchObject({
      'grid-meter powerW': 1250,
      'grid-meter importWh': 1_234_500,
      'battery powerW': -800,
      'battery stateOfChargePermille': 555,
    });
    const gateway = await runFromConfig(file, { deliverTo: () => async () => 'accepted', log: () => {} });
    cleanups.push(() => gateway.stop());
    await until(() => gateway.latest()?.importWh === 1_234_500, 'a look');
  });

  test('without trust nothing is sent, without the right password nothing is found, and both are said', async () => {
    const { path, trustClient, login } = await place();
    const server = await open62541Server({ ...SITE, folder: join(path, 'server'), trustClient });
    cleanups.push(() => server.stop());
    const scan = async (over: Partial<OpcuaLogin>): Promise<[number, string]> => {
      const lines: string[] = [];
      const { servers } = await scanHost('127.0.0.1', {
        ports: [],
        opcuaPorts: [portOf(server.endpoint)],
        login: { ...login, ...over },
        print: (line) => lines.push(line),
      });
      return [servers.length, lines.join('\n')];
    };
    expect(await scan({ trust: () => false })).toEqual([0, expect.stringContaining('were not sent')]);
    expect(await scan({ password: 'wrong' })).toEqual([
      0,
      expect.stringContaining('check user and password'),
    ]);
    const stranger = await scan({ pkiFolder: join(path, 'stranger') });
    expect(stranger).toEqual([0, expect.stringContaining('may not trust the gateway yet')]);
  });

  test('loops, second parents, many children in pieces: every node once; limits end it', async () => {
    const { path, trustClient, login } = await place();
    // More nodes with a rest to come back for than the server has continuation points.
    const groups = Array.from({ length: 8 }, (_, group) => folder(`s=G${group}`, 's=Site', `G${group}`));
    const many = groups.flatMap(({ id }, group) =>
      Array.from({ length: 23 }, (_, index) =>
        variable(`i=${1000 + group * 100 + index}`, id, `V${index}`, 'double', index),
      ),
    );
    const server = await open62541Server({
      ...SITE,
      folders: [...SITE.folders, ...groups],
      variables: [...SITE.variables, ...many],
      links: [
        { ns: 2, from: 's=B', to: 's=Site' },
        { ns: 2, from: 's=M', to: 's=B' },
        { ns: 2, from: 's=M', to: 's=M' },
      ],
      folder: join(path, 'server'),
      trustClient,
    });
    cleanups.push(() => server.stop());
    const { user, password, pkiFolder } = login;
    const { endpoint, certificatePath: serverCertificatePath } = server;
    const connection = new OpcuaConnection({ endpoint, user, password, pkiFolder, serverCertificatePath });
    cleanups.push(() => connection.close());
    const all = await browseVariables(connection);
    const nodes = all.variables.map(({ node }) => node).filter((node) => node.includes('urn:example:plc'));
    expect(new Set(nodes).size).toBe(nodes.length);
    expect(nodes).toHaveLength(SITE.variables.length + 8 * 23);
    expect(all.cut).toBeNull();
    expect(await browseVariables(connection, { nodesMax: 30 })).toMatchObject({
      nodes: 30,
      cut: 'more than 30 nodes',
    });
    expect((await browseVariables(connection, { depthMax: 2 })).cut).toBe('deeper than 2 levels');
    expect((await browseVariables(connection, { durationMaxMs: 0 })).cut).toBe('longer than 0 s');
  });

  test('a server that falls silent in the middle ends the scan within the deadline', async () => {
    const { path, trustClient, login } = await place();
    const server = await open62541Server({ ...SITE, folder: join(path, 'server'), trustClient });
    cleanups.push(() => server.stop());
    const { user, password, pkiFolder } = login;
    const { endpoint, certificatePath: serverCertificatePath } = server;
    const connection = new OpcuaConnection({ endpoint, user, password, pkiFolder, serverCertificatePath });
    cleanups.push(() => connection.close());
    await connection.read(['i=2258']);
    const startedMs = performance.now();
    const browse = browseVariables(connection, { timeoutMs: 300 }, () => server.freeze(true));
    await expect(browse).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(2000);
    server.freeze(false);
  });
});

test('nodes of a profile are taken by the profile, with its set-points', async () => {
  const { path, login } = await place();
  const server = await fakeOpcua({
    folder: join(path, 'server'),
    values: {
      'Meter.AcActivePowerTotal': 1,
      'Meter.AcActiveEnergyTotalImportHp': 2,
      'Meter.AcActiveEnergyTotalExportHp': 3,
      'Battery.StateOfCharge': 50,
      'Battery.Power': 0,
      'Battery.EnergyCharged': 1,
      'Battery.EnergyDischarged': 1,
    },
  });
  cleanups.push(() => server.stop());
  const { servers } = await scanHost('127.0.0.1', {
    ports: [],
    opcuaPorts: [portOf(server.endpoint)],
    login,
  });
  expect(servers[0]?.devices).toEqual([
    { role: 'grid-meter', profile: 'opc34100' },
    { role: 'battery', profile: 'opc34100' },
  ]);
});
