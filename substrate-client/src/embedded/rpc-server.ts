import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

type Subscription = (subscriptionId: string) => void;

export interface SubscriptionManager {
  subscribe(method: string, id: string, onCancel?: Subscription): (data: unknown) => void;
  unsubscribe(id: string): void;
}

export type RpcHandler = (
  request: { method: string; params: unknown[] },
  subscriptions: SubscriptionManager,
) => Promise<unknown>;

interface Request {
  readonly id?: number | string | null;
  readonly method: string;
  readonly params: unknown[];
}

/** JSON-RPC 2.0 over WebSocket on 127.0.0.1 only. Takes the wanted port, or any free one when it is taken or 0. */
export async function serveRpc(
  handler: RpcHandler,
  wantedPort: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const http = createServer((_request, response) => response.writeHead(426).end('WebSocket only\n'));
  const port = await listen(http, wantedPort).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return listen(http, 0);
  });
  const sockets = new WebSocketServer({ server: http, maxPayload: 64 * 1024 * 1024 });
  sockets.on('connection', (socket) => serve(socket, handler));
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        sockets.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function serve(socket: WebSocket, handler: RpcHandler): void {
  const running = new Map<string, Subscription>();
  const send = (message: unknown): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const subscriptions: SubscriptionManager = {
    subscribe: (method, id, onCancel = () => {}) => {
      running.set(id, onCancel);
      return (result) => {
        if (running.has(id)) send({ jsonrpc: '2.0', method, params: { result, subscription: id } });
      };
    },
    unsubscribe: (id) => {
      const onCancel = running.get(id);
      running.delete(id);
      onCancel?.(id);
    },
  };
  const end = (): void => {
    for (const id of running.keys()) subscriptions.unsubscribe(id);
  };
  const answer = async (request: Request): Promise<unknown> => {
    try {
      const result = await handler(request, subscriptions);
      return { jsonrpc: '2.0', id: request.id, result: result ?? null };
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const message = error instanceof Error ? error.message : String(error);
      return {
        jsonrpc: '2.0',
        id: request.id,
        error: { code: typeof code === 'number' ? code : -32603, message },
      };
    }
  };
  socket.on('error', end);
  socket.on('close', end);
  socket.on('message', (data: Buffer) => {
    const parsed = parse(data.toString());
    if (parsed === null) {
      send({ jsonrpc: '2.0', id: null, error: { code: -32600, message: 'not a JSON-RPC 2.0 request' } });
    } else if (Array.isArray(parsed)) {
      void Promise.all(parsed.map(answer)).then(send);
    } else {
      void answer(parsed).then(send);
    }
  });
}

function parse(text: string): Request | Request[] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) {
      const requests = value.map(asRequest);
      return requests.every((request) => request !== null) ? (requests as Request[]) : null;
    }
    return asRequest(value);
  } catch {
    return null;
  }
}

function asRequest(value: unknown): Request | null {
  if (typeof value !== 'object' || value === null) return null;
  const { id, method, params } = value as Record<string, unknown>;
  if (typeof method !== 'string' || (params !== undefined && !Array.isArray(params))) return null;
  if (id !== undefined && id !== null && typeof id !== 'number' && typeof id !== 'string') return null;
  return { ...(id === undefined ? {} : { id }), method, params: params ?? [] };
}
