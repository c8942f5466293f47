/** What the schemas of the API are made of, as OpenAPI 3.1 shows it. */

export const ID = { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,64}$' } as const;

export const SLOT = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:(00|15|30|45):00Z$',
  examples: ['2026-06-01T12:00:00Z'],
} as const;

export const HEX64 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;

export const WHOLE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

export const WHOLE_OR_NULL = { ...WHOLE, type: ['integer', 'null'] } as const;

export const TEXT = { type: 'string' } as const;

export const MONEY = {
  type: 'string',
  pattern: '^-?\\d+$',
  description: 'Whole units as a decimal string',
} as const;

export function object(properties: Record<string, object>, optional: readonly string[] = []) {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  } as const;
}

export function list(items: object) {
  return { type: 'array', items } as const;
}

export function signed(payload: object) {
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

export const ORDER_FIELDS = {
  id: ID,
  participant: ID,
  side: { enum: ['bid', 'offer'] },
  energyWh: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
  priceMicroPerKwh: { type: 'integer', minimum: 0, maximum: 100_000_000 },
};
