import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export interface PublicNode {
  readonly endpoint: string;
  /** Every method that was asked for, in order. */
  readonly methods: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
}

/** A development chain as a public node shows it: no `dev_` calls, neither offered nor taken. Says what it was asked. */
export async function publicNode(endpoint: string): Promise<PublicNode> {
  const methods: string[] = [];
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', (client) => {
    const node = new WebSocket(endpoint);
    const waiting: string[] = [];
    const listing = new Set<unknown>();
    client.on('message', (data: Buffer) => {
      const text = data.toString();
      const { id, method = '' } = JSON.parse(text) as Message;
      methods.push(method);
      if (method.startsWith('dev_')) {
        client.send(
          JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }),
        );
        return;
      }
      if (method === 'rpc_methods') listing.add(id);
      if (node.readyState === WebSocket.OPEN) node.send(text);
      else waiting.push(text);
    });
    node.on('open', () => {
      for (const text of waiting) node.send(text);
    });
    node.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message & { result?: { methods: string[] } };
      if (listing.delete(message.id) && message.result) {
        const offered = message.result.methods.filter((name) => !name.startsWith('dev_'));
        client.send(JSON.stringify({ ...message, result: { ...message.result, methods: offered } }));
      } else {
        client.send(data.toString());
      }
    });
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      one.on('close', () => other.terminate());
      one.on('error', () => other.terminate());
    }
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    methods,
    close: () =>
      new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
