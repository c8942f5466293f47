/** JSON schemas of the API, as OpenAPI 3.1 shows them. What a signed message must hold is enforced by `ingest/shape.ts`. */

const ID = { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,64}$' } as const;
const SLOT = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:(00|15|30|45):00Z$',
  examples: ['2026-06-01T12:00:00Z'],
} as const;
const HEX64 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const WHOLE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const WHOLE_OR_NULL = { ...WHOLE, type: ['integer', 'null'] } as const;
const TEXT = { type: 'string' } as const;
const MONEY = {
  type: 'string',
  pattern: '^-?\\d+$',
  description: 'Whole units as a decimal string',
} as const;

function object(properties: Record<string, object>, optional: readonly string[] = []) {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  } as const;
}

function list(items: object) {
  return { type: 'array', items } as const;
}

function signed(payload: object) {
  return object({
    payload,
    key: { ...HEX64, description: "The signer's raw ed25519 public key" },
    signature: {
      type: 'string',
      pattern: '^[0-9a-f]{128}$',
      description: 'Over the canonical JSON (RFC 8785) of the payload',
    },
  });
}

const ORDER_FIELDS = {
  id: ID,
  participant: ID,
  side: { enum: ['bid', 'offer'] },
  energyWh: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
  priceMicroPerKwh: { type: 'integer', minimum: 0, maximum: 100_000_000 },
};
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

export const SLOT_SUMMARY = object({
  slot: SLOT,
  state: TEXT,
  gateClosesMs: WHOLE,
  startsMs: WHOLE,
  endsMs: WHOLE,
  meteringEndsMs: WHOLE,
  bids: WHOLE_OR_NULL,
  offers: WHOLE_OR_NULL,
  volumeWh: WHOLE_OR_NULL,
  priceMicroPerKwh: WHOLE_OR_NULL,
  bookHash: { type: ['string', 'null'] },
  readings: WHOLE_OR_NULL,
  estimates: WHOLE_OR_NULL,
  feederVerdict: { enum: ['normal', 'loss', 'gain', 'unknown', null] },
  feederDifferenceWh: { type: ['integer', 'null'] },
  batchId: { type: ['string', 'null'] },
  blockNumber: WHOLE_OR_NULL,
  trouble: { type: ['string', 'null'] },
});
export const SLOT_PAGE = object({ slots: list(SLOT_SUMMARY), next: { type: ['string', 'null'] } });

const WH = { type: 'integer' } as const;
const FEEDER_CHECK = object({
  slot: SLOT,
  feeder: ID,
  importWh: WHOLE_OR_NULL,
  exportWh: WHOLE_OR_NULL,
  homesImportWh: WHOLE,
  homesExportWh: WHOLE,
  homes: WHOLE,
  homesInDoubt: WHOLE,
  differenceWh: { type: ['integer', 'null'], description: 'Wh that came in and no home accounts for' },
  lossWhMax: WHOLE,
  toleranceWh: WHOLE,
  verdict: { enum: ['normal', 'loss', 'gain', 'unknown'] },
});
export const FEEDER = object({
  feeder: { type: ['string', 'null'], description: 'Null in a community without a feeder meter' },
  slots: { ...WHOLE, description: 'Slots that were looked at for suspects' },
  from: { type: ['string', 'null'] },
  to: { type: ['string', 'null'] },
  suspects: list(
    object({
      participant: ID,
      fault: { enum: ['scale', 'swapped', 'stuck', 'tap'] },
      showsPermille: { ...WHOLE_OR_NULL, description: 'Of what flows, in permille' },
      missingWh: WH,
      confidencePermille: { type: 'integer', minimum: 0, maximum: 1000 },
      text: TEXT,
    }),
  ),
  checks: list(FEEDER_CHECK),
  next: { type: ['string', 'null'], description: 'The `before` of the following page' },
});
export const FEEDER_QUERY = object(
  {
    before: { ...SLOT, description: 'The `next` of the page before' },
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  },
  ['before', 'limit'],
);

