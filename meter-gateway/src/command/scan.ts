import { connect } from 'node:net';
import { Document } from 'yaml';
import type { DeviceRole } from '../config.ts';
import { reason } from '../deadline.ts';
import { scanModbus, type FoundDevice } from './scan-modbus.ts';
import {
  bestEndpoint,
  listEndpoints,
  lookInside,
  type FoundEndpoint,
  type FoundServer,
  type OpcuaLogin,
} from './scan-opcua.ts';

export interface ScanResult {
  readonly devices: readonly FoundDevice[];
  readonly endpoints: readonly FoundEndpoint[];
  /** OPC-UA servers that were looked into. */
  readonly servers: readonly FoundServer[];
  /** A configuration file to complete: names, the market's address and passwords are left open. */
  readonly yaml: string;
}

export interface ScanOptions {
  readonly ports?: readonly number[];
  readonly unitIds?: readonly number[];
  readonly opcuaPorts?: readonly number[];
  readonly timeoutMs?: number;
  /** Looks behind the login of OPC-UA servers; without it their endpoints are listed. */
  readonly login?: OpcuaLogin | undefined;
  /** The password goes into the configuration: into a file that its owner alone may read. */
  readonly withPassword?: boolean;
  readonly print?: (line: string) => void;
}

/** Unit ids that makers give: 100 Victron, 126 SMA, 200 and 240 meters behind a Fronius inverter, 247 and 255 gateways. */
const UNIT_IDS = [1, 2, 3, 100, 126, 200, 240, 247, 255, 0];

/** Looks what is there on one host: open ports, SunSpec maps, registers that make sense for a profile, OPC-UA endpoints. Reads only. */
export async function scanHost(host: string, options: ScanOptions = {}): Promise<ScanResult> {
  const { ports = [502, 1502], unitIds = UNIT_IDS, opcuaPorts = [4840] } = options;
  const { timeoutMs = 600, print = () => {} } = options;
  const devices: FoundDevice[] = [];
  const endpoints: FoundEndpoint[] = [];
  const servers: FoundServer[] = [];
  const opcua = new Set<number>();
  for (const port of opcuaPorts) {
    if (!(await answers(host, port, timeoutMs))) continue;
    const address = `opc.tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
    let found: readonly FoundEndpoint[];
    try {
      found = await listEndpoints(address);
    } catch (error) {
      print(`${address} takes connections, but lists no endpoints: ${reason(error)}`);
      continue;
    }
    if (found.length === 0) continue;
    opcua.add(port);
    print(`${address} is an OPC-UA server`);
    for (const { security, userName } of found) print(`  ${security}${userName ? ', user name' : ''}`);
    for (const thumbprint of new Set(found.map((one) => one.certificateThumbprint)))
      print(`  thumbprint of its certificate (SHA-1): ${thumbprint}`);
    endpoints.push(...found);
    const server = options.login && (await lookInside(address, found, options.login, print));
    if (server) servers.push(server);
  }
  for (const port of ports) {
    if (opcua.has(port) || !(await answers(host, port, timeoutMs))) continue;
    print(`${host}:${port} takes connections`);
    const found = await scanModbus(host, port, unitIds, timeoutMs);
    for (const { unitId, about, profile, role, sure } of found)
      print(`  unit ${unitId}: ${about} (${profile}, ${role}${sure ? '' : ', a guess'})`);
    devices.push(...found);
  }
  const yaml = configFor(host, devices, endpoints, servers, options);
  return { devices, endpoints, servers, yaml };
}

function answers(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

/** A device as it stands in a configuration. */
interface DeviceEntry extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly role: DeviceRole;
}

/** A configuration for what was found, as YAML, with what is worth knowing as comments at its end. */
function configFor(
  host: string,
  devices: readonly FoundDevice[],
  endpoints: readonly FoundEndpoint[],
  servers: readonly FoundServer[],
  { login, withPassword }: ScanOptions,
): string {
  const found: DeviceEntry[] = [
    ...devices.map(({ port, unitId, profile, role, protocol }, index) => ({
      id: `${role}-${index + 1}`,
      role,
      protocol,
      host,
      port,
      unitId,
      profile,
    })),
    ...opcuaDevices(endpoints, servers, login, withPassword === true),
  ];
  // A home has one grid meter and one battery: of several the first is taken, the others are there to choose from.
  const one = new Set<DeviceRole>();
  const taken = found.filter(({ role }) => role === 'pv' || (!one.has(role) && one.add(role)));
  const spare = found.filter((device) => !taken.includes(device));
  const document = new Document({
    community: 'commonwatt',
    participant: 'home-01',
    gateway: 'gw-home-01',
    market: 'http://127.0.0.1:8080',
    limits: { importFuseW: 17_000, socReservePermille: 100 },
    devices: taken,
  });
  const remarks = [
    ...servers.flatMap((server) => server.remarks),
    ...(one.has('grid-meter') ? [] : ['No grid meter was found: add the one at the connection to the grid.']),
    ...(spare.length === 0 ? [] : ['Also found, and not used beside the ones above:']),
    ...spare.map((device) => `  - ${JSON.stringify(device)}`),
  ];
  if (remarks.length > 0) document.comment = remarks.map((line) => ` ${line}`).join('\n');
  return document.toString({ lineWidth: 0 });
}

function opcuaDevices(
  endpoints: readonly FoundEndpoint[],
  servers: readonly FoundServer[],
  login: OpcuaLogin | undefined,
  withPassword: boolean,
): DeviceEntry[] {
  const account = {
    user: login?.user ?? 'gateway',
    password: withPassword && login ? login.password : 'change-me',
  };
  const found = servers.flatMap(({ endpoint, security, serverCertificatePath, devices }) =>
    devices.map(({ role, profile, nodes }) => ({
      role,
      protocol: 'opcua',
      endpoint,
      ...account,
      security,
      serverCertificatePath,
      ...(nodes ? { nodes } : { profile }),
    })),
  );
  if (servers.length > 0)
    return found.map((one, index) => ({ id: `opcua-${one.role}-${index + 1}`, ...one }));
  // Nobody logged in: a place to fill in.
  const best = bestEndpoint(endpoints);
  if (!best) return [];
  const serverCertificatePath = 'server.pem';
  const { endpoint, policy: security } = best;
  const place = { id: 'opcua-meter', role: 'grid-meter' as const, protocol: 'opcua', endpoint, ...account };
  return [{ ...place, security, profile: 'opc34100', serverCertificatePath }];
}
