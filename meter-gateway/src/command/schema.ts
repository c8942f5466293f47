/** JSON schema of the configuration file. Every protocol has its own device form, chosen by `protocol`. */

import { POLICIES } from '../opcua/client.ts';
import { QUANTITIES } from '../quantity.ts';

const id = { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,64}$' };
const text = { type: 'string', minLength: 1 };
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const unitId = { type: 'integer', minimum: 0, maximum: 255 };
const watts = { type: 'integer', minimum: 1, maximum: 2_000_000 };
const nameplate = {
  type: 'object',
  additionalProperties: false,
  properties: {
    capacityWh: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
    chargeMaxW: watts,
    dischargeMaxW: watts,
  },
};
const manners = {
  timezone: text,
  pauseMs: { type: 'integer', minimum: 0, maximum: 10_000 },
  timeoutMs: { type: 'integer', minimum: 100, maximum: 60_000 },
  wordOrder: { enum: ['high-first', 'low-first'] },
  turned: { enum: ['power', 'energy', 'both'] },
};
const device = { id, role: { enum: ['grid-meter', 'pv', 'battery'] }, profile: text, nameplate };

const tls = {
  type: 'object',
  additionalProperties: false,
  required: ['caPath'],
  properties: { caPath: text, certificatePath: text, keyPath: text, serverName: text },
};

const node = { type: 'string', pattern: '^(nsu=[^;]+;)?[isgb]=.+$' };
const mapped = {
  type: 'object',
  additionalProperties: false,
  required: ['node', 'scale'],
  properties: { node, scale: { type: 'number', not: { const: 0 } } },
};

export const CONFIG_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['community', 'participant', 'gateway', 'market', 'limits', 'devices'],
  properties: {
    community: id,
    participant: id,
    gateway: id,
    market: { type: 'string', pattern: '^https?://' },
    slotMinutes: { enum: [15, 30, 60], default: 15 },
    pollIntervalS: { type: 'number', minimum: 0.5, maximum: 300, default: 5 },
    stateFolder: { type: 'string', minLength: 1, default: 'gateway-state' },
    limits: {
      type: 'object',
      additionalProperties: false,
      required: ['importFuseW'],
      properties: {
        importFuseW: { type: 'integer', minimum: 500, maximum: 2_000_000 },
        socReservePermille: { type: 'integer', minimum: 0, maximum: 1000, default: 100 },
        rampWPerS: { type: 'number', exclusiveMinimum: 0 },
      },
    },
    devices: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['protocol'],
        discriminator: { propertyName: 'protocol' },
        oneOf: [
          {
            additionalProperties: false,
            required: ['id', 'role', 'protocol', 'host', 'profile'],
            properties: {
              ...device,
              protocol: { const: 'modbus-tcp' },
              host: text,
              port: { ...port, default: 502 },
              unitId: { ...unitId, default: 1 },
              ...manners,
              framing: { enum: ['tcp', 'rtu'] },
              tls,
            },
          },
          {
            additionalProperties: false,
            required: ['id', 'role', 'protocol', 'path', 'profile'],
            properties: {
              ...device,
              protocol: { const: 'modbus-rtu' },
              path: text,
              baudRate: { type: 'integer', minimum: 300, maximum: 1_000_000, default: 9600 },
              parity: { enum: ['none', 'even', 'odd'] },
              stopBits: { enum: [1, 2] },
              unitId: { ...unitId, default: 1 },
              ...manners,
            },
          },
          {
            additionalProperties: false,
            required: ['id', 'role', 'protocol', 'endpoint', 'user', 'password'],
            properties: {
              ...device,
              protocol: { const: 'opcua' },
              endpoint: { type: 'string', pattern: '^opc\\.tcp://' },
              user: text,
              password: text,
              security: { enum: [...POLICIES] },
              profile: { ...text, default: 'opc34100' },
              nodes: {
                type: 'object',
                additionalProperties: false,
                minProperties: 1,
                properties: Object.fromEntries(QUANTITIES.map((quantity) => [quantity, mapped])),
              },
              control: {
                type: 'object',
                additionalProperties: false,
                required: ['setpointW', 'timeoutS', 'mode', 'modeFollow', 'modeSelf'],
                properties: {
                  setpointW: node,
                  timeoutS: node,
                  mode: node,
                  modeFollow: { type: 'integer' },
                  modeSelf: { type: 'integer' },
                },
              },
              serverCertificatePath: text,
              subscribe: {
                type: 'object',
                additionalProperties: false,
                required: ['samplingIntervalMs', 'deadbandW'],
                properties: {
                  samplingIntervalMs: { type: 'integer', minimum: 100, maximum: 60_000 },
                  deadbandW: { type: 'number', minimum: 0 },
                },
              },
            },
          },
        ],
      },
    },
  },
} as const;
