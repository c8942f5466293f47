import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FastifyInstance } from 'fastify';
import fc from 'fast-check';
import { signerFromSeed, slotAfter, type Signed } from '@commonwatt/domain';
import { createMarketClient } from '../client/client.ts';
import { openMarket } from '../service/open-market.ts';
import type { Market } from '../service/ports.ts';
import {
  RULES,
  SLOT,
  SUPPLIER_SEED,
  cancel,
  makeHomes,
  makeStage,
  order,
  reading,
  type Stage,
} from '../service/test-kit.ts';
import { ownKeyHeader } from './own-key.ts';
import { buildMarketServer } from './server.ts';

const END_MS = Date.parse(SLOT) + 15 * 60_000;
let stage: Stage;
let market: Market;
let server: FastifyInstance;
let base: string;

beforeAll(async () => {
  stage = makeStage({ rules: { ...RULES, ordersMaxPerParticipant: 2 } });
  market = await openMarket(stage.options);
  server = await buildMarketServer(market, { port: 0, bodyBytesMax: 4096 });
  base = await server.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await server.close();
  await market.stop();
  stage.remove();
});

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

interface Case {
  readonly name: string;
  readonly path: '/v1/orders' | '/v1/orders/cancel' | '/v1/readings';
  readonly body: () => unknown;
  readonly status: number;
  readonly code: string;
  readonly field?: string;
}

const home = () => stage.homes[0]!;
const neighbour = () => stage.homes[1]!;
const unsigned = (signed: Signed<unknown>) => ({ payload: signed.payload });
const changed = (signed: Signed<object>, part: object) => ({
  ...signed,
  payload: { ...signed.payload, ...part },
});
const resigned = (signed: Signed<object>, part: object) => home().signer.sign({ ...signed.payload, ...part });

