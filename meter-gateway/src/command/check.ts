import { dirname, join, resolve } from 'node:path';
import { CommonwattError } from '@commonwatt/domain';
import type { DeviceRole } from '../config.ts';
import { openConnections, type Connections } from '../connect.ts';
import { reason } from '../deadline.ts';
import { unitOf, type Quantity } from '../quantity.ts';
import { readConfig, type GatewayFile } from './file.ts';

/** One value of one device. Quality is `good`, `nonsense` (read, but cannot be true) or `missing` (needed, but not there). */
export interface CheckRow {
  readonly device: string;
  readonly role: DeviceRole;
  readonly quantity: Quantity;
  readonly value: number | null;
  readonly unit: string;
  readonly quality: 'good' | 'nonsense' | 'missing';
}

export interface CheckResult {
  readonly rows: readonly CheckRow[];
  /** Devices that did not answer, with the reason. */
  readonly failures: readonly { readonly device: string; readonly reason: string }[];
  /** True when every device answered, and with all that a signed reading needs. */
  readonly ok: boolean;
}

const NEEDED: Record<DeviceRole, readonly Quantity[]> = {
  'grid-meter': ['powerW', 'importWh', 'exportWh'],
  pv: ['powerW', 'exportWh'],
  battery: ['powerW', 'stateOfChargePermille'],
};

/** Reads every configured device once. Throws CommonwattError when the file itself is wrong; `print` gets a line per value. */
export async function checkConfig(
  path: string,
  print: (line: string) => void = () => {},
): Promise<CheckResult> {
  const file = readConfig(path, false);
  const connections = openConnections({ pkiFolder: pkiFolderOf(file, path) });
  try {
    return await checkDevicesOnce(file, connections, print);
  } finally {
    await connections.closeAll();
  }
}

/** The OPC-UA folder of a configuration file. */
export function pkiFolderOf(file: GatewayFile, path: string): string {
  return join(resolve(dirname(path), file.stateFolder), 'pki');
}

/** As a display would show it: a float's tail says nothing. */
function shown(value: number | null): string {
  return value === null ? '-' : String(Math.round(value * 1000) / 1000);
}

async function checkDevicesOnce(
  file: GatewayFile,
  connections: Connections,
  print: (line: string) => void,
): Promise<CheckResult> {
  const rows: CheckRow[] = [];
  const failures: { device: string; reason: string }[] = [];
  for (const config of file.devices) {
    const { id, role } = config;
    print(`${id} (${role}, ${'nodes' in config ? 'nodes of its own' : config.profile})`);
    try {
      const device = connections.device(config);
      const { values, nonsense, serial, ...sample } = await device.read();
      const deviceTimeMs = sample.deviceTimeMs ?? (await device.clock?.().catch(() => undefined));
      if (serial !== undefined) print(`  serial number ${serial}`);
      if (deviceTimeMs !== undefined) {
        const aheadS = (deviceTimeMs - Date.now()) / 1000;
        print(
          `  device time ${new Date(deviceTimeMs).toISOString()}, ${Math.abs(aheadS).toFixed(1)} s ${aheadS < 0 ? 'behind' : 'ahead of'} this machine's`,
        );
      }
      const row = (quantity: Quantity, value: number | null, quality: CheckRow['quality']): void => {
        rows.push({ device: id, role, quantity, value, unit: unitOf(quantity), quality });
        print(
          `  ${quantity.padEnd(22)} ${shown(value).padStart(14)} ${unitOf(quantity).padEnd(8)} ${quality}`,
        );
      };
      for (const [quantity, value] of Object.entries(values) as [Quantity, number][])
        row(quantity, value, 'good');
      for (const quantity of nonsense) row(quantity, null, 'nonsense');
      for (const quantity of NEEDED[role]) {
        if (values[quantity] === undefined && !nonsense.includes(quantity)) row(quantity, null, 'missing');
      }
      const plate = { ...config.nameplate, ...values };
      const unknown = (['capacityWh', 'chargeMaxW', 'dischargeMaxW'] as const).filter(
        (name) => plate[name] === undefined,
      );
      if (role === 'battery' && device.control === undefined) print('  is read only, not steered');
      else if (role === 'battery' && unknown.length > 0)
        print(`  is not steered before its nameplate is given: ${unknown.join(', ')}`);
    } catch (error) {
      failures.push({ device: id, reason: reason(error) });
      print(`  does not answer: ${reason(error)}`);
      if (error instanceof CommonwattError && error.place.remedy !== undefined)
        print(`  what to do: ${error.place.remedy}`);
    }
  }
  const metered = file.devices.some(({ role }) => role === 'grid-meter');
  if (!metered)
    print('there is no grid meter yet: `gateway run` needs the one at the connection to the grid');
  const good = rows.every(({ quality }) => quality === 'good');
  return { rows, failures, ok: metered && failures.length === 0 && good };
}
