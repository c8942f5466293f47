import { CommonwattError } from '@commonwatt/domain';
import type { ClientSession, DataValue, DataValueOptions, OPCUAClient, WriteValueOptions } from 'node-opcua';
import { backoff, reason, withDeadline } from '../deadline.ts';
import { startWatch, type Watch } from './watch.ts';
import { APPLICATION_URI, checkValidity, openPki } from './pki.ts';

export interface OpcuaTarget {
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  readonly pkiFolder: string;
  readonly serverCertificatePath?: string | undefined;
}

export interface OpcuaOptions {
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMaxMs?: number;
}

interface Live {
  readonly client: OPCUAClient;
  readonly session: ClientSession;
}

/** The server answered, and refuses: the session is sound. */
class Refusal extends Error {}

/** Attribute id of a variable's value (OPC 10000-6, A.1). */
const VALUE = 13;
const SESSION_TIMEOUT_MS = 120_000;

/**
 * The one owner of an OPC-UA session: SignAndEncrypt with Basic256Sha256, user and password, servers from the trust list only.
 * Requests queue up; each has a deadline of its own, because the library's reads and connects may stay pending for ever.
 * After any failure the client is thrown away and a new one made after the back-off.
 */
export class OpcuaConnection {
  readonly #target: OpcuaTarget;
  readonly #timeoutMs: number;
  readonly #connectTimeoutMs: number;
  readonly #backoff;
  #live: Live | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #retryAtMs = 0;
  #lastFault = '';
  #closed = false;
  #namespaces: readonly string[] | undefined;
  readonly #watches: Watch[] = [];

  constructor(target: OpcuaTarget, options: OpcuaOptions = {}) {
    this.#target = target;
    this.#timeoutMs = options.timeoutMs ?? 3000;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
    this.#backoff = backoff(options.backoffFirstMs ?? 200, options.backoffMaxMs ?? 10_000);
  }

  /** Values of string nodes in a namespace, in order. */
  read(
    namespaceUri: string,
    nodes: readonly string[],
    timing?: { sentAtMs?: number },
  ): Promise<readonly DataValue[]> {
    return this.#inTurn(`read of ${nodes.length} nodes`, async ({ session }) => {
      const index = await this.#namespace(session, namespaceUri);
      if (timing) timing.sentAtMs = performance.now();
      return session.read(nodes.map((node) => ({ nodeId: `ns=${index};s=${node}`, attributeId: VALUE })));
    });
  }

  /** Writes the nodes in order. Throws when the server refuses one. */
  write(namespaceUri: string, values: readonly { node: string; value: DataValueOptions }[]): Promise<void> {
    return this.#inTurn(`write of ${values.map(({ node }) => node).join(', ')}`, async ({ session }) => {
      const index = await this.#namespace(session, namespaceUri);
      for (const { node, value } of values) {
        const request: WriteValueOptions = {
          nodeId: `ns=${index};s=${node}`,
          attributeId: VALUE,
          value,
        };
        const status = await session.write(request);
        if (!status.isGood()) throw new Refusal(`${node}: the server answers ${status.name}`);
      }
    });
  }

  /** Asks for changes of nodes from the next connect on, and again after every reconnect. */
  watch(watch: Watch): void {
    this.#watches.push(watch);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn.catch(() => {});
    const live = this.#live;
    this.#live = undefined;
    if (live) await discard(live);
  }

  async #namespace(session: ClientSession, uri: string): Promise<number> {
    this.#namespaces ??= await session.readNamespaceArray();
    const index = this.#namespaces.indexOf(uri);
    if (index < 0) throw new Error(`the server has no namespace ${uri}`);
    return index;
  }

  #inTurn<T>(what: string, work: (live: Live) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(async () => {
      const live = await this.#connected();
      try {
        const answer = await withDeadline(work(live), this.#timeoutMs, what);
        this.#backoff.reset();
        return answer;
      } catch (error) {
        if (!(error instanceof Refusal)) this.#fail(error);
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

  async #connected(): Promise<Live> {
    if (this.#closed) throw new CommonwattError('unavailable', `${this.#target.endpoint} is closed`);
    if (this.#live) return this.#live;
    if (performance.now() < this.#retryAtMs) {
      throw new CommonwattError(
        'unavailable',
        `${this.#target.endpoint} waits before it connects again: ${this.#lastFault}`,
      );
    }
    try {
      this.#live = await this.#open();
      return this.#live;
    } catch (error) {
      this.#fail(error);
      throw new CommonwattError('unavailable', `${this.#target.endpoint}: ${reason(error)}`, {
        remedy:
          'check the endpoint, the user and password, that the server trusts the gateway and its certificate is the one configured',
      });
    }
  }

  async #open(): Promise<Live> {
    const { endpoint, user, password, serverCertificatePath, pkiFolder } = this.#target;
    const { OPCUAClient, MessageSecurityMode, SecurityPolicy, UserTokenType } = await import('node-opcua');
    const pki = await openPki(pkiFolder);
    // Pinned: another trusted server at this address is refused too.
    const serverCertificate =
      serverCertificatePath === undefined ? undefined : await pki.trust(serverCertificatePath);
    if (serverCertificate) checkValidity(serverCertificate, Date.now());
    const client = OPCUAClient.create({
      applicationName: 'Commonwatt gateway',
      applicationUri: APPLICATION_URI,
      clientCertificateManager: pki.manager,
      certificateFile: pki.certificateFile,
      privateKeyFile: pki.privateKeyFile,
      securityMode: MessageSecurityMode.SignAndEncrypt,
      securityPolicy: SecurityPolicy.Basic256Sha256,
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
      endpointMustExist: false,
      keepSessionAlive: true,
      requestedSessionTimeout: SESSION_TIMEOUT_MS,
      transportTimeout: this.#connectTimeoutMs,
      connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1000 },
    });
    let session: ClientSession | undefined;
    const opening = (async (): Promise<Live> => {
      await client.connect(endpoint);
      session = await client.createSession({ type: UserTokenType.UserName, userName: user, password });
      if (session.serverCertificate) checkValidity(session.serverCertificate, Date.now());
      for (const watch of this.#watches) {
        const namespaces = await session.readNamespaceArray();
        const index = namespaces.indexOf(watch.namespaceUri);
        if (index >= 0) await startWatch(session, index, watch);
      }
      return { client, session };
    })();
    try {
      return await withDeadline(opening, this.#connectTimeoutMs, 'connect');
    } catch (error) {
      void discard({ client, session });
      opening.then(discard, () => {});
      throw error;
    }
  }

  #fail(error: unknown): void {
    const live = this.#live;
    this.#live = undefined;
    this.#namespaces = undefined;
    if (live) void discard(live);
    this.#lastFault = reason(error);
    this.#retryAtMs = performance.now() + this.#backoff.next();
  }
}

/** Closes what can be closed, in the background and with a deadline: the server may be gone. */
async function discard(live: { client: OPCUAClient; session: ClientSession | undefined }): Promise<void> {
  const { client, session } = live;
  if (session) await withDeadline(session.close(), 1000, 'close').catch(() => {});
  await withDeadline(client.disconnect(), 2000, 'disconnect').catch(() => {});
}
