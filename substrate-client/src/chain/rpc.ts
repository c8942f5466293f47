import { CommonwattError } from '@commonwatt/domain';
import { setTimeout as sleep } from 'node:timers/promises';

/** Names an RPC error answer: the node has judged the request, so asking again changes nothing. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const CONNECT_DEADLINE_MS = 5_000;
const RECONNECT_DELAY_MS = 200;

/**
 * JSON-RPC over one WebSocket that opens itself again. Every call has a deadline; a read that loses its socket is asked again
 * within it. A call with `once` is never repeated by itself: the caller must find out what became of it.
 */
export class RpcSocket {
  readonly endpoint: string;
  readonly #deadlineMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #socket: WebSocket | null = null;
  #opening: Promise<WebSocket> | null = null;
  #nextId = 1;
  #closed = false;

  constructor(endpoint: string, deadlineMs: number) {
    this.endpoint = endpoint;
    this.#deadlineMs = deadlineMs;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Throws RpcError when the node refuses, CommonwattError `unavailable` when there is no answer in time. */
  async call<T>(
    method: string,
    params: readonly unknown[] = [],
    options: { once?: boolean; deadlineMs?: number } = {},
  ): Promise<T> {
    const untilMs = performance.now() + (options.deadlineMs ?? this.#deadlineMs);
    let last: unknown;
    for (;;) {
      const leftMs = untilMs - performance.now();
      if (this.#closed || leftMs <= 0) throw this.#unavailable(method, last);
      try {
        const socket = await within(this.#open(), leftMs);
        return (await this.#request(socket, method, params, untilMs - performance.now())) as T;
      } catch (error) {
        if (error instanceof RpcError) throw error;
        last = error;
        if (options.once) throw this.#unavailable(method, error);
        await sleep(Math.min(RECONNECT_DELAY_MS, Math.max(0, untilMs - performance.now())));
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop(this.#socket, new Error('closed'));
  }

  #unavailable(method: string, cause: unknown): CommonwattError {
    return new CommonwattError(
      'unavailable',
      `the chain at ${this.endpoint} does not answer ${method}`,
      { remedy: 'check that the node runs and can be reached' },
      { cause },
    );
  }

  #open(): Promise<WebSocket> {
    if (this.#socket?.readyState === WebSocket.OPEN) return Promise.resolve(this.#socket);
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  #connect(): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.endpoint);
      const timer = setTimeout(() => {
        socket.close();
        reject(new Error('connecting takes too long'));
      }, CONNECT_DEADLINE_MS);
      const lost = (): void => {
        clearTimeout(timer);
        reject(new Error('cannot connect'));
        this.#drop(socket, new Error('the connection was lost'));
      };
      socket.addEventListener('open', () => {
        clearTimeout(timer);
        this.#socket = socket;
        resolve(socket);
      });
      socket.addEventListener('error', lost);
      socket.addEventListener('close', lost);
      socket.addEventListener('message', (event) => this.#receive(String(event.data)));
    });
  }

  #drop(socket: WebSocket | null, reason: Error): void {
    if (socket === null || (this.#socket !== null && socket !== this.#socket)) return;
    this.#socket = null;
    socket.close();
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }

  #request(socket: WebSocket, method: string, params: readonly unknown[], leftMs: number): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#waiting.delete(id);
          reject(new Error('no answer in time'));
        },
        Math.max(leftMs, 1),
      );
      this.#waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  #receive(text: string): void {
    let message: {
      id?: number;
      result?: unknown;
      error?: { code?: number; message?: string; data?: unknown };
    };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      return;
    }
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (!waiting || message.id === undefined) return;
    this.#waiting.delete(message.id);
    if (message.error) {
      const data = message.error.data === undefined ? '' : ` (${JSON.stringify(message.error.data)})`;
      waiting.reject(
        new RpcError(message.error.code ?? -32603, `${message.error.message ?? 'refused'}${data}`),
      );
    } else {
      waiting.resolve(message.result);
    }
  }
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no connection in time')), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
