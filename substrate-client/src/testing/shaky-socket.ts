import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** What becomes of one message on its way; `delay` lets later ones overtake it. */
export type Passage = 'pass' | 'swallow' | 'cut-before' | 'cut-after' | { readonly delayMs: number };

export interface ShakySocket {
  readonly endpoint: string;
  /** Decides about each message in turn; every one passes until this is set. */
  decide: (direction: 'question' | 'answer', text: string) => Passage;
  readonly counts: { cuts: number; swallowed: number; delayed: number; messages: number };
  close(): Promise<void>;
}

/**
 * Stands between a client and a chain's WebSocket, on 127.0.0.1 and any free port: cuts the connection before or after any message, loses
 * messages, and delays them so that others come first.
 */
export async function shakySocket(upstream: string): Promise<ShakySocket> {
  const http = createServer((_request, response) => response.writeHead(426).end());
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server = new WebSocketServer({ server: http, maxPayload: 64 * 1024 * 1024 });
  const timers = new Set<NodeJS.Timeout>();
  const shaky: ShakySocket = {
    endpoint: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    decide: () => 'pass',
    counts: { cuts: 0, swallowed: 0, delayed: 0, messages: 0 },
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        for (const socket of server.clients) socket.terminate();
        server.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  server.on('connection', (client) => {
    const chain = new WebSocket(upstream);
    const waiting: string[] = [];
    const cut = (): void => {
      client.terminate();
      chain.terminate();
    };
    const forward = (direction: 'question' | 'answer', text: string): void => {
      const send = (): void => {
        if (direction === 'answer') {
          if (client.readyState === WebSocket.OPEN) client.send(text);
        } else if (chain.readyState === WebSocket.OPEN) {
          chain.send(text);
        } else {
          waiting.push(text);
        }
      };
      shaky.counts.messages += 1;
      const passage = shaky.decide(direction, text);
      if (passage === 'pass') return send();
      if (passage === 'swallow') {
        shaky.counts.swallowed += 1;
      } else if (typeof passage === 'object') {
        shaky.counts.delayed += 1;
        const timer = setTimeout(() => {
          timers.delete(timer);
          send();
        }, passage.delayMs);
        timers.add(timer);
      } else {
        shaky.counts.cuts += 1;
        if (passage === 'cut-after') send();
        // What was written is let out first.
        setImmediate(cut);
      }
    };
    chain.on('open', () => {
      for (const text of waiting.splice(0)) chain.send(text);
    });
    chain.on('message', (data: Buffer) => forward('answer', data.toString()));
    client.on('message', (data: Buffer) => forward('question', data.toString()));
    for (const socket of [client, chain]) {
      socket.on('error', cut);
      socket.on('close', cut);
    }
  });
  return shaky;
}