const ORDERS: Case[] = [
  { name: 'no JSON object', path: '/v1/orders', body: () => [1], status: 400, code: 'malformed' },
  {
    name: 'no payload',
    path: '/v1/orders',
    body: () => ({}),
    status: 400,
    code: 'malformed',
    field: 'payload',
  },
  {
    name: 'a field is missing',
    path: '/v1/orders',
    body: () => resigned(order(home()), { side: undefined }),
    status: 400,
    code: 'malformed',
    field: 'payload.side',
  },
  {
    name: 'a field too many',
    path: '/v1/orders',
    body: () => resigned(order(home()), { extra: 1 }),
    status: 400,
    code: 'malformed',
    field: 'payload.extra',
  },
  {
    name: 'energy is text',
    path: '/v1/orders',
    body: () => resigned(order(home()), { energyWh: '1000' }),
    status: 400,
    code: 'malformed',
    field: 'payload.energyWh',
  },
  {
    name: 'energy is a fraction',
    path: '/v1/orders',
    body: () => changed(order(home()), { energyWh: 1.5 }),
    status: 400,
    code: 'malformed',
    field: 'payload.energyWh',
  },
  {
    name: 'energy is zero',
    path: '/v1/orders',
    body: () => order(home(), { energyWh: 0 }),
    status: 422,
    code: 'out-of-range',
    field: 'payload.energyWh',
  },
  {
    name: 'energy is above the limit',
    path: '/v1/orders',
    body: () => order(home(), { energyWh: RULES.orderEnergyWhMax + 1 }),
    status: 422,
    code: 'out-of-range',
    field: 'payload.energyWh',
  },
  {
    name: 'price is above retail',
    path: '/v1/orders',
    body: () => order(home(), { priceMicroPerKwh: 250_001 }),
    status: 422,
    code: 'out-of-range',
    field: 'payload.priceMicroPerKwh',
  },
  {
    name: 'price is below feed-in',
    path: '/v1/orders',
    body: () => order(home(), { priceMicroPerKwh: 79_999 }),
    status: 422,
    code: 'out-of-range',
    field: 'payload.priceMicroPerKwh',
  },
  {
    name: 'revision is negative',
    path: '/v1/orders',
    body: () => order(home(), { revision: -1 }),
    status: 422,
    code: 'out-of-range',
    field: 'payload.revision',
  },
  {
    name: 'the id is a path',
    path: '/v1/orders',
    body: () => order(home(), { id: '../x' }),
    status: 400,
    code: 'malformed',
    field: 'payload.id',
  },
  {
    name: 'the slot is no slot',
    path: '/v1/orders',
    body: () => order(home(), { slot: '2026-06-31T12:00:00Z' }),
    status: 400,
    code: 'malformed',
    field: 'payload.slot',
  },
  {
    name: 'no signature',
    path: '/v1/orders',
    body: () => unsigned(order(home())),
    status: 401,
    code: 'unsigned',
    field: 'key',
  },
  {
    name: 'changed after signing',
    path: '/v1/orders',
    body: () => changed(order(home()), { energyWh: 999 }),
    status: 401,
    code: 'bad-signature',
    field: 'signature',
  },
  {
    name: "signed with a neighbour's key",
    path: '/v1/orders',
    body: () => neighbour().signer.sign(order(home()).payload),
    status: 401,
    code: 'bad-signature',
    field: 'key',
  },
  {
    name: 'the signature is too short',
    path: '/v1/orders',
    body: () => ({ ...order(home()), signature: 'ab' }),
    status: 400,
    code: 'malformed',
    field: 'signature',
  },
  {
    name: 'an unknown participant',
    path: '/v1/orders',
    body: () => order(makeHomes(9)[8]!),
    status: 403,
    code: 'unknown-participant',
    field: 'payload.participant',
  },
  {
    name: 'another community',
    path: '/v1/orders',
    body: () => order(home(), { community: 'elsewhere' }),
    status: 403,
    code: 'wrong-community',
    field: 'payload.community',
  },
  {
    name: 'a slot before the first',
    path: '/v1/orders',
    body: () => order(home(), { slot: slotAfter(SLOT, 15, -1) }),
    status: 404,
    code: 'unknown-slot',
    field: 'payload.slot',
  },
  {
    name: 'a slot that is not open yet',
    path: '/v1/orders',
    body: () => order(home(), { slot: slotAfter(SLOT, 15, 40) }),
    status: 409,
    code: 'not-yet-open',
    field: 'payload.slot',
  },
  {
    name: 'taking back an order that is not there',
    path: '/v1/orders/cancel',
    body: () => cancel(home(), { id: 'nothing' }),
    status: 404,
    code: 'unknown-order',
    field: 'payload.id',
  },
  {
    name: 'a reading of a slot that has not ended',
    path: '/v1/readings',
    body: () => reading(home()),
    status: 409,
    code: 'not-yet-open',
    field: 'payload.slot',
  },
];

async function expectRefused(
  response: Response,
  status: number,
  code: string,
  field?: string,
): Promise<void> {
  const problem = (await response.json()) as Record<string, unknown>;
  const wanted = { status, type: `urn:commonwatt:problem:${code}` };
  expect(problem).toMatchObject(field === undefined ? wanted : { ...wanted, field });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(String(problem['detail']).length).toBeGreaterThan(5);
}

