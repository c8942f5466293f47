import { CommonwattError, isId } from '@commonwatt/domain';
import type { TlsFiles } from './modbus/line.ts';
import type { Policy } from './opcua/client.ts';
import type { ControlNodes } from './opcua/device.ts';
import type { NodeMap } from './opcua/values.ts';
import type { WordOrder } from './profile/types.ts';
import type { Turned } from './turned.ts';

/** Changes that an OPC-UA server reports by itself between two polls. */
export interface Subscribe {
  readonly samplingIntervalMs: number;
  /** Smaller changes of power are not reported. */
  readonly deadbandW: number;
}

/** What a battery's type plate says, for devices that do not tell it themselves; what the device says comes first. */
export interface Nameplate {
  readonly capacityWh?: number;
  readonly chargeMaxW?: number;
  readonly dischargeMaxW?: number;
}

export type DeviceRole = 'grid-meter' | 'pv' | 'battery';

/** What any Modbus device may need besides its address. */
export interface ModbusManners {
  /** IANA name of the zone the device's own clock runs in, for makers that keep local time. */
  readonly timezone?: string;
  /** Silence that the device needs between an answer and the next request, real ms. */
  readonly pauseMs?: number;
  /** How long it may take to answer, real ms; 1500 by default. */
  readonly timeoutMs?: number;
  /** Where firmware differs from the profile. */
  readonly wordOrder?: WordOrder;
  /** A meter whose power or counters run the other way round. */
  readonly turned?: Turned;
}

/** A device and how to reach it. The profile is a name from `profiles/`, or `sunspec` for a Modbus device that describes itself. */
export type DeviceConfig =
  | (ModbusManners & {
      readonly id: string;
      readonly role: DeviceRole;
      readonly protocol: 'modbus-tcp';
      readonly host: string;
      readonly port: number;
      readonly unitId: number;
      readonly profile: string;
      readonly nameplate?: Nameplate;
      /** `rtu`: a serial gateway that passes RTU frames through TCP. */
      readonly framing?: 'tcp' | 'rtu';
      readonly tls?: TlsFiles;
    })
  | (ModbusManners & {
      readonly id: string;
      readonly role: DeviceRole;
      readonly protocol: 'modbus-rtu';
      /** The serial port: `/dev/ttyUSB0`. Devices on one bus name the same port. */
      readonly path: string;
      readonly baudRate: number;
      readonly parity?: 'none' | 'even' | 'odd';
      readonly stopBits?: 1 | 2;
      readonly unitId: number;
      readonly profile: string;
      readonly nameplate?: Nameplate;
    })
  | {
      readonly id: string;
      readonly role: DeviceRole;
      readonly protocol: 'opcua';
      /** Always SignAndEncrypt, never None, never anonymous. */
      readonly endpoint: string;
      readonly user: string;
      readonly password: string;
      /** Basic256Sha256 by default. */
      readonly security?: Policy;
      readonly profile: string;
      /** Where the quantities are, in place of a profile: nodes as `nsu=NAMESPACE-URI;s=TEXT`. */
      readonly nodes?: NodeMap;
      /** How to force a battery, beside `nodes`. */
      readonly control?: ControlNodes;
      readonly nameplate?: Nameplate;
      /** The server's certificate (PEM or DER), put on the trust list. */
      readonly serverCertificatePath?: string;
      readonly subscribe?: Subscribe;
    };

/**
 * Throws CommonwattError `malformed` unless there is exactly one grid meter, at most one battery, and ids are unique. With `complete`
 * false the grid meter may be missing.
 */
export function checkDevices(devices: readonly DeviceConfig[], complete = true): void {
  const fault = (detail: string, remedy: string, record?: string): CommonwattError =>
    new CommonwattError('malformed', detail, {
      field: 'devices',
      remedy,
      ...(record === undefined ? {} : { record }),
    });
  const seen = new Set<string>();
  for (const { id } of devices) {
    if (!isId(id)) {
      const detail = `${JSON.stringify(id)} is no device id: 1 to 64 of A-Z a-z 0-9 . _ : -`;
      throw fault(detail, 'give it a short name');
    }
    if (seen.has(id)) throw fault(`two devices are called ${id}`, 'give each a name of its own', id);
    seen.add(id);
  }
  const count = (role: DeviceRole): number => devices.filter((device) => device.role === role).length;
  const meters = count('grid-meter');
  if (meters > 1 || (complete && meters === 0)) {
    throw fault(
      `a home has one grid meter, here are ${meters}`,
      'give the role grid-meter to the meter at the connection to the grid, and to no other',
    );
  }
  if (count('battery') > 1) {
    throw fault(`a gateway steers one battery, here are ${count('battery')}`, 'leave one of them');
  }
}
