import fastifyStatic from '@fastify/static';
import { CommonwattError, type DemandSignal, type NeighbourhoodView } from '@commonwatt/domain';
import type { FastifyInstance } from 'fastify';
import type { BundleShelf } from './bundles.ts';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The pages load nothing from elsewhere. */
const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const VIEW_PERIOD_MS = 1000;
const BUNDLES_PER_PAGE = 100;
const PAGES = fileURLToPath(new URL('../../../web/dist', import.meta.url));

/**
 * What the composition adds to the market's HTTP API: the pages, the live view of the neighbourhood, and demand signals.
 * Returns a function that ends the live streams, which a clean stop needs.
 */
export async function addNeighbourhoodRoutes(
  server: FastifyInstance,
  options: {
    view: () => NeighbourhoodView;
    takeSignal: (signed: unknown) => DemandSignal;
    nowMs: () => number;
    bundles: BundleShelf;
  },
): Promise<() => void> {
  const streams = new Set<{ end(): void }>();

  server.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', CONTENT_POLICY).header('x-content-type-options', 'nosniff');
  });

  server.get('/v1/neighbourhood', () => options.view());

  server.get('/v1/neighbourhood/events', (request, reply) => {
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      connection: 'keep-alive',
    });
    const send = (): void => {
      stream.write(`event: view\ndata: ${JSON.stringify(options.view())}\n\n`);
    };
    send();
    const timer = setInterval(send, VIEW_PERIOD_MS);
    streams.add(stream);
    request.raw.on('close', () => {
      clearInterval(timer);
      streams.delete(stream);
    });
  });

  server.get('/v1/signals', () => options.view().signals);
  server.post('/v1/signals', (request, reply) => {
    const signal = options.takeSignal(request.body);
    return reply
      .code(201)
      .send({ id: signal.id, limitW: signal.limitW, fromMs: signal.fromMs, toMs: signal.toMs });
  });

  // Settled slots are public, and named by their content: whoever keeps the hash can tell that the file is still the same.
  server.get('/v1/bundles', (request) => options.bundles.list(pageOf(request.query)));
  server.get<{ Params: { sha256: string } }>('/v1/bundles/:sha256', async (request, reply) => {
    const text = await options.bundles.read(request.params.sha256);
    return reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .type('application/json')
      .send(text);
  });

  server.get('/v1/clock', () => ({ nowMs: options.nowMs() }));

  if (existsSync(PAGES)) await server.register(fastifyStatic, { root: PAGES });
  else {
    server.get('/', () => {
      throw new CommonwattError('not-found', 'the pages are not built', {
        remedy: 'run `npm run build -w web`',
      });
    });
  }
  return () => {
    for (const stream of streams) stream.end();
  };
}

function pageOf(query: unknown): { after: string; limit: number } {
  const { after, limit } = query as { after?: string; limit?: string };
  const count = limit === undefined ? BUNDLES_PER_PAGE : Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > BUNDLES_PER_PAGE) {
    throw new CommonwattError('out-of-range', `limit is a whole number from 1 to ${BUNDLES_PER_PAGE}`, {
      field: 'limit',
    });
  }
  return { after: after ?? '', limit: count };
}