describe('a refused message', () => {
  it.each(ORDERS)('$name -> $code', async ({ path, body, status, code, field }) => {
    expect.hasAssertions();
    await expectRefused(await post(path, body()), status, code, field);
  });

  it('that depends on what is there: duplicate, conflict, self-trade, too many, not yours', async () => {
    const slot = slotAfter(SLOT, 15);
    const first = order(home(), { slot, id: 'a', priceMicroPerKwh: 150_000 });
    expect((await post('/v1/orders', first)).status).toBe(200);
    await expectRefused(await post('/v1/orders', first), 409, 'duplicate', 'payload.revision');
    await expectRefused(
      await post('/v1/orders', order(home(), { slot, id: 'a', energyWh: 7 })),
      409,
      'conflict',
      'payload.revision',
    );
    await expectRefused(
      await post('/v1/orders', order(neighbour(), { slot, id: 'a' })),
      409,
      'conflict',
      'payload.id',
    );
    const offer = order(home(), { slot, id: 'b', side: 'offer', priceMicroPerKwh: 150_000 });
    await expectRefused(await post('/v1/orders', offer), 422, 'self-trade', 'payload.priceMicroPerKwh');
    await expectRefused(
      await post('/v1/orders/cancel', cancel(neighbour(), { slot, id: 'a' })),
      403,
      'forbidden',
    );
    expect((await post('/v1/orders', order(home(), { slot, id: 'c' }))).status).toBe(200);
    await expectRefused(
      await post('/v1/orders', order(home(), { slot, id: 'd' })),
      422,
      'limit-exceeded',
      'payload.id',
    );
  });

  it('after the gate, and readings that cannot be', async () => {
    await stage.clock.goTo(Date.parse(SLOT) - RULES.gateClosureMs);
    await expectRefused(await post('/v1/orders', order(home())), 409, 'gate-closed', 'payload.slot');
    await expectRefused(await post('/v1/orders/cancel', cancel(home())), 409, 'gate-closed', 'payload.slot');
    await stage.clock.goTo(END_MS);
    const sendReading = (part: object) => post('/v1/readings', reading(home(), part));
    await expectRefused(await sendReading({ importWh: -1 }), 422, 'out-of-range', 'payload.importWh');
    await expectRefused(await sendReading({ exportWh: 25_001 }), 422, 'out-of-range', 'payload.exportWh');
    await expectRefused(
      await sendReading({ stateOfChargePermille: 1001 }),
      422,
      'out-of-range',
      'payload.stateOfChargePermille',
    );
    await expectRefused(await sendReading({ flags: ['fine'] }), 400, 'malformed', 'payload.flags');
    await expectRefused(
      await sendReading({ slot: slotAfter(SLOT, 15, 1) }),
      409,
      'not-yet-open',
      'payload.slot',
    );
    await expectRefused(
      await sendReading({ slot: slotAfter(SLOT, 15, -4) }),
      404,
      'unknown-slot',
      'payload.slot',
    );
    await expectRefused(
      await sendReading({ gateway: 'gw-nobody' }),
      403,
      'unknown-gateway',
      'payload.gateway',
    );
    await expectRefused(await sendReading({ gateway: neighbour().gateway }), 401, 'bad-signature', 'key');
    await expectRefused(
      await sendReading({ participant: 'home-02' }),
      403,
      'forbidden',
      'payload.participant',
    );
    await expectRefused(await post('/v1/readings', unsigned(reading(home()))), 401, 'unsigned', 'key');
    await expectRefused(
      await post('/v1/readings', changed(reading(home()), { importWh: 1 })),
      401,
      'bad-signature',
      'signature',
    );
    expect((await sendReading({})).status).toBe(200);
    await expectRefused(await sendReading({}), 409, 'duplicate', 'payload.sequence');
    await expectRefused(await sendReading({ importWh: 501 }), 409, 'conflict', 'payload.sequence');
    const gap = await sendReading({ sequence: 5, importWh: 400 });
    expect(await gap.json()).toMatchObject({ chain: 'gap', use: 'counted' });
  });
});

