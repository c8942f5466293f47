import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommonwattError, type SlotMinutes } from '@commonwatt/domain';
import { Ajv, type ValidateFunction } from 'ajv';
import { checkDevices, type DeviceConfig } from '../config.ts';
import { reason } from '../deadline.ts';
import { isTimezone } from '../device-clock.ts';
import { loadProfile } from '../profile/load.ts';
import { CONFIG_SCHEMA } from './schema.ts';
import { pathOf, readYaml, wordsOf } from './yaml-fault.ts';

/** The configuration file of one gateway. */
export interface GatewayFile {
  readonly community: string;
  readonly participant: string;
  readonly gateway: string;
  /** Address of the market's HTTP API. */
  readonly market: string;
  readonly slotMinutes: SlotMinutes;
  readonly pollIntervalS: number;
  /** Holds the gateway's key, its journal and its OPC-UA certificates; relative to the file. */
  readonly stateFolder: string;
  readonly limits: {
    readonly importFuseW: number;
    readonly socReservePermille: number;
    readonly rampWPerS?: number;
  };
  readonly devices: readonly DeviceConfig[];
}

let validate: ValidateFunction<GatewayFile> | undefined;

/**
 * Reads and checks a configuration file; paths in it are relative to it. Throws CommonwattError `malformed` that names file, line and
 * column, or `not-found`. See `parseConfig` for `complete`.
 */
export function readConfig(path: string, complete = true): GatewayFile {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommonwattError('not-found', `${path}: ${reason(error)}`, {
      record: path,
      remedy: 'let `gateway scan` write one',
    });
  }
  const file = parseConfig(content, path, complete);
  const beside = (other: string): string => resolve(dirname(path), other);
  return { ...file, devices: file.devices.map((device) => withPaths(device, beside)) };
}

/** A device whose files are where the configuration says, seen from its own folder. */
function withPaths(device: DeviceConfig, beside: (path: string) => string): DeviceConfig {
  if (device.protocol === 'opcua') {
    const { serverCertificatePath } = device;
    if (serverCertificatePath === undefined) return device;
    return { ...device, serverCertificatePath: beside(serverCertificatePath) };
  }
  if (device.protocol !== 'modbus-tcp' || device.tls === undefined) return device;
  const { caPath, certificatePath, keyPath, serverName } = device.tls;
  return {
    ...device,
    tls: {
      caPath: beside(caPath),
      ...(certificatePath === undefined ? {} : { certificatePath: beside(certificatePath) }),
      ...(keyPath === undefined ? {} : { keyPath: beside(keyPath) }),
      ...(serverName === undefined ? {} : { serverName }),
    },
  };
}

/** Checks a configuration's text; `file` is for messages. With `complete` false it may still lack its grid meter, as right after a scan. */
export function parseConfig(content: string, file: string, complete = true): GatewayFile {
  const yaml = readYaml(content, file);
  const { value } = yaml;
  validate ??= new Ajv({ useDefaults: true, discriminator: true, allErrors: false }).compile<GatewayFile>(
    CONFIG_SCHEMA,
  );
  if (!validate(value)) {
    const [error] = validate.errors ?? [];
    throw yaml.fault(pathOf(error), ...wordsOf(error));
  }
  for (const [index, device] of value.devices.entries()) {
    if (device.protocol !== 'opcua' && device.timezone !== undefined && !isTimezone(device.timezone)) {
      throw yaml.fault(
        ['devices', index, 'timezone'],
        `there is no time zone ${JSON.stringify(device.timezone)}`,
        'give an IANA name such as Europe/Berlin',
      );
    }
    const fault = profileFault(device.profile);
    if (fault) throw yaml.fault(['devices', index, 'profile'], ...fault);
  }
  try {
    checkDevices(value.devices, complete);
  } catch (error) {
    const remedy = error instanceof CommonwattError ? error.place.remedy : undefined;
    throw yaml.fault(['devices'], reason(error), remedy);
  }
  return value;
}

/** What is wrong with a profile's name, and what to do; undefined when nothing is. */
function profileFault(profile: string): readonly [detail: string, remedy?: string] | undefined {
  if (profile === 'sunspec') return undefined;
  try {
    loadProfile(profile);
    return undefined;
  } catch (error) {
    const remedy = error instanceof CommonwattError ? error.place.remedy : undefined;
    return remedy === undefined ? [reason(error)] : [reason(error), remedy];
  }
}
