import { connect } from 'node:net';
import type { CommonwattError } from '@commonwatt/domain';
import { Document } from 'yaml';
import type { DeviceRole } from '../config.ts';
import { reason, withDeadline } from '../deadline.ts';
import { ModbusBus, ModbusException } from '../modbus/bus.ts';
import { Reads, spanReader } from '../modbus/reads.ts';
import { decodeProfile, spansOf } from '../profile/decode.ts';
import { loadProfile, profileNames } from '../profile/load.ts';
import type { ModbusProfile } from '../profile/types.ts';
import type { DeviceSample } from '../quantity.ts';
import { discoverSunspec, type SunspecMap } from '../sunspec/discover.ts';
import { modelsFor } from '../sunspec/sample.ts';
import {
  bestEndpoint,
  listEndpoints,
  lookInside,
  type FoundEndpoint,
  type FoundServer,
  type OpcuaLogin,
} from './scan-opcua.ts';

/** A device that answered. `sure`: it named itself (SunSpec); else its registers make sense as this make. */
export interface FoundDevice {
  readonly protocol: 'modbus-tcp';
  readonly port: number;
  readonly unitId: number;
  readonly profile: string;
  readonly role: DeviceRole;
  readonly sure: boolean;
  readonly about: string;
}

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

/** Looks what is there on one host: open ports, SunSpec maps, registers that make sense for a profile, OPC-UA endpoints. Reads only. */
export async function scanHost(host: string, options: ScanOptions = {}): Promise<ScanResult> {
  const { ports = [502, 1502], unitIds = [1, 2, 3, 100, 126, 247], opcuaPorts = [4840] } = options;
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
    for (const unitId of unitIds) {
      const found = await scanUnit(host, port, unitId, timeoutMs);
      for (const device of found)
        print(`  unit ${unitId}: ${device.about} (${device.profile}, ${device.role})`);
      devices.push(...found);
    }
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

async function scanUnit(
  host: string,
  port: number,
  unitId: number,
  timeoutMs: number,
): Promise<FoundDevice[]> {
  const found = (profile: string, role: DeviceRole, sure: boolean, about: string): FoundDevice => ({
    protocol: 'modbus-tcp',
    port,
    unitId,
    profile,
    role,
    sure,
    about,
  });
  let silent = false;
  // A connection per look: a wrong question may leave a cheap device out of step.
  const look = async <T>(work: (bus: ModbusBus) => Promise<T>): Promise<T | undefined> => {
    const bus = new ModbusBus({ host, port }, { timeoutMs, connectTimeoutMs: timeoutMs });
    silent = false;
    const answer = await withDeadline(work(bus), timeoutMs * 40, 'scan').catch((error: unknown) => {
      const answered = error instanceof ModbusException || (error as CommonwattError).code === 'not-found';
      silent = !answered;
      return undefined;
    });
    await bus.close();
    return answer;
  };
  const map = await look((bus) => discoverSunspec((address, count) => bus.read(unitId, 3, address, count)));
  if (map) return [found('sunspec', roleOf(map), true, `${map.maker} ${map.device} ${map.serial}`.trim())];
  // Nobody at this unit id; only unit 1 is asked on, because some meters stay silent at addresses they do not know.
  if (silent && unitId !== 1) return [];
  const matches: { profile: ModbusProfile; score: number }[] = [];
  for (const profile of profileNames().map(loadProfile)) {
    if (profile.protocol !== 'modbus') continue;
    const sample = await look(async (bus) => {
      const reads = new Reads(spanReader(bus, unitId, profile.readFunction), {
        spans: spansOf(profile),
        readMax: profile.readMaxRegisters,
        gapMax: profile.readGapMax,
        holesAllowed: true,
      });
      return decodeProfile(profile, await reads.look());
    });
    const score = sample ? sense(sample) : 0;
    if (score > 0) matches.push({ profile, score });
  }
  const [best] = matches.sort((a, b) => b.score - a.score);
  if (!best) return [];
  const role = best.profile.quantities.stateOfChargePermille ? 'battery' : 'grid-meter';
  return [found(best.profile.name, role, false, best.profile.makes.join(' or '))];
}

function roleOf(map: SunspecMap): DeviceRole {
  const has = (...models: number[]): boolean => map.models.some(({ model }) => models.includes(model));
  if (has(124, 802, 713, 803)) return 'battery';
  return modelsFor('pv', map).length > 0 && modelsFor('grid-meter', map).length === 0 ? 'pv' : 'grid-meter';
}

/** How much sense registers make as a device of a make: a mains voltage and frequency weigh most; nonsense rules it out. */
function sense({ values, nonsense }: DeviceSample): number {
  if (nonsense.length > 0) return 0;
  const { voltageL1V, frequencyHz, stateOfChargePermille, importWh, powerW } = values;
  if (stateOfChargePermille !== undefined) return stateOfChargePermille > 0 && powerW !== undefined ? 2 : 0;
  if (voltageL1V === undefined || voltageL1V < 80 || voltageL1V > 300) return 0;
  if (frequencyHz !== undefined && (frequencyHz < 45 || frequencyHz > 65)) return 0;
  return 2 + (frequencyHz === undefined ? 0 : 2) + (importWh === undefined ? 0 : 1);
}

/** A configuration for what was found, as YAML, with what is worth knowing as comments at its end. */
function configFor(
  host: string,
  devices: readonly FoundDevice[],
  endpoints: readonly FoundEndpoint[],
  servers: readonly FoundServer[],
  { login, withPassword }: ScanOptions,
): string {
  const document = new Document({
    community: 'commonwatt',
    participant: 'home-01',
    gateway: 'gw-home-01',
    market: 'http://127.0.0.1:8080',
    limits: { importFuseW: 17_000, socReservePermille: 100 },
    devices: [
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
    ],
  });
  const remarks = servers.flatMap((server) => server.remarks);
  if (remarks.length > 0) document.comment = remarks.map((line) => ` ${line}`).join('\n');
  return document.toString({ lineWidth: 0 });
}

function opcuaDevices(
  endpoints: readonly FoundEndpoint[],
  servers: readonly FoundServer[],
  login: OpcuaLogin | undefined,
  withPassword: boolean,
): object[] {
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
  const place = { id: 'opcua-meter', role: 'grid-meter', protocol: 'opcua', endpoint, ...account };
  return [{ ...place, security, profile: 'opc34100', serverCertificatePath }];
}
