import { CommonwattError } from '@commonwatt/domain';
import { backoff, pause, reason, withDeadline } from '../deadline.ts';
import { ConnectionClosed, nameOf, openLine, type BusTarget, type Line, type ModbusClient } from './line.ts';

export interface BusOptions {
  /** Real milliseconds for one request. */
  readonly timeoutMs?: number;
  /** Silence between an answer and the next request, real ms. On a serial line 3.5 characters at least. */
  readonly pauseMs?: number;
  readonly connectTimeoutMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMaxMs?: number;
}

/** When the first request of a look went out, in real, monotonic time: connecting before it is no part of the look. */
export interface RequestTiming {
  sentAtMs?: number;
}

/** The device answered, with a Modbus exception: the connection is sound. */
export class ModbusException extends CommonwattError {
  readonly exceptionCode: number;

  constructor(exceptionCode: number, detail: string) {
    super('unavailable', detail);
    this.exceptionCode = exceptionCode;
  }
}

/**
 * The one owner of a Modbus connection. Requests queue up and go out one at a time, with the unit id set inside the turn:
 * modbus-serial shares the id, wraps transaction ids at 256 and swaps answers on RTU when two are in flight.
 * Any error but a Modbus exception throws the connection away; the next request after the back-off makes a new one. A connection that
 * served and was closed in good order is no error: a device that hangs up after every answer is asked again at once.
 */
export class ModbusBus {
  readonly #open: () => Promise<Line>;
  readonly #name: string;
  readonly #connectTimeoutMs: number;
  #timeoutMs: number;
  #pauseMs: number;
  /** When the last answer came, real ms. */
  #quietSinceMs = -Infinity;
  /** Answers that the connection at hand has given. */
  #served = 0;
  readonly #backoff;
  #line: Line | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #retryAtMs = 0;
  #lastFault = '';
  #closed = false;

  constructor(target: BusTarget, options: BusOptions = {}) {
    this.#name = `modbus ${nameOf(target)}`;
    this.#timeoutMs = options.timeoutMs ?? 1500;
    this.#pauseMs = options.pauseMs ?? ('path' in target ? silenceMs(target.baudRate) : 0);
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 2000;
    this.#backoff = backoff(options.backoffFirstMs ?? 100, options.backoffMaxMs ?? 5000);
    this.#open = () => openLine(target, this.#timeoutMs);
  }

  /** Takes the slowest device on the connection into account: the longest deadline and pause hold for all. */
  mind(manners: Pick<BusOptions, 'timeoutMs' | 'pauseMs'>): void {
    this.#timeoutMs = Math.max(this.#timeoutMs, manners.timeoutMs ?? 0);
    this.#pauseMs = Math.max(this.#pauseMs, manners.pauseMs ?? 0);
  }

