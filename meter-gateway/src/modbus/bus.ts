import { CommonwattError } from '@commonwatt/domain';
import { backoff, reason, withDeadline } from '../deadline.ts';
import { nameOf, openLine, type BusTarget, type Line, type ModbusClient } from './line.ts';

export interface BusOptions {
  /** Real milliseconds for one request. */
  readonly timeoutMs?: number;
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
 * Any error but a Modbus exception throws the connection away; the next request after the back-off makes a new one.
 */
export class ModbusBus {
  readonly #open: () => Promise<Line>;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #connectTimeoutMs: number;
  readonly #backoff;
  #line: Line | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #retryAtMs = 0;
  #lastFault = '';
  #closed = false;

  constructor(target: BusTarget, options: BusOptions = {}) {
    this.#name = `modbus ${nameOf(target)}`;
    this.#timeoutMs = options.timeoutMs ?? 1500;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 2000;
    this.#backoff = backoff(options.backoffFirstMs ?? 100, options.backoffMaxMs ?? 5000);
    this.#open = () => openLine(target, this.#timeoutMs);
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
    const line = await this.#connected();
    try {
      line.client.setID(unitId);
      // Twice the library's own deadline: it hangs for ever when the socket is destroyed under it.
      const answer = await withDeadline(
        Promise.race([work(line.client), line.broken]),
        this.#timeoutMs + 250,
        `${this.#name} ${what}`,
      );
      this.#backoff.reset();
      return answer;
    } catch (error) {
      const code = (error as { modbusCode?: unknown }).modbusCode;
      if (typeof code === 'number') {
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
    this.#drop();
    this.#lastFault = reason(error);
    this.#retryAtMs = performance.now() + this.#backoff.next();
  }

  #drop(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.destroy();
  }
}
