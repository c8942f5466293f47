import net from 'node:net';
import { CommonwattError } from '@commonwatt/domain';
import modbusSerial from 'modbus-serial';
import { backoff, reason, withDeadline } from '../deadline.ts';

// The package is CommonJS and names its class as the default once more.
const ModbusRTU = modbusSerial.default;
type ModbusRTU = InstanceType<typeof ModbusRTU>;

/** How to reach a Modbus connection. */
export interface BusTarget {
  readonly host: string;
  readonly port: number;
}

export interface BusOptions {
  /** Real milliseconds for one request. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMaxMs?: number;
}

/** The device answered, with a Modbus exception: the connection is sound. */
export class ModbusException extends CommonwattError {
  readonly exceptionCode: number;

  constructor(exceptionCode: number, detail: string) {
    super('unavailable', detail);
    this.exceptionCode = exceptionCode;
  }
}

interface Line {
  readonly client: ModbusRTU;
  readonly socket: net.Socket;
  /** Rejects as soon as the connection breaks. */
  readonly broken: Promise<never>;
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
    this.#name = `modbus ${target.host}:${target.port}`;
    this.#timeoutMs = options.timeoutMs ?? 1500;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 2000;
    this.#backoff = backoff(options.backoffFirstMs ?? 100, options.backoffMaxMs ?? 5000);
    this.#open = () => openTcp(target, this.#timeoutMs);
  }

  /** Words of `count` registers from `address`, with function 3 or 4. Throws ModbusException or CommonwattError `unavailable`. */
  async read(
    unitId: number,
    readFunction: 3 | 4,
    address: number,
    count: number,
  ): Promise<readonly number[]> {
    return this.#inTurn(unitId, `read ${count} at ${address} of unit ${unitId}`, async (client) => {
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

  #inTurn<T>(unitId: number, what: string, work: (client: ModbusRTU) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#request(unitId, what, work));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #request<T>(unitId: number, what: string, work: (client: ModbusRTU) => Promise<T>): Promise<T> {
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
          opening.then((late) => late.socket.destroy()).catch(() => {});
          throw error;
        },
      );
      if (this.#closed) {
        line.socket.destroy();
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
    line?.socket.destroy();
  }
}

/** A socket of our own under modbus-serial: it shows RST and FIN at once, which the library does not. */
async function openTcp(target: BusTarget, timeoutMs: number): Promise<Line> {
  const socket = net.connect({ host: target.host, port: target.port, noDelay: true });
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return lineOver(socket, timeoutMs);
}

async function lineOver(socket: net.Socket, timeoutMs: number): Promise<Line> {
  const broken = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the device closed the connection')));
  });
  broken.catch(() => {});
  const client = new ModbusRTU();
  client.on('error', () => {});
  client.setTimeout(timeoutMs);
  await client.linkTCP(socket, { port: socket.remotePort ?? 502 });
  return { client, socket, broken };
}
