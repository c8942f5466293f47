import { CommonwattError } from '@commonwatt/domain';
import type { DataValue } from 'node-opcua';
import type { DeviceRole } from '../config.ts';
import { toSample, type DeviceSample, type Quantity } from '../quantity.ts';

/** Where a role's quantities are: nodes by the URI of their namespace, and what to multiply by to get the quantity's unit. */
export type NodeMap = Partial<Readonly<Record<Quantity, { readonly node: string; readonly scale: number }>>>;

/** Built-in data types (OPC 10000-6, table 1). */
const INT64 = 8;
const UINT64 = 9;

/** What a look at a device in this role is worth nothing without, where it is mapped: an old value must not pass for a new one. */
const NEEDED: Record<DeviceRole, readonly Quantity[]> = {
  'grid-meter': ['powerW', 'importWh', 'exportWh'],
  pv: ['powerW', 'exportWh'],
  battery: ['powerW', 'stateOfChargePermille', 'importWh', 'exportWh'],
};

/**
 * A number out of an OPC-UA value. Undefined when the status is Bad or Uncertain (OPC 10000-8, 5.4.3: the last usable value is an old one);
 * NaN for what is no number: texts, arrays, truth values, nothing.
 */
export function numberOf(data: DataValue | undefined): number | undefined {
  if (!data || !data.statusCode.isGoodish()) return undefined;
  const { value, dataType }: { value: unknown; dataType: number } = data.value;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  // 64 bits come as two words.
  if ((dataType === INT64 || dataType === UINT64) && Array.isArray(value) && value.length === 2) {
    const bits = (BigInt(Number(value[0]) >>> 0) << 32n) | BigInt(Number(value[1]) >>> 0);
    return Number(dataType === INT64 ? BigInt.asIntN(64, bits) : bits);
  }
  return Number.NaN;
}

/**
 * Data values in the order of the map's quantities in, quantities out, with the time of the newest. Throws CommonwattError `unavailable`
 * when the server has no good value of one that the role needs.
 */
export function decodeNodes(role: DeviceRole, map: NodeMap, values: readonly DataValue[]): DeviceSample {
  const entries = Object.entries(map) as [Quantity, { node: string; scale: number }][];
  let deviceTimeMs: number | undefined;
  const decoded = entries.map(([quantity, { node, scale }], index) => {
    const data = values[index];
    const value = numberOf(data);
    if (value === undefined && NEEDED[role].includes(quantity)) {
      throw new CommonwattError(
        'unavailable',
        `${node} has no good value: ${data?.statusCode.name ?? 'no answer'}`,
        { field: quantity, ...remedyFor(data?.statusCode.name) },
      );
    }
    const atMs = data?.sourceTimestamp?.getTime();
    if (value !== undefined && atMs !== undefined && Number.isFinite(atMs) && atMs > 0) {
      deviceTimeMs = Math.max(deviceTimeMs ?? 0, atMs);
    }
    return [quantity, value === undefined ? undefined : value * scale] as const;
  });
  const sample = toSample(decoded);
  return deviceTimeMs === undefined ? sample : { ...sample, deviceTimeMs };
}

function remedyFor(status: string | undefined): { remedy?: string } {
  return status === 'BadNodeIdUnknown' || status === 'BadNodeIdInvalid'
    ? { remedy: 'the address space of the server has changed: scan it again' }
    : {};
}
