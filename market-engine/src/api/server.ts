import fastify, { type FastifyInstance } from 'fastify';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import { CommonwattError } from '@commonwatt/domain';
import type { Market } from '../service/ports.ts';
import { EventStreams } from './event-streams.ts';
import { HttpMetrics } from './metrics.ts';
import { PROBLEM_TYPE, problemOf, rawProblem, sendProblem } from './problems.ts';
import { addRoutes } from './routes.ts';

export interface MarketServerOptions {
  /** Loopback only; whoever publishes the market puts a proxy with TLS before it. */
  readonly host?: '127.0.0.1';
  /** 0 takes a free one. Used by `listen` of the caller; kept here for the OpenAPI document. */
  readonly port: number;
  /** Requests per client address and window. Generous: all simulated homes share one address. */
  readonly rateLimit?: { readonly max: number; readonly windowMs: number };
  readonly bodyBytesMax?: number;
  /** Wall clock, for the freshness of signed requests. */
  readonly wallMs?: () => number;
  /** Raw ed25519 key of whoever may let a stuck slot go on, 64 hex digits; without it nobody may. */
  readonly operatorKey?: string;
  readonly log?: (line: string) => void;
  /** What else is watched here: added to `/metrics` (Prometheus text) and to the body of `/readyz`. */
  readonly operations?: { metrics(): string; health(): object };
}

export const RATE_LIMIT_DEFAULT = { max: 60_000, windowMs: 60_000 };
export const BODY_BYTES_MAX_DEFAULT = 16_384;

/**
 * The market's HTTP API, not yet listening, so that the caller can add its own routes.
 * Every error leaves as a problem document (RFC 9457), the framework's own too.
 */
export async function buildMarketServer(
  market: Market,
  options: MarketServerOptions,
): Promise<FastifyInstance> {
  const limit = options.rateLimit ?? RATE_LIMIT_DEFAULT;
  const server = fastify({
    bodyLimit: options.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT,
    forceCloseConnections: true,
    // What is not in a message's schema is refused there, `__proto__` too; no need to search every body for it before.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    requestTimeout: 30_000,
    // A misspelt parameter is refused; left out, it would be answered as if nobody had asked for it.
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, request, reply) => {
      void sendProblem(error, request, reply as never);
    },
    clientErrorHandler: (error, socket) => {
      if (socket.writable) socket.end(rawProblem((error as NodeJS.ErrnoException).code));
      else socket.destroy();
    },
  });
  // The only content type is JSON; text would be taken for a message that is a string.
  server.removeContentTypeParser('text/plain');
  // What the market returns is JSON already; schemas of answers describe, they do not cut.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  const metrics = new HttpMetrics();
  const wallMs = options.wallMs ?? (() => Date.now());
  const streams = new EventStreams(wallMs());
  const unsubscribe = market.subscribe((event) => streams.publish(event));

  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request.url);
    if (problem.status >= 500) options.log?.(`${request.method} ${request.url}: ${problem.detail}`);
    return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
  });
  server.setNotFoundHandler((request, reply) =>
    sendProblem(
      new CommonwattError('not-found', `there is no ${request.method} ${request.url.split('?', 1)[0]}`, {
        remedy: 'see /openapi.json for the paths',
      }),
      request,
      reply,
    ),
  );
  server.addHook('onResponse', (request, reply, done) => {
    metrics.answered(request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime);
    done();
  });
  server.addHook('preClose', (done) => {
    unsubscribe();
    streams.close();
    done();
  });

  await server.register(rateLimit, {
    global: true,
    max: limit.max,
    timeWindow: limit.windowMs,
    // Only who exceeds the limit needs to know it.
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, context) =>
      new CommonwattError('rate-limited', `more than ${context.max} requests in ${limit.windowMs / 1000} s`, {
        remedy: `wait ${Math.ceil(context.ttl / 1000)} s; the retry-after header says so too`,
      }),
  });
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Commonwatt market',
        version: '1',
        description:
          'Orders and readings are ed25519-signed messages {payload, key, signature}. Errors are problem documents (RFC 9457).',
      },
      components: {
        securitySchemes: {
          ownKey: {
            type: 'apiKey',
            in: 'header',
            name: 'authorization',
            description:
              'Commonwatt key=<hex>,time=<ms>,signature=<hex>: the participant\'s ed25519 signature over the canonical JSON of {community, method, path, timeMs, type: "request"}',
          },
        },
      },
    },
  });
  addRoutes(server, {
    market,
    metrics,
    streams,
    wallMs,
    operatorKey: options.operatorKey,
    operations: options.operations,
  });
  return server;
}
