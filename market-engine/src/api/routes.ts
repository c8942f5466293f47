import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CommonwattError, parseAmount, sum, type Participant, type SlotId } from '@commonwatt/domain';
import type { FeederFilter, Market, SlotFilter, SlotSummary } from '../service/ports.ts';
import type { EventStreams } from './event-streams.ts';
import { METRICS_TYPE, type HttpMetrics } from './metrics.ts';
import { readRequestKey } from './own-key.ts';
import * as communitySchemas from './community-schemas.ts';
import * as feederSchemas from './feeder-schemas.ts';
import * as messageSchemas from './message-schemas.ts';
import { PROBLEM } from './problem-schema.ts';
import * as slotSchemas from './slot-schemas.ts';
import { BATCH_BYTES_MAX, BATCH_MAX, takeEach } from './batch.ts';

export interface RouteContext {
  readonly market: Market;
  readonly metrics: HttpMetrics;
  readonly streams: EventStreams;
  readonly wallMs: () => number;
  readonly operatorKey: string | undefined;
  readonly operations: { metrics(): string; health(): object } | undefined;
}

type SlotRequest = FastifyRequest<{ Params: { slot: SlotId } }>;

/** All routes of the market. The schemas of bodies are for the OpenAPI document; the market checks what it takes itself. */
export function addRoutes(server: FastifyInstance, context: RouteContext): void {
  const { market, metrics, streams, wallMs, operatorKey, operations } = context;
  const take = (summary: string, body: object, answer: object) => ({
    schema: { summary, tags: ['take'], body, response: { 200: answer, default: PROBLEM } },
    validatorCompiler: () => () => true,
  });
  server.post(
    '/v1/orders',
    take('Place or replace an order', messageSchemas.SIGNED_ORDER, messageSchemas.ORDER_TAKEN),
    (request) => market.submitOrder(request.body),
  );
  server.post(
    '/v1/orders/cancel',
    take(
      'Take an order back before the gate closes',
      messageSchemas.SIGNED_CANCEL,
      messageSchemas.ORDER_TAKEN,
    ),
    (request) => market.cancelOrder(request.body),
  );
  server.post(
    '/v1/readings',
    take(
      "Deliver a gateway's reading of a slot",
      messageSchemas.SIGNED_READING,
      messageSchemas.READING_TAKEN,
    ),
    (request) => market.submitReading(request.body),
  );

  const takeMany = (kind: 'orders' | 'readings', message: object, answer: object) => ({
    ...take(
      `Up to ${BATCH_MAX} ${kind} at once, one after the other`,
      messageSchemas.batch(kind, message),
      messageSchemas.batchTaken(answer),
    ),
    bodyLimit: BATCH_BYTES_MAX,
  });
  server.post(
    '/v1/orders/batch',
    takeMany('orders', messageSchemas.SIGNED_ORDER, messageSchemas.ORDER_TAKEN),
    (request) => takeEach(request, 'orders', (order) => market.submitOrder(order)),
  );
  server.post(
    '/v1/readings/batch',
    takeMany('readings', messageSchemas.SIGNED_READING, messageSchemas.READING_TAKEN),
    (request) => takeEach(request, 'readings', (reading) => market.submitReading(reading)),
  );

  const read = (summary: string, answer: object, more: object = {}) => ({
    schema: { summary, tags: ['read'], response: { 200: answer, default: PROBLEM }, ...more },
  });
  const ofSlot = { params: slotSchemas.SLOT_PARAM };
  server.get('/v1/rules', read("The community's rules", communitySchemas.RULES), () => market.rules);
  server.get('/v1/participants', read('Who takes part', communitySchemas.PARTICIPANTS), () => ({
    participants: market.participants,
  }));
  server.get(
    '/v1/members',
    read('Who takes part from the next open slot on', communitySchemas.MEMBERS),
    () => {
      const { participants, gateways, asOf, fromSlot } = market.members();
      return { fromSlot, registry: asOf ?? null, participants, gateways };
    },
  );
  server.get(
    '/v1/slots',
    read('Slots, oldest first, in pages', slotSchemas.SLOT_PAGE, { querystring: slotSchemas.PAGE_QUERY }),
    (request: FastifyRequest<{ Querystring: SlotFilter & { limit: number } }>) => {
      const slots = market.slots(request.query);
      const full = slots.length === request.query.limit;
      return { slots, next: full ? (slots.at(-1)?.slot ?? null) : null };
    },
  );
  server.get('/v1/slots/:slot', read('One slot', slotSchemas.SLOT_SUMMARY, ofSlot), (request: SlotRequest) =>
    known(market, request.params.slot),
  );
  server.get(
    '/v1/slots/:slot/clearing',
    read('What the book cleared at', slotSchemas.CLEARING, ofSlot),
    (request: SlotRequest) => {
      const summary = known(market, request.params.slot);
      return market.clearing(summary.slot) ?? notYet(summary, 'it is cleared when its gate has closed');
    },
  );
  server.get(
    '/v1/slots/:slot/book',
    read('The frozen book; public once the gate has closed', slotSchemas.BOOK, ofSlot),
    (request: SlotRequest) => {
      const summary = known(market, request.params.slot);
      return market.bookOf(summary.slot) ?? notYet(summary, 'its book is secret until the gate has closed');
    },
  );

  server.get(
    '/v1/feeder',
    read(
      'The homes against the feeder meter, newest slot first, and meters under suspicion',
      feederSchemas.FEEDER,
      {
        querystring: feederSchemas.FEEDER_QUERY,
      },
    ),
    (request: FastifyRequest<{ Querystring: FeederFilter & { limit: number } }>) => {
      const checks = market.feederChecks(request.query);
      const full = checks.length === request.query.limit;
      return { ...market.feederReport(), checks, next: full ? (checks.at(-1)?.slot ?? null) : null };
    },
  );

  const signedBy = <T>(request: FastifyRequest, ownerOf: (key: string) => T): T =>
    readRequestKey(
      request.headers.authorization,
      { community: market.rules.community, method: request.method, path: request.url },
      ownerOf,
      wallMs(),
    );
  const own = (request: FastifyRequest): Participant =>
    signedBy(request, (key) => market.participantOfKey(key));
  const ownKey = { security: [{ ownKey: [] }] };
  server.get(
    '/v1/orders',
    read('My standing orders in a slot', slotSchemas.ORDERS, {
      querystring: slotSchemas.SLOT_QUERY,
      ...ownKey,
    }),
    (request: FastifyRequest<{ Querystring: { slot: SlotId } }>) => {
      const participant = own(request);
      const { slot } = known(market, request.query.slot);
      return { slot, orders: market.ordersOf(participant.id, slot) };
    },
  );
  server.get(
    '/v1/statements/:slot',
    read('My statement of a slot, each line with its reason', slotSchemas.OWN_STATEMENT, {
      ...ofSlot,
      ...ownKey,
    }),
    (request: SlotRequest) => {
      const participant = own(request);
      const summary = known(market, request.params.slot);
      const statement = market.statement(summary.slot);
      if (statement === null) return notYet(summary, 'its statement is made when it is metered');
      const lines = statement.lines.filter((line) => line.participant === participant.id);
      return {
        slot: summary.slot,
        participant: participant.id,
        position: statement.positions.find((one) => one.participant === participant.id) ?? null,
        lines,
        totalNano: sum(lines.map((line) => parseAmount(line.amountNano))).toString(),
      };
    },
  );

  server.post(
    '/v1/slots/:slot/retry',
    {
      schema: {
        summary: 'The operator lets a slot in needsOperator go on, after removing the cause',
        tags: ['operate'],
        response: { 200: slotSchemas.SLOT_SUMMARY, default: PROBLEM },
        ...ofSlot,
        ...ownKey,
      },
    },
    (request: SlotRequest) => {
      signedBy(request, (key) => {
        if (key !== operatorKey)
          throw new CommonwattError('forbidden', 'only the operator may do this', { field: 'authorization' });
      });
      const { slot } = known(market, request.params.slot);
      market.retry(slot);
      return known(market, slot);
    },
  );

  const plain = { schema: { hide: true }, config: { rateLimit: false } };
  server.get(
    '/v1/events',
    {
      schema: {
        summary:
          'Server-sent events: slot, cleared, position, price, statement-ready, feeder, settled, corrected',
        tags: ['read'],
      },
    },
    (request, reply) => {
      streams.check();
      reply.hijack();
      streams.add(reply.raw, request.headers['last-event-id'] as string | undefined);
    },
  );
  server.get('/openapi.json', plain, () => server.swagger());
  server.get('/healthz', plain, () => ({ alive: true }));
  server.get('/readyz', plain, () => {
    const health = market.health();
    if (!health.ready) throw new CommonwattError('unavailable', health.why ?? 'the market is not ready');
    return { ready: true, nowMs: health.nowMs, slots: health.slots, ...operations?.health() };
  });
  server.get('/metrics', plain, (_request, reply) =>
    reply
      .type(METRICS_TYPE)
      .send(`${metrics.text(market.health(), streams.count)}${operations?.metrics() ?? ''}`),
  );
}

function known(market: Market, slot: SlotId): SlotSummary {
  const summary = market.slot(slot);
  if (summary !== null) return summary;
  throw new CommonwattError('unknown-slot', `there is no slot ${slot} here`, { record: slot, field: 'slot' });
}

function notYet({ slot, state }: SlotSummary, why: string): never {
  throw new CommonwattError('not-found', `slot ${slot} is ${state}; ${why}`, {
    record: slot,
    remedy: 'ask again later, or follow /v1/events',
  });
}
