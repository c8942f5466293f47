import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export interface PaperNode {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * A node that has a real chain's metadata and nothing behind it but a table of storage: enough to look at a chain, to build its calls and
 * to sign them as it wants them signed. `answers` are the results by method; storage keys that are not in the table are empty.
 */
export async function paperNode(chain: {
  readonly metadata: string;
  readonly version: unknown;
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly storage?: ReadonlyMap<string, string>;
}): Promise<PaperNode> {
  const hash = `0x${'ab'.repeat(32)}`;
  const answers: Record<string, unknown> = {
    rpc_methods: { methods: [] },
    chain_getBlockHash: hash,
    chain_getFinalizedHead: hash,
    chain_getHeader: { number: '0x64', parentHash: hash },
    state_getRuntimeVersion: chain.version,
    state_getMetadata: chain.metadata,
    ...chain.answers,
  };
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { id, method, params } = JSON.parse(data.toString()) as {
        id: number;
        method: string;
        params: unknown[];
      };
      const changes = (): unknown => [
        {
          block: hash,
          changes: (params[0] as string[]).map((key) => [key, chain.storage?.get(key) ?? null]),
        },
      ];
      const result = method === 'state_queryStorageAt' ? changes() : answers[method];
      const error = { code: -32601, message: `Method not found: ${method}` };
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) }));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
