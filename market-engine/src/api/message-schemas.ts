import { PROBLEM_DOCUMENT } from './problem-schema.ts';
import { HEX64, ID, ORDER_FIELDS, SLOT, WHOLE, WHOLE_OR_NULL, list, object, signed } from './schema-parts.ts';

/** Schemas of what the market takes, and of its answer. What a signed message must hold is enforced by `ingest/shape.ts`. */

const REVISION = { type: 'integer', minimum: 0, maximum: 1_000_000_000 };

export const SIGNED_ORDER = signed(
  object({ type: { const: 'order' }, community: ID, slot: SLOT, ...ORDER_FIELDS, revision: REVISION }),
);

export const SIGNED_CANCEL = signed(
  object({
    type: { const: 'cancel' },
    community: ID,
    slot: SLOT,
    id: ID,
    participant: ID,
    revision: { ...REVISION, minimum: 1 },
  }),
);

export const SIGNED_READING = signed(
  object({
    type: { const: 'reading' },
    community: ID,
    gateway: ID,
    participant: ID,
    slot: SLOT,
    sequence: WHOLE,
    previousHash: HEX64,
    importWh: WHOLE,
    exportWh: WHOLE,
    importCounterWh: WHOLE,
    exportCounterWh: WHOLE,
    epoch: WHOLE,
    pvWh: WHOLE_OR_NULL,
    batteryChargedWh: WHOLE_OR_NULL,
    batteryDischargedWh: WHOLE_OR_NULL,
    stateOfChargePermille: { type: ['integer', 'null'], minimum: 0, maximum: 1000 },
    flags: list({
      enum: ['stale', 'nonsense', 'reset', 'jump', 'replaced', 'interpolated', 'clock', 'partial'],
    }),
    deviceTimeMs: WHOLE_OR_NULL,
    gatewayTimeMs: WHOLE,
    clockSynchronised: { type: 'boolean' },
  }),
);

export const ORDER_TAKEN = object({ order: ID, revision: WHOLE, slot: SLOT });

export const READING_TAKEN = object({
  gateway: ID,
  slot: SLOT,
  sequence: WHOLE,
  chain: { enum: ['sound', 'gap', 'broken', 'counter'] },
  use: { enum: ['counted', 'true-up', 'noted'] },
});

/** Many signed messages in one request. */
export function batch(kind: string, message: object) {
  return object({ [kind]: { ...list(message), maxItems: 100 } });
}

export function batchTaken(taken: object) {
  return object({
    results: list({ oneOf: [object({ taken }), object({ problem: PROBLEM_DOCUMENT })] }),
  });
}
