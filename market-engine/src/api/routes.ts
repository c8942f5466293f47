import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CommonwattError, parseAmount, sum, type Participant, type SlotId } from '@commonwatt/domain';
import type { Market, SlotFilter, SlotSummary } from '../service/ports.ts';
import type { EventStreams } from './event-streams.ts';
import { METRICS_TYPE, type HttpMetrics } from './metrics.ts';
import { readOwnKey } from './own-key.ts';
import * as schemas from './schemas.ts';

export interface RouteContext {
  readonly market: Market;
  readonly metrics: HttpMetrics;
  readonly streams: EventStreams;
  readonly wallMs: () => number;
}

type SlotRequest = FastifyRequest<{ Params: { slot: SlotId } }>;

/** All routes of the market. The schemas of bodies are for the OpenAPI document; the market checks what it takes itself. */
export function addRoutes(server: FastifyInstance, { market, metrics, streams, wallMs }: RouteContext): void {
  const take = (summary: string, body: object, answer: object) => ({
    schema: { summary, tags: ['take'], body, response: { 200: answer, default: schemas.PROBLEM } },
    validatorCompiler: () => () => true,
  });
  server.post(
    '/v1/orders',
    take('Place or replace an order', schemas.SIGNED_ORDER, schemas.ORDER_TAKEN),
    (request) => market.submitOrder(request.body),
  );
  server.post(
    '/v1/orders/cancel',
    take('Take an order back before the gate closes', schemas.SIGNED_CANCEL, schemas.ORDER_TAKEN),
    (request) => market.cancelOrder(request.body),
  );
  server.post(
    '/v1/readings',
    take("Deliver a gateway's reading of a slot", schemas.SIGNED_READING, schemas.READING_TAKEN),
    (request) => market.submitReading(request.body),
  );

  const read = (summary: string, answer: object, more: object = {}) => ({
    schema: { summary, tags: ['read'], response: { 200: answer, default: schemas.PROBLEM }, ...more },
  });
  const ofSlot = { params: schemas.SLOT_PARAM };
  server.get('/v1/rules', read("The community's rules", schemas.RULES), () => market.rules);
  server.get('/v1/participants', read('Who takes part', schemas.PARTICIPANTS), () => ({
    participants: market.participants,
  }));
  server.get('/v1/members', read('Who takes part from the next open slot on', schemas.MEMBERS), () => {
    const { participants, gateways, asOf, fromSlot } = market.members();
    return { fromSlot, registry: asOf ?? null, participants, gateways };
  });
  server.get(
    '/v1/slots',
    read('Slots, oldest first, in pages', schemas.SLOT_PAGE, { querystring: schemas.PAGE_QUERY }),
    (request: FastifyRequest<{ Querystring: SlotFilter & { limit: number } }>) => {
      const slots = market.slots(request.query);
      const full = slots.length === request.query.limit;
      return { slots, next: full ? (slots.at(-1)?.slot ?? null) : null };
    },
  );
  server.get('/v1/slots/:slot', read('One slot', schemas.SLOT_SUMMARY, ofSlot), (request: SlotRequest) =>
    known(market, request.params.slot),
  );
  server.get(
    '/v1/slots/:slot/clearing',
    read('What the book cleared at', schemas.CLEARING, ofSlot),
    (request: SlotRequest) => {
      const summary = known(market, request.params.slot);
      return market.clearing(summary.slot) ?? notYet(summary, 'it is cleared when its gate has closed');
    },
  );
  server.get(
    '/v1/slots/:slot/book',
    read('The frozen book; public once the gate has closed', schemas.BOOK, ofSlot),
    (request: SlotRequest) => {
      const summary = known(market, request.params.slot);
      return market.bookOf(summary.slot) ?? notYet(summary, 'its book is secret until the gate has closed');
    },
  );

  const own = (request: FastifyRequest): Participant =>
    readOwnKey(
      request.headers.authorization,
      { method: request.method, path: request.url },
      {
        community: market.rules.community,
        participantOfKey: (key) => market.participantOfKey(key),
      },
      wallMs(),
    );
  const ownKey = { security: [{ ownKey: [] }] };
  server.get(
    '/v1/orders',
    read('My standing orders in a slot', schemas.ORDERS, { querystring: schemas.SLOT_QUERY, ...ownKey }),
    (request: FastifyRequest<{ Querystring: { slot: SlotId } }>) => {
      const participant = own(request);
      const { slot } = known(market, request.query.slot);
      return { slot, orders: market.ordersOf(participant.id, slot) };
    },
  );
  server.get(
    '/v1/statements/:slot',
    read('My statement of a slot, each line with its reason', schemas.OWN_STATEMENT, {
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

  const plain = { schema: { hide: true }, config: { rateLimit: false } };
  server.get(
    '/v1/events',
    {
      schema: {
        summary: 'Server-sent events: slot, cleared, price, statement-ready, settled',
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
    return { ready: true, nowMs: health.nowMs, slots: health.slots };
  });
  server.get('/metrics', plain, (_request, reply) =>
    reply.type(METRICS_TYPE).send(metrics.text(market.health(), streams.count)),
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
