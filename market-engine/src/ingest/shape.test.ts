import fastify, { type FastifyRequest } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { CommonwattError } from '@commonwatt/domain';
import { SIGNED_CANCEL, SIGNED_ORDER, SIGNED_READING } from '../api/message-schemas.ts';
import { cancel, makeHomes, order, reading } from '../service/test-kit.ts';
import { readCancel, readOrder, readReading } from './shape.ts';

const [home] = makeHomes(1);
const KINDS = [
  { name: 'order', good: order(home!), read: readOrder, schema: SIGNED_ORDER },
  { name: 'cancel', good: cancel(home!), read: readCancel, schema: SIGNED_CANCEL },
  { name: 'reading', good: reading(home!), read: readReading, schema: SIGNED_READING },
] as const;

/** The server's own schema validator, without its habit of converting types. */
async function validatorOf(schema: object): Promise<ReturnType<FastifyRequest['compileValidationSchema']>> {
  const server = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
  });
  const compiled = Promise.withResolvers<ReturnType<FastifyRequest['compileValidationSchema']>>();
  server.get('/', (request) => {
    compiled.resolve(request.compileValidationSchema({ ...schema }));
    return 'done';
  });
  await server.inject('/');
  return compiled.promise;
}

function refusal(read: (value: unknown) => unknown, value: unknown): CommonwattError | null {
  try {
    read(value);
    return null;
  } catch (error) {
    if (error instanceof CommonwattError) return error;
    throw error;
  }
}

/** A good message with one member changed or removed, at either level. */
function spoilt(good: object): fc.Arbitrary<unknown> {
  const payload = (good as { payload: object }).payload;
  const names = Object.keys(payload);
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('', '2026-06-31T12:00:00Z', -1, 1.5, 1e300, null, [], {}),
  );
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...names), anything)
      .map(([name, value]) => ({ ...good, payload: { ...payload, [name]: value } })),
    fc.constantFrom(...names).map((name) => ({ ...good, payload: { ...payload, [name]: undefined } })),
    fc
      .tuple(fc.constantFrom('payload', 'key', 'signature', 'more'), anything)
      .map(([name, value]) => ({ ...good, [name]: value })),
    fc.jsonValue(),
  );
}

describe.each(KINDS)('a signed $name', ({ good, read, schema }) => {
  let valid: Awaited<ReturnType<typeof validatorOf>>;
  beforeAll(async () => {
    valid = await validatorOf(schema);
  });

  it('that is good passes both the reader and the schema', () => {
    expect(refusal(read, good)).toBeNull();
    expect(valid(good)).toBe(true);
  });

  it('passes the reader when it passes the schema, and the other way round but for ranges that the rules check', () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(spoilt(good), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value) ?? 'null');
        // A day that does not exist passes the schema's pattern.
        fc.pre(!JSON.stringify(plain).includes('-06-31T'));
        const code = refusal(read, plain)?.code ?? 'taken';
        valid(plain);
        const errors = valid.errors ?? [];
        const beyondRanges = errors.some(({ keyword }) => keyword !== 'minimum' && keyword !== 'maximum');
        const wanted = beyondRanges
          ? /^(malformed|unsigned)$/
          : errors.length > 0
            ? /^(malformed|taken)$/
            : /^taken$/;
        expect(code).toMatch(wanted);
      }),
      { numRuns: 3000 },
    );
  });
});
