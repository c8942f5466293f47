import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { steppedClock } from '../../test/clock.ts';
import { fakeModbus } from '../../test/fake-modbus.ts';
import { fakeOpcua } from '../../test/fake-opcua.ts';
import { fakeBattery } from '../../test/fake-sunspec.ts';
import { fakeSdm630, temporaryFolder } from '../../test/homes.ts';
import { until } from '../../test/test-home.ts';
import { checkConfig } from './check.ts';
import { parseConfig } from './file.ts';
import { openKey, runFromConfig } from './run.ts';
import { scanHost } from './scan.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
const folder = (): string => {
  const made = temporaryFolder();
  cleanups.push(made.remove);
  return made.path;
};

const GOOD = `community: commonwatt-1
participant: home-01
gateway: gw-home-01
market: http://127.0.0.1:8080
limits:
  importFuseW: 17000
devices:
  - id: meter
    role: grid-meter
    protocol: modbus-tcp
    host: 192.0.2.10
    profile: sdm630
  - id: battery
    role: battery
    protocol: opcua
    endpoint: opc.tcp://192.0.2.11:4840
    user: gateway
    password: secret
`;

describe('the configuration file', () => {
  test('defaults fill what is left out', () => {
    expect(parseConfig(GOOD, 'gateway.yaml')).toMatchObject({
      slotMinutes: 15,
      pollIntervalS: 5,
      stateFolder: 'gateway-state',
      limits: { importFuseW: 17_000, socReservePermille: 100 },
      devices: [{ port: 502, unitId: 1 }, { profile: 'opc34100' }],
    });
  });

  test.each<[string, string, string, number, RegExp]>([
    ['a number out of range', 'importFuseW: 17000', 'importFuseW: 3', 6, /importFuseW must be >= 500/],
    ['text for a number', 'importFuseW: 17000', 'importFuseW: lots', 6, /must be integer/],
    [
      'a key nobody knows',
      '  importFuseW: 17000',
      '  importFuseW: 17000\n  fuse: 3',
      7,
      /fuse is not known here/,
    ],
    ['a missing member', '    host: 192.0.2.10\n', '', 8, /host/],
    ['an unknown role', 'role: grid-meter', 'role: toaster', 9, /role must be .*grid-meter, pv, battery/],
    ['an unknown protocol', 'protocol: opcua', 'protocol: carrier-pigeon', 13, /protocol must be modbus-tcp/],
    ['an unknown profile', 'profile: sdm630', 'profile: sdm63', 12, /no device profile "sdm63"/],
    ['two devices with one id', 'id: battery', 'id: meter', 8, /two devices are called meter/],
    ['no grid meter', 'role: grid-meter', 'role: pv', 8, /one grid meter/],
    ['broken YAML', 'role: grid-meter', 'role: [', 10, /./],
    ['a tab', '    role: grid-meter', '\trole: grid-meter', 9, /./],
  ])('%s: the error names the line', (_name, from, to, line, words) => {
    expect(GOOD).toContain(from);
    const parse = (): unknown => parseConfig(GOOD.replace(from, to), 'gateway.yaml');
    expect(parse).toThrow(words);
    expect(parse).toThrow(new RegExp(`^gateway.yaml:${line}:\\d+: `));
    expect(parse).toThrow(
      expect.objectContaining({ place: expect.objectContaining({ remedy: expect.stringMatching(/.{10}/) }) }),
    );
  });

  test('the error names the column, and what to do', () => {
    const parse = (from: string, to: string) => () => parseConfig(GOOD.replace(from, to), 'g.yaml');
    const withPlace = (place: object) => expect.objectContaining({ place: expect.objectContaining(place) });
    expect(parse('profile: sdm630', 'profile: sdm63')).toThrow(/^g.yaml:12:14: /);
    expect(parse('profile: sdm630', 'profile: sdm63')).toThrow(
      withPlace({ field: 'devices.0.profile', remedy: expect.stringContaining('sdm630') }),
    );
    expect(parse('    host: 192.0.2.10\n', '')).toThrow(withPlace({ remedy: 'add host: and its value' }));
    expect(parse('profile: sdm630', 'timezone: Europe/Atlantis\n    profile: sdm630')).toThrow(
      /^g.yaml:12:15: there is no time zone "Europe\/Atlantis"/,
    );
  });

  test('what a Modbus device may need besides its address', () => {
    const manners =
      'pauseMs: 50\n    timeoutMs: 4000\n    wordOrder: low-first\n    turned: both\n    timezone: Europe/Berlin';
    const file = parseConfig(GOOD.replace('profile: sdm630', `profile: sdm630\n    ${manners}`), 'g.yaml');
    expect(file.devices[0]).toMatchObject({
      pauseMs: 50,
      timeoutMs: 4000,
      wordOrder: 'low-first',
      turned: 'both',
      timezone: 'Europe/Berlin',
    });
  });

  test('an empty file', () => {
    expect(() => parseConfig('', 'gateway.yaml')).toThrow(/gateway.yaml:1:1: /);
  });
});

