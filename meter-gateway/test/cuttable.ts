import net from 'node:net';

/** A stretch of network before a server: it can be cut, or swallow everything. */
export interface Cuttable {
  readonly port: number;
  /** Connections made through it so far. */
  readonly connections: number;
  /** `cut` drops every connection and refuses new ones; `swallow` keeps them and passes nothing on. */
  set(state: 'open' | 'cut' | 'swallow'): void;
  close(): Promise<void>;
}

/** Listens on a port of loopback and passes everything on to another one. */
export async function cuttable(upstreamPort: number): Promise<Cuttable> {
  let state: 'open' | 'cut' | 'swallow' = 'open';
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((outer) => {
    connections += 1;
    if (state === 'cut') {
      outer.destroy();
      return;
    }
    const inner = net.connect(upstreamPort, '127.0.0.1');
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => state === 'open' && to.write(data));
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    get connections() {
      return connections;
    },
    set(to) {
      // What was swallowed is lost: that connection is out of step for good.
      if (to === 'cut' || state === 'swallow') drop();
      state = to;
    },
    async close() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
