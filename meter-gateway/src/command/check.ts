import { dirname, join, resolve } from 'node:path';
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
  const file = readConfig(path);
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
      const { values, nonsense, serial, deviceTimeMs } = await connections.device(config).read();
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
          `  ${quantity.padEnd(22)} ${String(value ?? '-').padStart(14)} ${unitOf(quantity).padEnd(8)} ${quality}`,
        );
      };
      for (const [quantity, value] of Object.entries(values) as [Quantity, number][])
        row(quantity, value, 'good');
      for (const quantity of nonsense) row(quantity, null, 'nonsense');
      for (const quantity of NEEDED[role]) {
        if (values[quantity] === undefined && !nonsense.includes(quantity)) row(quantity, null, 'missing');
      }
    } catch (error) {
      failures.push({ device: id, reason: reason(error) });
      print(`  does not answer: ${reason(error)}`);
    }
  }
  return { rows, failures, ok: failures.length === 0 && rows.every(({ quality }) => quality === 'good') };
}
