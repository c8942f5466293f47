import { CommonwattError } from '@commonwatt/domain';
import type { DataValue, DataValueOptions, WriteValueOptions } from 'node-opcua';
import { backoff, reason, withDeadline } from '../deadline.ts';
import { discard, namespacesOf, openLive, type Live, type OpcuaTarget } from './client.ts';
import { resolveNode } from './node-id.ts';
import type { Watch } from './watch.ts';

export interface OpcuaOptions {
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMaxMs?: number;
  /** How long a broken connection may be taken up again before everything begins anew; 30 s. */
  readonly repairMs?: number;
}

/** The server answered, and refuses or cannot: the session is sound. */
class Refusal extends Error {}

/** Attribute id of a variable's value (OPC 10000-6, A.1). */
const VALUE = 13;

/**
 * The one owner of an OPC-UA session. Requests queue up; each has a deadline of its own, because the library's reads and connects may stay
 * pending for ever. A broken connection is taken up again with its session; after a silent request, a repair that takes too long, or other
 * namespaces than before, the client is thrown away and a new one made after the back-off.
 */
export class OpcuaConnection {
  readonly #target: OpcuaTarget;
  readonly #timeoutMs: number;
  readonly #connectTimeoutMs: number;
  readonly #repairMs: number;
  readonly #backoff;
  #live: Live | undefined;
  /** While the library repairs a broken connection: settles true when it works again. */
  #repair: Promise<boolean> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #retryAtMs = 0;
  #lastFault = '';
  #closed = false;
  readonly #watches: Watch[] = [];
  readonly #discarding = new Set<Promise<void>>();

  constructor(target: OpcuaTarget, options: OpcuaOptions = {}) {
    this.#target = target;
    this.#timeoutMs = options.timeoutMs ?? 3000;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
    this.#repairMs = options.repairMs ?? 30_000;
    this.#backoff = backoff(options.backoffFirstMs ?? 200, options.backoffMaxMs ?? 10_000);
  }

  /** Values of nodes (`nsu=URI;s=TEXT`) in order, in one request, with the source's timestamps. */
  read(nodes: readonly string[], timing?: { sentAtMs?: number }): Promise<readonly DataValue[]> {
    return this.use(`read of ${nodes.length} nodes`, async ({ session, namespaces }) => {
      const ids = nodes.map((node) => resolveNode(node, namespaces));
      if (timing) timing.sentAtMs = performance.now();
      return session.read(ids.map((nodeId) => ({ nodeId, attributeId: VALUE })));
    });
  }

  /** Writes the nodes in order. Throws when the server refuses one. */
  write(values: readonly { node: string; value: DataValueOptions }[]): Promise<void> {
    return this.use(
      `write of ${values.map(({ node }) => node).join(', ')}`,
      async ({ session, namespaces }) => {
        for (const { node, value } of values) {
          const nodeId = resolveNode(node, namespaces);
          const request: WriteValueOptions = { nodeId, attributeId: VALUE, value };
          const status = await session.write(request);
          if (!status.isGood()) throw new Refusal(`${node}: the server answers ${status.name}`);
        }
      },
    );
  }

  /** Asks for changes of nodes from the next connect on, and again after every reconnect. */
  watch(watch: Watch): void {
    this.#watches.push(watch);
  }

  /** Runs a request when its turn comes, with a deadline. Throws CommonwattError `unavailable`. */
  use<T>(what: string, work: (live: Live) => Promise<T>, timeoutMs = this.#timeoutMs): Promise<T> {
    const mine = this.#turn.then(async () => {
      const live = await this.#connected();
      try {
        const answer = await withDeadline(work(live), timeoutMs, what);
        this.#backoff.reset();
        return answer;
      } catch (error) {
        // The connection may have broken under the request, and be told only now: then it is taken up again, with its session.
        await new Promise((resolve) => setImmediate(resolve));
        if (!(error instanceof Refusal) && !this.#repair) this.#fail(error);
        throw new CommonwattError(
          'unavailable',
          `${this.#target.endpoint} ${what}: ${reason(error)}`,
          {},
          { cause: error },
        );
      }
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** Closes the session and waits until nothing of it is left, or cannot be closed in time. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn.catch(() => {});
    this.#drop();
    await Promise.all(this.#discarding);
  }

  async #connected(): Promise<Live> {
    const { endpoint } = this.#target;
    if (this.#closed) throw new CommonwattError('unavailable', `${endpoint} is closed`);
    if (this.#repair) {
      const works = await withDeadline(this.#repair, this.#timeoutMs, 'reconnect').catch(() => undefined);
      if (works === undefined) {
        throw new CommonwattError(
          'unavailable',
          `${endpoint}: the connection broke and is being taken up again`,
        );
      }
    }
    if (this.#live) return this.#live;
    if (performance.now() < this.#retryAtMs) {
      throw new CommonwattError(
        'unavailable',
        `${endpoint} waits before it connects again: ${this.#lastFault}`,
      );
    }
    try {
      const live = await openLive(this.#target, this.#watches, this.#connectTimeoutMs);
      this.#live = live;
      live.client.on('connection_lost', () => this.#mend(live));
      return live;
    } catch (error) {
      this.#fail(error);
      throw new CommonwattError(
        'unavailable',
        `${endpoint}: ${reason(error)}`,
        {
          remedy:
            'check the endpoint, the user and password, that the server trusts the gateway and its certificate is the one configured',
        },
        { cause: error },
      );
    }
  }

  /** The connection broke: the library repairs it; we look at the clock and at what came back. */
  #mend(live: Live): void {
    if (this.#live !== live || this.#repair) return;
    const back = new Promise<void>((resolve) => live.client.once('connection_reestablished', resolve));
    const repair = withDeadline(back, this.#repairMs, 'reconnect')
      .then(async () => {
        const now = await withDeadline(namespacesOf(live.session), this.#timeoutMs, 'namespaces');
        // Node ids hold indexes: subscriptions that the library renewed would watch other nodes now.
        return now.join('\n') === live.namespaces.join('\n');
      })
      .catch(() => false)
      .then((works) => {
        if (this.#repair === repair) this.#repair = undefined;
        if (!works && this.#live === live) this.#drop();
        return works;
      });
    this.#repair = repair;
  }

  #fail(error: unknown): void {
    this.#drop();
    this.#lastFault = reason(error);
    this.#retryAtMs = performance.now() + this.#backoff.next();
  }

  #drop(): void {
    const live = this.#live;
    this.#live = undefined;
    this.#repair = undefined;
    if (!live) return;
    const done: Promise<void> = discard(live).finally(() => this.#discarding.delete(done));
    this.#discarding.add(done);
  }
}
