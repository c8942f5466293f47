import { CommonwattError } from '@commonwatt/domain';
import type { BatteryControl, Device } from '../device.ts';
import type { OpcuaProfile } from '../profile/types.ts';
import { toSample, type Quantity } from '../quantity.ts';
import type { DeviceRole, Subscribe } from '../config.ts';
import { nodeText } from './node-id.ts';
import type { OpcuaConnection } from './session.ts';
import { decodeNodes, numberOf, type NodeMap } from './values.ts';

/** Built-in data types (OPC 10000-6, table 1). */
const INT32 = 6;
const UINT32 = 7;
const DOUBLE = 11;

/** Nodes that force a battery: the setpoint in W (positive discharges), the device's own reversion in s, and the mode that follows it. */
export interface ControlNodes {
  readonly setpointW: string;
  readonly timeoutS: string;
  readonly mode: string;
  readonly modeFollow: number;
  readonly modeSelf: number;
}

/** What a device's nodes mean, from a profile or from the configuration itself. */
export interface OpcuaMapping {
  readonly quantities: NodeMap;
  readonly control?: ControlNodes;
}

export interface OpcuaDeviceOptions {
  readonly id: string;
  readonly role: DeviceRole;
  readonly connection: OpcuaConnection;
  readonly release: () => Promise<void>;
  readonly subscribe?: Subscribe | undefined;
}

/** A profile's nodes for a role, by the URI of its namespace. Throws CommonwattError `malformed` when it has none. */
export function profileMapping(profile: OpcuaProfile, role: DeviceRole, id: string): OpcuaMapping {
  const found = profile.roles[role];
  if (!found) {
    throw new CommonwattError('malformed', `profile ${profile.name} has no nodes for a ${role}`, {
      record: id,
      field: 'role',
    });
  }
  const text = (node: string): string => nodeText(profile.namespaceUri, node);
  const quantities = Object.fromEntries(
    Object.entries(found.quantities).map(([name, { node, scale }]) => [name, { node: text(node), scale }]),
  );
  if (!found.control) return { quantities };
  const { setpointW, timeoutS, mode, ...modes } = found.control;
  return {
    quantities,
    control: { setpointW: text(setpointW), timeoutS: text(timeoutS), mode: text(mode), ...modes },
  };
}

/** A device behind an OPC-UA server. */
export function opcuaDevice(mapping: OpcuaMapping, options: OpcuaDeviceOptions): Device {
  const { connection, id, role, subscribe } = options;
  const nodes = Object.values(mapping.quantities).map(({ node }) => node);
  return {
    id,
    protocol: 'opcua',
    resolutionWh: 1,
    async read() {
      const timing: { sentAtMs?: number } = {};
      const values = await connection.read(nodes, timing);
      return { ...decodeNodes(role, mapping.quantities, values), ...timing };
    },
    ...(mapping.control === undefined ? {} : { control: nodeControl(mapping.control, connection) }),
    ...(subscribe === undefined ? {} : { watch: watcher(mapping.quantities, subscribe, connection) }),
    close: options.release,
  };
}

/** What may change between two polls and matters at once; counters wait for the poll, which gives all of them at one time. */
const WATCHED: readonly Quantity[] = ['powerW', 'stateOfChargePermille'];

function watcher(
  map: NodeMap,
  { samplingIntervalMs, deadbandW }: Subscribe,
  connection: OpcuaConnection,
): NonNullable<Device['watch']> {
  return (listener) => {
    const told = new Map<Quantity, number>();
    const nodes = WATCHED.flatMap((quantity) => {
      const mapping = map[quantity];
      return mapping ? [{ quantity, ...mapping }] : [];
    });
    connection.watch({
      samplingIntervalMs,
      nodes: nodes.map(({ node, quantity, scale }) => ({
        node,
        deadband: quantity === 'powerW' ? deadbandW / Math.abs(scale) : 0,
      })),
      onValue: (node, data) => {
        const found = nodes.find((one) => one.node === node);
        const value = numberOf(data);
        if (!found || value === undefined) return;
        const { values } = toSample([[found.quantity, value * found.scale]]);
        const now = values[found.quantity];
        if (now === undefined) return;
        // Some servers take a deadband and report every change all the same.
        const before = told.get(found.quantity);
        if (before !== undefined && found.quantity === 'powerW' && Math.abs(now - before) <= deadbandW)
          return;
        told.set(found.quantity, now);
        listener(values);
      },
    });
  };
}

function nodeControl(nodes: ControlNodes, connection: OpcuaConnection): BatteryControl {
  const int32 = (value: number) => ({ value: { dataType: INT32, value } });
  const uint32 = (value: number) => ({ value: { dataType: UINT32, value } });
  const double = (value: number) => ({ value: { dataType: DOUBLE, value } });
  return {
    reverts: true,
    async force(powerW, reversionMs) {
      const timeoutS = Math.max(1, Math.ceil(reversionMs / 1000));
      await connection.write([
        { node: nodes.setpointW, value: double(powerW) },
        { node: nodes.timeoutS, value: uint32(timeoutS) },
        { node: nodes.mode, value: int32(nodes.modeFollow) },
      ]);
      const back = await connection.read([nodes.setpointW, nodes.mode, nodes.timeoutS]);
      const readBackW = numberOf(back[0]);
      // A timer that counts down may be lower already; one that stayed long would hold the battery after the gateway has died.
      const timer = numberOf(back[2]) ?? Number.NaN;
      const holds =
        readBackW === powerW && numberOf(back[1]) === nodes.modeFollow && timer > 0 && timer <= timeoutS;
      return { writtenW: powerW, readBackW: readBackW ?? null, holds };
    },
    async release() {
      await connection.write([
        { node: nodes.mode, value: int32(nodes.modeSelf) },
        { node: nodes.setpointW, value: double(0) },
      ]);
      const [mode] = await connection.read([nodes.mode]);
      if (numberOf(mode) !== nodes.modeSelf) {
        throw new CommonwattError(
          'unavailable',
          `the battery keeps mode ${String(numberOf(mode))} on release`,
        );
      }
    },
  };
}
