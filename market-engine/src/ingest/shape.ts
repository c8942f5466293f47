import {
  CommonwattError,
  ID_PATTERN,
  type CancelPayload,
  type MeterReading,
  type OrderPayload,
  type Signed,
} from '@commonwatt/domain';
import { shownValue } from '../shown-value.ts';
import { isSlotName } from './slot-names.ts';

/** Says what is wrong with a value, or null when nothing is. */
type Check = (value: unknown) => string | null;

const whole: Check = (value) =>
  Number.isSafeInteger(value) ? null : `must be a whole number, not ${show(value)}`;
const wholeOrNull: Check = (value) => (value === null ? null : whole(value));
const flag: Check = (value) =>
  typeof value === 'boolean' ? null : `must be true or false, not ${show(value)}`;
const id: Check = (value) =>
  typeof value === 'string' && ID_PATTERN.test(value)
    ? null
    : `must be 1 to 64 characters of A-Z a-z 0-9 . _ : -, not ${show(value)}`;
const hash: Check = (value) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
    ? null
    : `must be 64 lower-case hex digits, not ${show(value)}`;
const slot: Check = (value) =>
  isSlotName(value) ? null : `must be a slot like 2026-06-01T12:00:00Z, not ${show(value)}`;
const oneOf =
  (...names: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && names.includes(value)
      ? null
      : `must be ${names.join(' or ')}, not ${show(value)}`;
const flags: Check = (value) => {
  if (!Array.isArray(value) || value.length > QUALITY_FLAGS.length) return 'must be a list of quality flags';
  const isFlag = oneOf(...QUALITY_FLAGS);
  for (const item of value) {
    const wrong = isFlag(item);
    if (wrong !== null) return `has an unknown entry: ${wrong}`;
  }
  return null;
};

const QUALITY_FLAGS = ['stale', 'nonsense', 'reset', 'jump', 'replaced', 'interpolated', 'clock', 'partial'];

const ORDER: Record<keyof OrderPayload, Check> = {
  type: oneOf('order'),
  community: id,
  slot,
  id,
  participant: id,
  side: oneOf('bid', 'offer'),
  energyWh: whole,
  priceMicroPerKwh: whole,
  revision: whole,
};

const CANCEL: Record<keyof CancelPayload, Check> = {
  type: oneOf('cancel'),
  community: id,
  slot,
  id,
  participant: id,
  revision: whole,
};

const READING: Record<keyof MeterReading, Check> = {
  type: oneOf('reading'),
  community: id,
  gateway: id,
  participant: id,
  slot,
  sequence: whole,
  previousHash: hash,
  importWh: whole,
  exportWh: whole,
  importCounterWh: whole,
  exportCounterWh: whole,
  epoch: whole,
  pvWh: wholeOrNull,
  batteryChargedWh: wholeOrNull,
  batteryDischargedWh: wholeOrNull,
  stateOfChargePermille: wholeOrNull,
  flags,
  deviceTimeMs: wholeOrNull,
  gatewayTimeMs: whole,
  clockSynchronised: flag,
};

/** The value as a signed order. Throws CommonwattError `malformed` or `unsigned` with the field. */
export function readOrder(value: unknown): Signed<OrderPayload> {
  return readSigned<OrderPayload>(value, ORDER);
}

/** The value as a signed cancellation. Throws as `readOrder`. */
export function readCancel(value: unknown): Signed<CancelPayload> {
  return readSigned<CancelPayload>(value, CANCEL);
}

/** The value as a signed meter reading. Throws as `readOrder`. */
export function readReading(value: unknown): Signed<MeterReading> {
  return readSigned<MeterReading>(value, READING);
}

function readSigned<T>(value: unknown, checks: Record<string, Check>): Signed<T> {
  const envelope = objectAt(value, '');
  const payload = objectAt(envelope['payload'], 'payload');
  for (const name in checks) {
    const wrong = (checks[name] as Check)(payload[name]);
    if (wrong !== null) {
      throw malformed(`payload.${name}`, name in payload ? wrong : 'is missing');
    }
  }
  for (const name of Object.keys(payload)) {
    if (!Object.hasOwn(checks, name)) throw malformed(`payload.${name}`, 'is not a member of this payload');
  }
  for (const name of Object.keys(envelope)) {
    if (name !== 'payload' && name !== 'key' && name !== 'signature') {
      throw malformed(name, 'is not a member of a signed message');
    }
  }
  hexAt(envelope['key'], 'key', 64);
  hexAt(envelope['signature'], 'signature', 128);
  return value as Signed<T>;
}

function objectAt(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw malformed(field, value === undefined ? 'is missing' : `must be a JSON object, not ${show(value)}`);
}

function hexAt(value: unknown, field: string, digits: number): void {
  if (value === undefined || value === null || value === '') {
    throw new CommonwattError('unsigned', `the message has no "${field}"`, {
      field,
      remedy: 'send {payload, key, signature}: ed25519 over the canonical JSON (RFC 8785) of the payload',
    });
  }
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]*$/.test(value)) {
    throw malformed(field, `must be ${digits} lower-case hex digits, not ${show(value)}`);
  }
}

function malformed(field: string, wrong: string): CommonwattError {
  return new CommonwattError('malformed', `${field === '' ? 'the message' : field} ${wrong}`, {
    ...(field === '' ? {} : { field }),
    remedy: 'correct the field; /openapi.json has the schema',
  });
}

function show(value: unknown): string {
  return shownValue(value, 43);
}