async function devices() {
  const meter = await fakeSdm630(steppedClock(0));
  const bank = await fakeModbus();
  cleanups.push(
    () => meter.close(),
    () => bank.close(),
  );
  meter.fake.units.add(1);
  bank.units.add(3);
  fakeBattery(bank);
  return { meter, bank };
}

function configFile(meterPort: number, bankPort: number): string {
  const path = join(folder(), 'gateway.yaml');
  writeFileSync(
    path,
    `${GOOD.slice(0, GOOD.indexOf('devices:'))}pollIntervalS: 0.5
devices:
  - { id: meter, role: grid-meter, protocol: modbus-tcp, host: 127.0.0.1, port: ${meterPort}, profile: sdm630 }
  - { id: battery, role: battery, protocol: modbus-tcp, host: 127.0.0.1, port: ${bankPort}, unitId: 3, profile: sunspec }
`,
  );
  return path;
}

describe('gateway check', () => {
  test('shows every value with unit and quality', async () => {
    const { meter, bank } = await devices();
    const lines: string[] = [];
    const result = await checkConfig(configFile(meter.fake.port, bank.port), (line) => lines.push(line));
    expect(result).toMatchObject({ ok: true, failures: [] });
    expect(result.rows).toContainEqual({
      device: 'meter',
      role: 'grid-meter',
      quantity: 'importWh',
      value: 1000,
      unit: 'Wh',
      quality: 'good',
    });
    expect(lines.join('\n')).toMatch(/stateOfChargePermille +500 permille good/);
  });

  test('names devices that do not answer, and what is nonsense', async () => {
    const { meter, bank } = await devices();
    bank.fault = { kind: 'rst' };
    meter.fake.onRequest = () => {};
    meter.fake.set(0x34, [0x7fc0, 0]);
    const result = await checkConfig(configFile(meter.fake.port, bank.port));
    expect(result.ok).toBe(false);
    expect(result.failures.map(({ device }) => device)).toEqual(['battery']);
    expect(result.rows.find(({ quantity }) => quantity === 'powerW')).toMatchObject({ quality: 'nonsense' });
  });
});

describe('gateway scan', () => {
  test('finds a meter by its registers and a battery by its SunSpec map, and writes a configuration that loads', async () => {
    const { meter, bank } = await devices();
    const result = await scanHost('127.0.0.1', {
      ports: [meter.fake.port, bank.port],
      unitIds: [1, 3],
      opcuaPorts: [],
      timeoutMs: 80,
    });
    expect(result.devices).toMatchObject([
      { profile: 'sdm630', role: 'grid-meter', unitId: 1, sure: false },
      { profile: 'sunspec', role: 'battery', unitId: 3, sure: true, about: 'Fake Battery 10 B-1' },
    ]);
    expect(parseConfig(result.yaml, 'found.yaml').devices).toHaveLength(2);
    expect([...meter.fake.requests, ...bank.requests].every(({ code }) => code === 3 || code === 4)).toBe(
      true,
    );
  });

  test('lists OPC-UA endpoints with their security and certificate', async () => {
    const server = await fakeOpcua({
      folder: join(folder(), 'server'),
      values: { 'Meter.AcActivePowerTotal': 1 },
    });
    cleanups.push(() => server.stop());
    const port = Number(new URL(server.endpoint.replace('opc.tcp', 'http')).port);
    const { endpoints } = await scanHost('127.0.0.1', { ports: [], opcuaPorts: [port] });
    expect(endpoints.map(({ security, userName }) => [security, userName])).toEqual([
      ['SignAndEncrypt Basic256Sha256', true],
    ]);
    expect(endpoints[0]?.certificatePem.replaceAll(/\s/g, '')).toContain(
      readFileSync(server.certificatePath, 'utf8').split('-----')[2]?.replaceAll(/\s/g, '').slice(0, 60),
    );
  });
});

describe('gateway run', () => {
  test('runs in real time from the file, makes its key once, and stops', async () => {
    const { meter, bank } = await devices();
    const path = configFile(meter.fake.port, bank.port);
    const lines: string[] = [];
    const gateway = await runFromConfig(path, {
      deliverTo: () => async () => 'accepted',
      log: (line) => lines.push(line),
    });
    cleanups.push(() => gateway.stop());
    await until(() => gateway.latest()?.gridW === 1000, 'a look');
    expect(lines[0]).toMatch(/^gw-home-01: public key [0-9a-f]{64}/);
    await gateway.stop();
    const key = join(path, '..', 'gateway-state', 'gateway.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(lines[0]).toContain(openKey(key).publicKey);
  });

  test('a key file with something else in it is refused', () => {
    const path = join(folder(), 'state', 'gateway.key');
    mkdirSync(join(path, '..'));
    writeFileSync(path, 'password123');
    expect(() => openKey(path)).toThrow(/is no key/);
  });
});
