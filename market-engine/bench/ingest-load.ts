import { connect } from 'node:net';
import { signedOrders } from './ingest-kit.ts';

/**
 * The load generator: `node ingest-load.ts PORT COUNT CONNECTIONS DEPTH`. Signs first, says `ready`, and on any message sends
 * everything over keep-alive connections with so many requests on the way on each. Bare sockets, so that it takes little of the
 * machine from what is measured. Reports which orders were acknowledged, also when the connections break.
 */
const [port = 0, count = 0, connections = 1, depth = 1] = process.argv.slice(2).map(Number);
const requests = signedOrders(count).map((body) =>
  Buffer.from(
    `POST /v1/orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  ),
);
const WINDOW = 8000;
let next = 0;
const acknowledged: number[] = [];
const atMs: number[] = [];
let refused = 0;
let firstRefusal = '';

function run(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    const waiting: number[] = [];
    let text = '';
    const send = (): void => {
      const parts: Buffer[] = [];
      while (waiting.length < depth && next < count) {
        waiting.push(next);
        parts.push(requests[next++] as Buffer);
      }
      if (parts.length > 0) socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
      else if (waiting.length === 0) socket.end();
    };
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      let at = 0;
      for (;;) {
        const head = text.indexOf('\r\n\r\n', at);
        if (head < 0) break;
        const length = Number(/content-length: (\d+)/i.exec(text.slice(at, head))?.[1] ?? 0);
        if (text.length < head + 4 + length) break;
        const index = waiting.shift() as number;
        if (text.startsWith('HTTP/1.1 200', at)) {
          acknowledged.push(index);
          atMs.push(performance.now());
        } else {
          refused++;
          firstRefusal ||= text.slice(head + 4, head + 4 + length);
        }
        at = head + 4 + length;
      }
      text = text.slice(at);
      send();
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}

/** The highest rate over any `WINDOW` acknowledgements in a row: what the market does while nobody else uses the machine. */
function bestRate(): number {
  let best = 0;
  for (let last = WINDOW; last < atMs.length; last++) {
    best = Math.max(best, (WINDOW / ((atMs[last] as number) - (atMs[last - WINDOW] as number))) * 1000);
  }
  return best;
}

process.once('message', () => {
  const startMs = performance.now();
  // Without the signing beforehand.
  const cpuBefore = process.cpuUsage();
  void Promise.all(Array.from({ length: connections }, run)).then(() => {
    const elapsedMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    process.send?.(
      {
        elapsedMs,
        bestPerSecond: bestRate(),
        acknowledged,
        refused,
        firstRefusal,
        cpuSeconds: (user + system) / 1e6,
      },
      () => process.disconnect(),
    );
  });
});
process.send?.('ready');
