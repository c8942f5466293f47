import { CommonwattError } from '@commonwatt/domain';
import type { DeviceConfig } from './config.ts';
import type { Device } from './device.ts';
import { ModbusBus, type BusOptions } from './modbus/bus.ts';
import { nameOf } from './modbus/line.ts';
import { profileDevice } from './modbus/profile-device.ts';
import { opcuaDevice, profileMapping, type OpcuaMapping } from './opcua/device.ts';
import { OpcuaConnection, type OpcuaOptions } from './opcua/session.ts';
import { loadProfile } from './profile/load.ts';
import { turnedDevice } from './turned.ts';
import { sunspecDevice } from './sunspec/device.ts';

/** Connections by address, so that two devices behind one address share it: one owner per bus. */
export interface Connections {
  device(config: DeviceConfig): Device;
  closeAll(): Promise<void>;
}

export interface ConnectionOptions {
  readonly pkiFolder: string;
  readonly modbus?: BusOptions;
  readonly opcua?: OpcuaOptions;
}

/** Makes devices from configuration. Nothing is connected until the first read. Throws CommonwattError on an unknown or unfit profile. */
export function openConnections(options: ConnectionOptions): Connections {
  const shared = new Map<string, { users: number; connection: { close(): Promise<void> } }>();

  function share<T extends { close(): Promise<void> }>(key: string, open: () => T): [T, () => Promise<void>] {
    const entry = shared.get(key) ?? { users: 0, connection: open() };
    entry.users += 1;
    shared.set(key, entry);
    let released = false;
    const release = async (): Promise<void> => {
      if (released) return;
      released = true;
      entry.users -= 1;
      if (entry.users > 0) return;
      shared.delete(key);
      await entry.connection.close();
    };
    return [entry.connection as T, release];
  }

  return {
    device(config) {
      if (config.protocol === 'opcua') {
        const { endpoint, user, security, serverCertificatePath } = config;
        const key = JSON.stringify(['opcua', endpoint, user, security, serverCertificatePath]);
        const mapping = mappingOf(config);
        const [connection, release] = share(
          key,
          () => new OpcuaConnection({ ...config, pkiFolder: options.pkiFolder }, options.opcua),
        );
        const { id, role, subscribe } = config;
        return opcuaDevice(mapping, { id, role, connection, release, subscribe });
      }
      const profile = config.profile === 'sunspec' ? undefined : loadProfile(config.profile);
      if (profile?.protocol === 'opcua') throw unfit(config, 'a Modbus device');
      const key = JSON.stringify(['modbus', nameOf(config)]);
      const [bus, release] = share(key, () => new ModbusBus(config, options.modbus));
      bus.mind(config);
      const { id, unitId, timezone, turned, wordOrder } = config;
      const deviceOptions = { id, unitId, timezone, bus, release };
      const device =
        profile === undefined
          ? sunspecDevice(config.role, deviceOptions)
          : profileDevice(wordOrder === undefined ? profile : { ...profile, wordOrder }, deviceOptions);
      return turned === undefined ? device : turnedDevice(device, turned);
    },
    async closeAll() {
      await Promise.all([...shared.values()].map(({ connection }) => connection.close()));
      shared.clear();
    },
  };
}

function mappingOf(config: Extract<DeviceConfig, { protocol: 'opcua' }>): OpcuaMapping {
  if (config.nodes) {
    return { quantities: config.nodes, ...(config.control ? { control: config.control } : {}) };
  }
  const profile = loadProfile(config.profile);
  if (profile.protocol !== 'opcua') throw unfit(config, 'an OPC-UA device');
  return profileMapping(profile, config.role, config.id);
}

function unfit(config: DeviceConfig, kind: string): CommonwattError {
  return new CommonwattError('malformed', `profile ${config.profile} is not for ${kind}`, {
    record: config.id,
    field: 'profile',
  });
}