export const CLEARING = object({
  slot: SLOT,
  mechanism: { enum: ['uniform', 'pay-as-bid', 'mcafee'] },
  bookHash: HEX64,
  volumeWh: WHOLE,
  priceMicroPerKwh: WHOLE_OR_NULL,
  priceInterval: { type: ['array', 'null'], items: WHOLE, minItems: 2, maxItems: 2 },
  fills: list(object({ orderId: ID, energyWh: WHOLE })),
  trades: list(
    object(
      {
        bidId: ID,
        offerId: ID,
        buyer: ID,
        seller: ID,
        energyWh: WHOLE,
        priceMicroPerKwh: WHOLE,
        sellerPriceMicroPerKwh: WHOLE,
      },
      ['sellerPriceMicroPerKwh'],
    ),
  ),
});

export const BOOK = object({ slot: SLOT, kPercent: WHOLE, orders: list(object(ORDER_FIELDS)) });
export const ORDERS = object({ slot: SLOT, orders: list(SIGNED_ORDER) });
const PARTICIPANT = object(
  {
    id: ID,
    accountKey: HEX64,
    agentKey: { ...HEX64, description: 'Signs the orders; the account key does when this is left out' },
    role: { enum: ['household', 'supplier', 'fund', 'feeder'] },
  },
  ['agentKey'],
);
export const PARTICIPANTS = object({ participants: list(PARTICIPANT) });
export const MEMBERS = object({
  fromSlot: { type: ['string', 'null'], description: 'The first slot whose gate has not closed' },
  registry: {
    ...object({ blockNumber: WHOLE, blockHash: TEXT }),
    type: ['object', 'null'],
    description: 'The finalized block whose registry says so',
  },
  participants: list(PARTICIPANT),
  gateways: list(
    signed(
      object({
        type: { const: 'gateway' },
        community: ID,
        participant: ID,
        gateway: ID,
        gatewayKey: HEX64,
      }),
    ),
  ),
});
export const RULES = {
  type: 'object',
  description: 'MarketRules: what the community has agreed on',
  additionalProperties: true,
};

export const OWN_STATEMENT = object({
  slot: SLOT,
  participant: ID,
  position: {
    ...object({
      participant: ID,
      meteredWh: { type: 'integer' },
      tradedWh: { type: 'integer' },
      imbalanceWh: { type: 'integer' },
      source: { enum: ['reading', 'estimate'] },
    }),
    type: ['object', 'null'],
  },
  lines: list(
    object(
      {
        participant: ID,
        reason: TEXT,
        energyWh: { type: 'integer' },
        priceMicroPerKwh: { type: 'integer' },
        amountNano: MONEY,
        reference: TEXT,
        text: TEXT,
      },
      ['reference'],
    ),
  ),
  totalNano: MONEY,
});

const PROBLEM_DOCUMENT = object(
  {
    type: { type: 'string', examples: ['urn:commonwatt:problem:gate-closed'] },
    title: TEXT,
    status: { type: 'integer' },
    detail: TEXT,
    instance: TEXT,
    record: { ...TEXT, description: 'The record at fault' },
    field: { ...TEXT, description: 'The field at fault, as a path' },
    rule: { ...TEXT, description: 'The rule that was broken' },
    remedy: { ...TEXT, description: 'What to do' },
  },
  ['instance', 'record', 'field', 'rule', 'remedy'],
);

export const PROBLEM = {
  description: 'RFC 9457 problem document',
  content: { 'application/problem+json': { schema: PROBLEM_DOCUMENT } },
};

/** Many signed messages in one request. */
export function batch(kind: string, message: object) {
  return object({ [kind]: { ...list(message), maxItems: 100 } });
}

export function batchTaken(taken: object) {
  return object({
    results: list({ oneOf: [object({ taken }), object({ problem: PROBLEM_DOCUMENT })] }),
  });
}

export const SLOT_PARAM = object({ slot: SLOT });
export const SLOT_QUERY = object({ slot: SLOT });
export const PAGE_QUERY = object(
  {
    from: SLOT,
    to: SLOT,
    after: { ...SLOT, description: 'The `next` of the page before' },
    state: TEXT,
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  },
  ['from', 'to', 'after', 'state', 'limit'],
);