describe('a message that is refused for what happened before', () => {
  it('a debtor, a slot that was settled, a reading too late or without a clock, whatever the bytes', async () => {
    const later = makeStage({ rules: { ...RULES, trueUpLimitMs: 3_600_000 } });
    const laterMarket = await openMarket(later.options);
    const laterServer = await buildMarketServer(laterMarket, { port: 0 });
    try {
      const send = async (url: string, payload: object) => {
        const answer = await laterServer.inject({ method: 'POST', url, payload });
        return { status: answer.statusCode, ...answer.json<Record<string, unknown>>() };
      };
      later.settlement.unpaid = [{ participant: 'home-01', amountMicro: '500', why: 'balance too small' }];
      await later.clock.goTo(END_MS);
      const [first, second] = later.homes;
      expect(await send('/v1/readings', reading(first!, { clockSynchronised: false }))).toMatchObject({
        status: 200,
        use: 'noted',
      });
      await later.clock.goTo(END_MS + RULES.meteringDeadlineMs);
      const open = slotAfter(SLOT, 15, 4);
      expect(await send('/v1/orders', order(first!, { slot: open }))).toMatchObject({
        status: 422,
        type: 'urn:commonwatt:problem:no-collateral',
        record: 'home-01',
        remedy: expect.stringContaining('fund the account'),
      });
      expect(await send('/v1/orders', order(second!, { slot: open }))).toMatchObject({ status: 200 });
      expect(await send('/v1/readings', reading(second!))).toMatchObject({ status: 200, use: 'true-up' });
      expect(await send('/v1/readings', reading(second!, { sequence: 1 }))).toMatchObject({
        status: 409,
        type: 'urn:commonwatt:problem:conflict',
      });
      await later.clock.goTo(END_MS + 3_600_001);
      expect(await send('/v1/readings', reading(later.homes[2]!))).toMatchObject({
        status: 409,
        type: 'urn:commonwatt:problem:too-late',
        field: 'payload.slot',
      });
      const supplier = { ...order(first!).payload, participant: 'supplier', slot: slotAfter(open, 15, 3) };
      expect(await send('/v1/orders', signerFromSeed(SUPPLIER_SEED).sign(supplier))).toMatchObject({
        status: 403,
        type: 'urn:commonwatt:problem:forbidden',
      });
    } finally {
      await laterServer.close();
      await laterMarket.stop();
      later.remove();
    }
  });

  it('never breaks the server: any JSON at any door is answered with a problem below 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/v1/orders', '/v1/orders/cancel', '/v1/readings'),
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.object().map((more) => JSON.stringify({ ...order(home()), ...more })),
        ),
        async (url, payload) => {
          const headers = { 'content-type': 'application/json' };
          const answer = await server.inject({ method: 'POST', url, payload, headers });
          expect(answer.statusCode).toBeGreaterThanOrEqual(400);
          expect(answer.statusCode).toBeLessThan(500);
          expect(answer.headers['content-type']).toContain('application/problem+json');
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('every other error is a problem document too', () => {
  it.each([
    ['an unknown path', () => fetch(`${base}/v1/nothing`), 404, 'not-found'],
    ['an unknown method', () => fetch(`${base}/v1/orders`, { method: 'DELETE' }), 404, 'not-found'],
    ['JSON cut off', () => post('/v1/orders', '{"payload":'), 400, 'malformed'],
    ['an empty body', () => post('/v1/orders', ''), 400, 'malformed'],
    [
      'a constructor for a payload',
      () => post('/v1/orders', '{"payload":{"constructor":{"prototype":{}}}}'),
      400,
      'malformed',
    ],
    [
      'a prototype beside good members',
      () =>
        post(
          '/v1/orders',
          JSON.stringify(order(home())).replace('{"payload":{', '{"payload":{"__proto__":{"x":1},'),
        ),
      400,
      'malformed',
    ],
    ['a poisoned prototype', () => post('/v1/orders', '{"__proto__":{"x":1}}'), 400, 'malformed'],
    [
      'another media type',
      () => post('/v1/orders', '<order/>', { 'content-type': 'text/xml' }),
      400,
      'malformed',
    ],
    [
      'too long a body',
      () => post('/v1/orders', JSON.stringify({ payload: 'x'.repeat(5000) })),
      413,
      'too-large',
    ],
    ['a slot that is no slot', () => fetch(`${base}/v1/slots/tomorrow`), 400, 'malformed'],
    ['a slot that is not there', () => fetch(`${base}/v1/slots/2030-01-01T00:00:00Z`), 404, 'unknown-slot'],
    ['a limit that is no number', () => fetch(`${base}/v1/slots?limit=many`), 400, 'malformed'],
    ['a path that does not decode', () => fetch(`${base}/v1/slots/%ff`), 400, 'malformed'],
    ['orders without a key', () => fetch(`${base}/v1/orders?slot=${SLOT}`), 401, 'unsigned'],
    [
      'a clearing that is not made yet',
      () => fetch(`${base}/v1/slots/${slotAfter(SLOT, 15, 3)}/clearing`),
      404,
      'not-found',
    ],
  ] as const)('%s', async (_name, send, status, code) => {
    expect.hasAssertions();
    await expectRefused(await send(), status, code);
  });

  it('a misspelt parameter: it is named', async () => {
    const answer = await fetch(`${base}/v1/slots?form=${SLOT}`);
    await expectRefused(answer.clone(), 400, 'malformed', 'form');
    expect(await answer.json()).toMatchObject({ detail: 'querystring: form is no parameter here' });
  });

  it('JSON that is sent as text: the content type is named', async () => {
    const answer = await post('/v1/orders', JSON.stringify(order(home())), { 'content-type': 'text/plain' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ remedy: 'send content-type: application/json' });
  });

  it('a batch with a message that is nested deeper than JSON can be written', async () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const answer = await post('/v1/orders/batch', `{"orders":[${deep},{"payload":{"type":${deep}}}]}`);
    expect(await answer.json()).toMatchObject({
      results: [{ problem: { status: 400 } }, { problem: { status: 400, field: 'payload.type' } }],
    });
  });

  it('headers that are too large, and bytes that are no request', async () => {
    const answer = (bytes: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(base).port), '127.0.0.1', () => socket.write(bytes));
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('end', () => resolve(text));
        socket.on('error', reject);
      });
    expect(await answer('NONSENSE\r\n\r\n')).toContain('urn:commonwatt:problem:malformed');
    expect(await answer(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).toContain(
      'urn:commonwatt:problem:too-large',
    );
  });

  it('too many requests, with how long to wait', async () => {
    const strict = await buildMarketServer(market, { port: 0, rateLimit: { max: 2, windowMs: 60_000 } });
    try {
      const address = await strict.listen({ host: '127.0.0.1', port: 0 });
      await fetch(`${address}/v1/rules`);
      await fetch(`${address}/v1/rules`);
      const response = await fetch(`${address}/v1/rules`);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await expectRefused(response, 429, 'rate-limited');
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});

describe('what can be read', () => {
  it('has an OpenAPI 3.1 document with every route', async () => {
    const document = (await (await fetch(`${base}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, object>;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/v1/events',
      '/v1/feeder',
      '/v1/members',
      '/v1/orders',
      '/v1/orders/batch',
      '/v1/orders/cancel',
      '/v1/participants',
      '/v1/readings',
      '/v1/readings/batch',
      '/v1/rules',
      '/v1/slots',
      '/v1/slots/{slot}',
      '/v1/slots/{slot}/book',
      '/v1/slots/{slot}/clearing',
      '/v1/slots/{slot}/retry',
      '/v1/statements/{slot}',
    ]);
  });

  it('pages through slots', async () => {
    const client = createMarketClient({ baseUrl: base });
    const first = await client.slots({ limit: 2 });
    expect(first.slots.map(({ slot }) => slot)).toEqual([SLOT, slotAfter(SLOT, 15)]);
    const second = await client.slots({ limit: 2, after: first.next! });
    expect(second.slots[0]?.slot).toBe(slotAfter(SLOT, 15, 2));
  });

  it('tells Prometheus', async () => {
    const response = await fetch(`${base}/metrics`);
    const text = await response.text();
    expect(text).toMatch(/commonwatt_ready 1/);
    expect(text).toMatch(/commonwatt_http_answers_total\{route="\/v1\/orders",status="401"\} \d+/);
    for (const line of text.trim().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)$/);
    }
  });

  it("shows a household its own orders and statement, nobody else's", async () => {
    const client = createMarketClient({ baseUrl: base });
    const slot = slotAfter(SLOT, 15);
    const mine = await client.ownOrders(home().signer, RULES.community, slot);
    expect(mine.map(({ payload }) => payload.id)).toEqual(['a', 'c']);
    expect(await client.ownOrders(neighbour().signer, RULES.community, slot)).toEqual([]);
    await stage.clock.goTo(END_MS + RULES.meteringDeadlineMs);
    const statement = await client.ownStatement(home().signer, RULES.community, SLOT);
    expect(statement.lines.length).toBeGreaterThan(0);
    expect(statement.lines.every((line) => line.participant === 'home-01')).toBe(true);
    const path = `/v1/statements/${encodeURIComponent(SLOT)}`;
    const stale = { type: 'request', community: RULES.community, method: 'GET', path, timeMs: 1000 };
    const signed = home().signer.sign(stale);
    const authorization = ownKeyHeader(signed.key, 1000, signed.signature);
    await expectRefused(await fetch(`${base}${path}`, { headers: { authorization } }), 409, 'too-late');
    const otherPath = home().signer.sign({ ...stale, path: '/v1/rules', timeMs: Date.now() });
    const moved = ownKeyHeader(otherPath.key, otherPath.payload.timeMs, otherPath.signature);
    await expectRefused(
      await fetch(`${base}${path}`, { headers: { authorization: moved } }),
      401,
      'bad-signature',
    );
  });

  it('streams events, and catches up with last-event-id', async () => {
    const listen = (lastEventId?: string) => {
      let text = '';
      const request = httpRequest(`${base}/v1/events`, {
        headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      });
      request.on('error', () => {});
      const open = new Promise<void>((resolve) => {
        request.on('response', (response) => {
          response.on('data', (chunk) => (text += String(chunk)));
          response.once('data', () => resolve());
          response.on('error', () => {});
        });
      });
      request.end();
      return { open, text: () => text, close: () => request.destroy() };
    };
    const first = listen();
    await first.open;
    await stage.clock.goTo(END_MS + 40 * 60_000);
    await expect.poll(first.text).toMatch(/event: price\ndata: \{"slot":/);
    expect(first.text()).toMatch(/event: settled/);
    first.close();
    const ids = [...first.text().matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    const second = listen(String(ids[0]));
    await second.open;
    await expect.poll(second.text).toContain(`id: ${ids[1]}\n`);
    expect(second.text()).not.toContain(`id: ${ids[0]}\n`);
    second.close();
  });
});

describe('the client', () => {
  it('turns problems back into errors, and silence into `unavailable`', async () => {
    const client = createMarketClient({ baseUrl: base });
    await expect(client.submitOrder(order(home()))).rejects.toMatchObject({
      code: 'gate-closed',
      place: { record: 'home-01-1', field: 'payload.slot' },
    });
    const gone = createMarketClient({ baseUrl: 'http://127.0.0.1:9', deadlineMs: 500 });
    await expect(gone.rules()).rejects.toMatchObject({ code: 'unavailable' });
    const never = createMarketClient({
      baseUrl: base,
      deadlineMs: 30,
      fetch: (_url, init) =>
        new Promise((_, reject) =>
          init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))),
        ),
    });
    await expect(never.rules()).rejects.toThrow('no answer in 30 ms');
    const strange = createMarketClient({
      baseUrl: base,
      fetch: async () => new Response('<html>', { status: 502 }),
    });
    await expect(strange.rules()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
