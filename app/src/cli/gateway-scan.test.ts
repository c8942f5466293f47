import { listEndpoints, readConfig } from '@commonwatt/meter-gateway';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { planSynthetic, startPark, type Park } from '../neighbourhood/index.ts';
import { gatewayCommand } from './gateway.ts';

const dir = mkdtempSync(join(tmpdir(), 'scan-'));
let park: Park;
let lines: string[] = [];

beforeAll(async () => {
  const spec = planSynthetic({ homes: 3, seed: 1 });
  const atMs = spec.startMs + 11 * 3_600_000;
  park = await startPark({ spec, dir: join(dir, 'park'), atMs, log: () => {} });
  await park.advance(atMs + 60_000);
});
afterAll(async () => {
  await park.stop();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function listen(): void {
  lines = [];
  vi.spyOn(console, 'log').mockImplementation((line) => lines.push(String(line)));
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)));
}

function home() {
  const found = park.homes.flatMap(({ devices }) => devices).find(({ protocol }) => protocol === 'opcua');
  if (found?.protocol !== 'opcua') throw new Error('no OPC-UA home');
  return found;
}

test('a simulated OPC-UA home: from its address to a configuration that check accepts as it is', async () => {
  const { endpoint, user, password } = home();
  const [offered] = await listEndpoints(endpoint);
  const file = join(dir, 'home', 'gateway.yaml');
  listen();
  vi.stubEnv('COMMONWATT_OPCUA_PASSWORD', password);
  const args = ['scan', endpoint, '--user', user, '--trust', offered?.certificateThumbprint ?? ''];
  expect(await gatewayCommand([...args, '--out', file])).toBe(0);
  expect(process.env['COMMONWATT_OPCUA_PASSWORD']).toBeUndefined();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readConfig(file).devices.map(({ role, profile }) => [role, profile])).toEqual([
    ['grid-meter', 'opc34100'],
    ['pv', 'opc34100'],
    ['battery', 'opc34100'],
  ]);
  expect(await gatewayCommand(['check', file])).toBe(0);
  expect(lines.join('\n')).toMatch(/stateOfChargePermille +\d+ permille good/);
});

test('another thumbprint: nothing is sent, nothing written', async () => {
  const { endpoint, user, password } = home();
  const file = join(dir, 'other', 'gateway.yaml');
  listen();
  vi.stubEnv('COMMONWATT_OPCUA_PASSWORD', password);
  const args = ['scan', endpoint, '--user', user, '--trust', 'ab'.repeat(20), '--out', file];
  expect(await gatewayCommand(args)).toBe(1);
  expect(lines.join('\n')).toContain('not trusted');
  expect(() => readFileSync(file)).toThrow(/ENOENT/);
});

test('what cannot be is refused before anything is asked', async () => {
  const { endpoint } = home();
  await expect(gatewayCommand(['scan', endpoint, '--user', 'x'])).rejects.toMatchObject({
    code: 'forbidden',
  });
  vi.stubEnv('COMMONWATT_OPCUA_PASSWORD', 'x');
  await expect(gatewayCommand(['scan', endpoint, '--user', 'x', '--security', 'None'])).rejects.toMatchObject(
    { code: 'malformed' },
  );
  await expect(gatewayCommand(['scan', 'http://127.0.0.1'])).rejects.toMatchObject({ code: 'malformed' });
});

test('a simulated Modbus home: scan, check and run with the files as they were written', async () => {
  const home = park.homes.find(({ devices }) => devices.every(({ protocol }) => protocol === 'modbus-tcp'));
  for (const device of home?.devices ?? []) {
    if (device.protocol !== 'modbus-tcp') throw new Error('no Modbus home');
    const file = join(dir, device.id, 'gateway.yaml');
    listen();
    expect(await gatewayCommand(['scan', `127.0.0.1:${device.port}`, '--out', file])).toBe(0);
    const found = readConfig(file, false).devices;
    expect(found.map(({ role }) => role)).toEqual([device.role]);
    // A meter alone is a gateway; a roof or a battery alone still lacks its grid meter.
    expect(await gatewayCommand(['check', file])).toBe(device.role === 'grid-meter' ? 0 : 1);
    if (device.role !== 'grid-meter') continue;
    const running = gatewayCommand(['run', file]);
    await vi.waitFor(() => expect(lines.join('\n')).toMatch(/public key [0-9a-f]{64}/), 5000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.emit('SIGTERM');
    expect(await running).toBe(0);
  }
}, 60_000);
