import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fixtureView, type FixtureOptions } from './fixture.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The strictest policy the page has to live with. */
export const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

const ACCOUNT = '5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu';
const MONEY = {
  '/v1/chain': { assetId: 1984, assetSymbol: 'ccEUR', settlementAccount: ACCOUNT },
  '/v1/approvals': {
    account: ACCOUNT,
    participant: null,
    balanceMicro: '998765432',
    approvalMicro: '1000000000',
    atBlock: 12,
  },
};

export interface FixtureServer {
  readonly url: string;
  /** Whole simulated ms per real ms; change it while running. */
  speed: number;
  stop(): Promise<void>;
}

/** Serves a built page and a live made-up neighbourhood on loopback; `port` 0 takes a free one. */
export async function startFixtureServer(
  distDir: string,
  options: FixtureOptions,
  port = 0,
): Promise<FixtureServer> {
  const startedMs = Date.now();
  const listeners = new Set<ServerResponse>();
  const handle = { speed: 60 };
  const view = () => JSON.stringify(fixtureView(options, (Date.now() - startedMs) * handle.speed));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    response.setHeader('content-security-policy', CONTENT_POLICY);
    if (path === '/v1/neighbourhood/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(`event: view\ndata: ${view()}\n\n`);
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
      return;
    }
    if (path === '/v1/neighbourhood') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(view());
      return;
    }
    if (path === '/v1/chain' || path === '/v1/approvals') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(MONEY[path]));
      return;
    }
    const file = join(distDir, normalize(path === '/' ? 'index.html' : path));
    readFile(file).then(
      (bytes) =>
        response
          .writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
          .end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const timer = setInterval(() => {
    const data = view();
    for (const response of listeners) response.write(`event: view\ndata: ${data}\n\n`);
  }, 500);
  return Object.assign(handle, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: async () => {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