  /** Words of `count` registers from `address`, with function 3 or 4. Throws ModbusException or CommonwattError `unavailable`. */
  async read(
    unitId: number,
    readFunction: 3 | 4,
    address: number,
    count: number,
    timing?: RequestTiming,
  ): Promise<readonly number[]> {
    return this.#inTurn(unitId, `read ${count} at ${address} of unit ${unitId}`, async (client) => {
      if (timing) timing.sentAtMs ??= performance.now();
      const answer =
        readFunction === 3
          ? await client.readHoldingRegisters(address, count)
          : await client.readInputRegisters(address, count);
      if (answer.data.length !== count)
        throw new Error(`${answer.data.length} registers instead of ${count}`);
      return answer.data;
    });
  }

  /** Writes words from `address`, with function 6 (a single one) or 16. */
  async write(
    unitId: number,
    writeFunction: 6 | 16,
    address: number,
    words: readonly number[],
  ): Promise<void> {
    // A buffer, because writeRegister(NaN) writes 0, fractions are cut and negative numbers throw.
    const bytes = Buffer.alloc(words.length * 2);
    for (const [index, word] of words.entries()) bytes.writeUInt16BE(word & 0xffff, index * 2);
    await this.#inTurn(unitId, `write at ${address} of unit ${unitId}`, async (client) => {
      if (writeFunction === 16 || words.length > 1) await client.writeRegisters(address, bytes);
      else await client.writeRegister(address, bytes as unknown as number);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    await this.#turn.catch(() => {});
    this.#drop();
  }

  #inTurn<T>(unitId: number, what: string, work: (client: ModbusClient) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#request(unitId, what, work));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #request<T>(unitId: number, what: string, work: (client: ModbusClient) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(unitId, what, work);
    } catch (error) {
      const hungUp = (error as Error).cause instanceof ConnectionClosed && this.#retryAtMs === 0;
      if (!hungUp) throw error;
      return this.#ask(unitId, what, work);
    }
  }

  async #ask<T>(unitId: number, what: string, work: (client: ModbusClient) => Promise<T>): Promise<T> {
    const line = await this.#connected();
    const quietMs = performance.now() - this.#quietSinceMs;
    if (quietMs < this.#pauseMs) await pause(this.#pauseMs - quietMs);
    try {
      line.client.setID(unitId);
      // Longer than the library's own deadline: it hangs for ever when the socket is destroyed under it.
      const answer = await withDeadline(
        Promise.race([work(line.client), line.broken]),
        this.#timeoutMs + 250,
        `${this.#name} ${what}`,
      );
      this.#served += 1;
      this.#backoff.reset();
      return answer;
    } catch (error) {
      const code = (error as { modbusCode?: unknown }).modbusCode;
      if (typeof code === 'number') {
        this.#served += 1;
        this.#backoff.reset();
        throw new ModbusException(code, `${this.#name} ${what}: ${reason(error)}`);
      }
      this.#fail(error);
      throw new CommonwattError(
        'unavailable',
        `${this.#name} ${what}: ${reason(error)}`,
        {},
        { cause: error },
      );
    } finally {
      this.#quietSinceMs = performance.now();
    }
  }

  async #connected(): Promise<Line> {
    if (this.#closed) throw new CommonwattError('unavailable', `${this.#name} is closed`);
    if (this.#line) return this.#line;
    if (performance.now() < this.#retryAtMs) {
      throw new CommonwattError(
        'unavailable',
        `${this.#name} waits before it connects again: ${this.#lastFault}`,
      );
    }
    try {
      const opening = this.#open();
      const line = await withDeadline(opening, this.#connectTimeoutMs, `${this.#name} connect`).catch(
        (error: unknown) => {
          // A connection that comes after its deadline must not stay open.
          opening.then((late) => late.destroy()).catch(() => {});
          throw error;
        },
      );
      if (this.#closed) {
        line.destroy();
        throw new Error('closed');
      }
      this.#line = line;
      this.#served = 0;
      line.broken.catch((error: unknown) => {
        if (this.#line === line) this.#fail(error);
      });
      return line;
    } catch (error) {
      this.#fail(error);
      throw new CommonwattError('unavailable', `${this.#name}: ${reason(error)}`, {
        remedy: 'check that the device is powered, its address and port, and that no other client holds it',
      });
    }
  }

  #fail(error: unknown): void {
    const served = this.#served;
    // Twice for one connection: in the request that noticed it, and in the connection itself.
    if (this.#line === undefined && error instanceof ConnectionClosed) return;
    this.#drop();
    this.#lastFault = reason(error);
    const hungUp = error instanceof ConnectionClosed && served > 0;
    this.#retryAtMs = hungUp ? 0 : performance.now() + this.#backoff.next();
  }

  #drop(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.destroy();
  }
}

/** 3.5 characters of 11 bits, at least 1.75 ms (Modbus over serial line 1.02, section 2.5.1.1). */
function silenceMs(baudRate: number): number {
  return Math.max(1.75, (3.5 * 11 * 1000) / baudRate);
}
