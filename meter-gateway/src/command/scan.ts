import { connect } from 'node:net';
import type { CommonwattError } from '@commonwatt/domain';
import { stringify } from 'yaml';
import type { DeviceRole } from '../config.ts';
import { withDeadline } from '../deadline.ts';
import { ModbusBus, ModbusException } from '../modbus/bus.ts';
import { readSpans } from '../modbus/profile-device.ts';
import { decodeProfile, spansOf } from '../profile/decode.ts';
import { loadProfile, profileNames } from '../profile/load.ts';
import { planReads } from '../profile/plan.ts';
import type { ModbusProfile } from '../profile/types.ts';
import type { DeviceSample } from '../quantity.ts';
import { discoverSunspec, type SunspecMap } from '../sunspec/discover.ts';
import { modelsFor } from '../sunspec/sample.ts';
import { listEndpoints, type FoundEndpoint } from './scan-opcua.ts';

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
  /** A configuration file to complete: names, the market's address and passwords are left open. */
  readonly yaml: string;
}

export interface ScanOptions {
  readonly ports?: readonly number[];
  readonly unitIds?: readonly number[];
  readonly opcuaPorts?: readonly number[];
  readonly timeoutMs?: number;
  readonly print?: (line: string) => void;
}

/** Looks what is there on one host: open ports, SunSpec maps, registers that make sense for a profile, OPC-UA endpoints. Reads only. */
export async function scanHost(host: string, options: ScanOptions = {}): Promise<ScanResult> {
  const { ports = [502, 1502], unitIds = [1, 2, 3, 100, 126, 247], opcuaPorts = [4840] } = options;
  const { timeoutMs = 600, print = () => {} } = options;
  const devices: FoundDevice[] = [];
  for (const port of ports) {
    if (!(await answers(host, port, timeoutMs))) continue;
    print(`${host}:${port} takes connections`);
    for (const unitId of unitIds) {
      const found = await scanUnit(host, port, unitId, timeoutMs);
      for (const device of found)
        print(`  unit ${unitId}: ${device.about} (${device.profile}, ${device.role})`);
      devices.push(...found);
    }
  }
  const endpoints: FoundEndpoint[] = [];
  for (const port of opcuaPorts) {
    if (!(await answers(host, port, timeoutMs))) continue;
    const found = await listEndpoints(`opc.tcp://${host}:${port}`).catch(() => []);
    for (const { security, userName } of found)
      print(`  OPC-UA at ${port}: ${security}${userName ? ', user name' : ''}`);
    endpoints.push(...found);
  }
  return { devices, endpoints, yaml: configFor(host, devices, endpoints) };
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
      const plan = planReads(spansOf(profile), profile.readMaxRegisters, profile.readGapMax);
      return decodeProfile(profile, await readSpans(bus, unitId, profile.readFunction, plan));
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

/** A configuration for what was found, as YAML. */
function configFor(
  host: string,
  devices: readonly FoundDevice[],
  endpoints: readonly FoundEndpoint[],
): string {
  const secure = endpoints.find(
    ({ security, userName }) => security.startsWith('SignAndEncrypt') && userName,
  );
  return stringify({
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
      ...(secure
        ? [
            {
              id: 'opcua-meter',
              role: 'grid-meter',
              protocol: 'opcua',
              endpoint: secure.endpoint,
              user: 'gateway',
              password: 'change-me',
              profile: 'opc34100',
              serverCertificatePath: 'server.pem',
            },
          ]
        : []),
    ],
  });
}
