import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommonwattError, type SlotMinutes } from '@commonwatt/domain';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { checkDevices, type DeviceConfig } from '../config.ts';
import { reason } from '../deadline.ts';
import { isTimezone } from '../device-clock.ts';
import { loadProfile } from '../profile/load.ts';
import { CONFIG_SCHEMA } from './schema.ts';

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

/** Reads and checks a configuration file. Throws CommonwattError `malformed` that names the file and the line, or `not-found`. */
export function readConfig(path: string): GatewayFile {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommonwattError('not-found', `${path}: ${reason(error)}`, {
      record: path,
      remedy: 'let `gateway scan` write one',
    });
  }
  const file = parseConfig(content, path);
  const beside = (other: string): string => resolve(dirname(path), other);
  return {
    ...file,
    devices: file.devices.map((device) =>
      device.protocol === 'opcua' && device.serverCertificatePath !== undefined
        ? { ...device, serverCertificatePath: beside(device.serverCertificatePath) }
        : device,
    ),
  };
}

/** Checks a configuration's text; `file` is for messages. */
export function parseConfig(content: string, file: string): GatewayFile {
  const counter = new LineCounter();
  const document = parseDocument(content, { lineCounter: counter, prettyErrors: false });
  const fault = (line: number, detail: string, field = ''): CommonwattError =>
    new CommonwattError('malformed', `${file}:${line}: ${detail}`, { record: file, field });
  const [broken] = document.errors;
  if (broken) throw fault(counter.linePos(broken.pos[0]).line, broken.message);
  validate ??= new Ajv({ useDefaults: true, discriminator: true, allErrors: false }).compile<GatewayFile>(
    CONFIG_SCHEMA,
  );
  const value: unknown = document.toJS();
  const line = (path: readonly (string | number)[]): number => lineOf(document, counter, path);
  if (!validate(value)) {
    const [error] = validate.errors ?? [];
    const path = pathOf(error);
    throw fault(line(path), wordsOf(error), path.join('.'));
  }
  for (const [index, device] of value.devices.entries()) {
    const { profile } = device;
    if (device.protocol !== 'opcua' && device.timezone !== undefined && !isTimezone(device.timezone)) {
      throw fault(
        line(['devices', index, 'timezone']),
        `there is no time zone ${JSON.stringify(device.timezone)}; give an IANA name such as Europe/Berlin`,
        `devices.${index}.timezone`,
      );
    }
    if (profile === 'sunspec') continue;
    try {
      loadProfile(profile);
    } catch (error) {
      const known = error instanceof CommonwattError ? (error.place.remedy ?? '') : '';
      throw fault(
        line(['devices', index, 'profile']),
        `${reason(error)}; ${known}`,
        `devices.${index}.profile`,
      );
    }
  }
  try {
    checkDevices(value.devices);
  } catch (error) {
    throw fault(line(['devices']), reason(error), 'devices');
  }
  return value;
}

/** Where an error lies: the member itself when it should not be there, else what it was found in. */
function pathOf(error: ErrorObject | undefined): (string | number)[] {
  const path = (error?.instancePath ?? '')
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const extra = (error?.params as { additionalProperty?: string } | undefined)?.additionalProperty;
  return extra === undefined ? path : [...path, extra];
}

function wordsOf(error: ErrorObject | undefined): string {
  if (!error) return 'is not a configuration';
  const name = error.instancePath.split('/').at(-1) ?? '';
  const params = error.params as { additionalProperty?: string; allowedValues?: unknown[]; pattern?: string };
  if (params.additionalProperty !== undefined) return `${params.additionalProperty} is not known here`;
  const allowed = params.allowedValues ? `: ${params.allowedValues.join(', ')}` : '';
  if (error.keyword === 'discriminator') return 'protocol must be modbus-tcp, modbus-rtu or opcua';
  return `${name} ${error.message ?? 'is wrong'}${allowed}`.trim();
}

/** The line of the deepest part of a path that the file has; 1 for an empty file. */
function lineOf(document: Document, counter: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return 1;
}
