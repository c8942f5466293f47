import type { DeviceConfig, DeviceRole } from '../config.ts';
import { reason } from '../deadline.ts';
import { browseVariables, type BrowseLimits, type FoundVariable } from '../opcua/browse.ts';
import type { OpcuaTarget } from '../opcua/client.ts';
import { profileMapping } from '../opcua/device.ts';
import { recognise, type Proposal } from '../opcua/recognise.ts';
import { OpcuaConnection } from '../opcua/session.ts';
import { decodeNodes } from '../opcua/values.ts';
import { loadProfile, profileNames } from '../profile/load.ts';

export type OpcuaDeviceConfig = Extract<DeviceConfig, { protocol: 'opcua' }>;

/** What a server behind a login has to offer. */
export interface Browsed {
  /** Ready for the configuration; ids and credentials are filled in by the caller. */
  readonly devices: readonly Pick<OpcuaDeviceConfig, 'role' | 'profile' | 'nodes'>[];
  /** What is worth knowing beside them, a line each: assumptions, other places, values that nothing was made of. */
  readonly remarks: readonly string[];
}

const ROLES: readonly DeviceRole[] = ['grid-meter', 'pv', 'battery'];
const CANDIDATES_MAX = 60;

/** Logs in, looks for profiles whose nodes are there, and browses. Reads only. Throws CommonwattError `unavailable`. */
export async function browseServer(
  target: OpcuaTarget,
  limits: BrowseLimits,
  print: (line: string) => void,
): Promise<Browsed> {
  const connection = new OpcuaConnection(target, { timeoutMs: limits.timeoutMs ?? 5000 });
  try {
    const profiled = await findProfiles(connection, print);
    const { variables, nodes, cut } = await browseVariables(connection, limits, (line) =>
      print(`    ${line}`),
    );
    print(`  ${nodes} nodes, ${variables.length} values${cut === null ? '' : `; stopped: ${cut}`}`);
    const proposals = recognise(variables);
    const remarks = cut === null ? [] : [`The server has more: the browse stopped at ${cut}.`];
    if (profiled.length > 0) return { devices: profiled, remarks };
    const devices: Proposal[] = [];
    for (const role of ROLES) {
      const complete = proposals.filter((one) => one.role === role && one.missing.length === 0);
      // A home has one grid meter, and a gateway steers one battery; roofs add up.
      devices.push(...complete.slice(0, role === 'pv' ? 4 : 1));
    }
    for (const proposal of devices) print(`  ${proposal.where}: ${describe(proposal)}`);
    remarks.push(...devices.flatMap(assumptions));
    const left = proposals.filter((proposal) => !devices.includes(proposal));
    remarks.push(...left.map((proposal) => `Not taken: ${proposal.where}, ${describe(proposal)}`));
    remarks.push(...candidates(variables, devices));
    return { devices: devices.map(({ role, nodes }) => ({ role, profile: 'opc34100', nodes })), remarks };
  } finally {
    await connection.close();
  }
}

/** Roles of profiles of which every needed node has a good value here. */
async function findProfiles(
  connection: OpcuaConnection,
  print: (line: string) => void,
): Promise<{ role: DeviceRole; profile: string }[]> {
  const found: { role: DeviceRole; profile: string }[] = [];
  const { namespaces } = await connection.use('namespaces', (live) => Promise.resolve(live));
  for (const profile of profileNames().map(loadProfile)) {
    if (profile.protocol !== 'opcua' || !namespaces.includes(profile.namespaceUri)) continue;
    for (const role of ROLES) {
      if (!profile.roles[role]) continue;
      const { quantities } = profileMapping(profile, role, profile.name);
      const nodes = Object.values(quantities).map(({ node }) => node);
      const values = await connection.read(nodes);
      try {
        if (Object.keys(decodeNodes(role, quantities, values).values).length === 0) continue;
      } catch {
        continue;
      }
      found.push({ role, profile: profile.name });
      print(`  ${role} with the nodes of profile ${profile.name}`);
    }
  }
  return found;
}

function describe({ role, nodes, missing }: Proposal): string {
  const has = Object.keys(nodes).join(', ');
  return `as ${role}: ${has}${missing.length === 0 ? '' : `; missing ${missing.join(', ')}`}`;
}

function assumptions({ role, where, nodes, assumed }: Proposal): string[] {
  const lines = [
    `${role} is ${where}: compare every value with the device's display, above all the sign of powerW.`,
  ];
  if (assumed.length > 0) {
    lines.push(
      `  The server tells no unit for ${assumed.join(', ')}: correct the scale if the values do not fit.`,
    );
  }
  if (role === 'battery')
    lines.push('  It is read only: set-points of a server that nobody knows are not written.');
  return nodes.powerW ? lines : [];
}

function candidates(variables: readonly FoundVariable[], taken: readonly Proposal[]): string[] {
  const used = new Set(taken.flatMap(({ nodes }) => Object.values(nodes).map(({ node }) => node)));
  const left = variables.filter(({ node, value }) => value !== null && !used.has(node));
  // Values with a unit are measurements; the rest may be anything.
  left.sort((a, b) => Number(b.unit !== null) - Number(a.unit !== null));
  const lines = left
    .slice(0, CANDIDATES_MAX)
    .map(
      ({ path, node, value, unit }) =>
        `  ${path.join(' / ')} = ${value}${unit === null ? '' : ` ${unit}`}   ${node}`,
    );
  if (lines.length > 0) lines.unshift('Other values of this server, with their nodes:');
  if (left.length > CANDIDATES_MAX) lines.push(`  and ${left.length - CANDIDATES_MAX} more`);
  return lines;
}

/** Why a login did not work, in words that say what to do. */
export function loginAdvice(error: unknown, gatewayCertificate: string): string[] {
  const why = reason(error);
  const advice = /User|Identity/.test(why)
    ? 'check user and password'
    : `the server may not trust the gateway yet: give it ${gatewayCertificate}, accept that there, and scan again`;
  return [why, advice];
}
