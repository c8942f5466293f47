import { CommonwattError } from '@commonwatt/domain';
import type { DataValue } from 'node-opcua';
import type { BatteryControl, Device } from '../device.ts';
import type { OpcuaProfile, OpcuaRole } from '../profile/types.ts';
import { toSample, type DeviceSample, type Quantity } from '../quantity.ts';
import type { Subscribe } from '../config.ts';
import type { OpcuaConnection } from './session.ts';

/** Built-in data types (OPC 10000-6, table 1). */
const INT32 = 6;
const UINT32 = 7;
const DOUBLE = 11;

export interface OpcuaDeviceOptions {
  readonly id: string;
  readonly role: 'grid-meter' | 'pv' | 'battery';
  readonly connection: OpcuaConnection;
  readonly release: () => Promise<void>;
  readonly subscribe?: Subscribe | undefined;
}

/** A number out of an OPC-UA value: UInt64 and Int64 come as pairs of words; undefined when the status is bad. */
export function numberOf(data: DataValue | undefined): number | undefined {
  if (!data || !data.statusCode.isGoodish()) return undefined;
  const value: unknown = data.value.value;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value) && value.length === 2) return Number(value[0]) * 2 ** 32 + Number(value[1]);
  return Number.NaN;
}

/** Data values in the order of the role's quantities in, quantities out. */
export function decodeNodes(role: OpcuaRole, values: readonly DataValue[]): DeviceSample {
  const entries = Object.entries(role.quantities) as [Quantity, { scale: number }][];
  return toSample(
    entries.map(([quantity, { scale }], index) => {
      const value = numberOf(values[index]);
      return [quantity, value === undefined ? undefined : value * scale] as const;
    }),
  );
}

/** A device behind an OPC-UA server whose nodes a profile maps. */
export function opcuaDevice(profile: OpcuaProfile, options: OpcuaDeviceOptions): Device {
  const { connection, id } = options;
  const role = profile.roles[options.role];
  if (!role) {
    throw new CommonwattError('malformed', `profile ${profile.name} has no nodes for a ${options.role}`, {
      record: id,
      field: 'role',
    });
  }
  const nodes = Object.values(role.quantities).map(({ node }) => node);
  const control = role.control === undefined ? undefined : nodeControl(profile, role.control, connection);
  return {
    id,
    protocol: 'opcua',
    resolutionWh: 1,
    async read() {
      const timing: { sentAtMs?: number } = {};
      const values = await connection.read(profile.namespaceUri, nodes, timing);
      return { ...decodeNodes(role, values), ...timing };
    },
    ...(control === undefined ? {} : { control }),
    ...(options.subscribe === undefined
      ? {}
      : { watch: watcher(profile, role, options.subscribe, connection) }),
    close: options.release,
  };
}

/** What may change between two polls and matters at once; counters wait for the poll, which gives all of them at one time. */
const WATCHED: readonly Quantity[] = ['powerW', 'stateOfChargePermille'];

function watcher(
  profile: OpcuaProfile,
  role: OpcuaRole,
  { samplingIntervalMs, deadbandW }: Subscribe,
  connection: OpcuaConnection,
): NonNullable<Device['watch']> {
  return (listener) => {
    const nodes = WATCHED.flatMap((quantity) => {
      const mapping = role.quantities[quantity];
      return mapping ? [{ quantity, ...mapping }] : [];
    });
    connection.watch({
      namespaceUri: profile.namespaceUri,
      samplingIntervalMs,
      nodes: nodes.map(({ node, quantity, scale }) => ({
        node,
        deadband: quantity === 'powerW' ? deadbandW / Math.abs(scale) : 0,
      })),
      onValue: (node, data) => {
        const found = nodes.find((one) => one.node === node);
        const value = numberOf(data);
        if (found && value !== undefined) listener(toSample([[found.quantity, value * found.scale]]).values);
      },
    });
  };
}

function nodeControl(
  profile: OpcuaProfile,
  nodes: NonNullable<OpcuaRole['control']>,
  connection: OpcuaConnection,
): BatteryControl {
  const uri = profile.namespaceUri;
  const int32 = (value: number) => ({ value: { dataType: INT32, value } });
  const uint32 = (value: number) => ({ value: { dataType: UINT32, value } });
  const double = (value: number) => ({ value: { dataType: DOUBLE, value } });
  return {
    reverts: true,
    async force(powerW, reversionMs) {
      await connection.write(uri, [
        { node: nodes.setpointW, value: double(powerW) },
        { node: nodes.timeoutS, value: uint32(Math.max(1, Math.ceil(reversionMs / 1000))) },
        { node: nodes.mode, value: int32(nodes.modeFollow) },
      ]);
      const back = await connection.read(uri, [nodes.setpointW, nodes.mode]);
      const readBackW = numberOf(back[0]);
      const holds = readBackW === powerW && numberOf(back[1]) === nodes.modeFollow;
      return { writtenW: powerW, readBackW: readBackW ?? null, holds };
    },
    async release() {
      await connection.write(uri, [
        { node: nodes.mode, value: int32(nodes.modeSelf) },
        { node: nodes.setpointW, value: double(0) },
      ]);
    },
  };
}
