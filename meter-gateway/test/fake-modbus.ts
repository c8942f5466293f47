import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** What the fake does instead of answering. `delay`: answers late; `fin-mid`: half an answer, then FIN; `unit`, `transaction`: answers under a wrong id. */
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'silence' | 'rst' | 'fin' | 'fin-mid' | 'garbage' | 'unit' | 'transaction' | 'short' }
  | { readonly kind: 'exception'; readonly code: number }
  | { readonly kind: 'delay'; readonly ms: number };

export interface FakeRequest {
  readonly unit: number;
  readonly code: number;
  readonly address: number;
  /** Registers asked for, or written. */
  readonly count: number;
  /** What is to be written; empty for a read. */
  readonly words: readonly number[];
}

/** A tiny Modbus TCP server over a register image; holding and input registers are the same words. */
export interface FakeModbus {
  readonly port: number;
  readonly registers: Map<number, number>;
  fault: Fault;
  /** Unit ids it answers; all when empty. */
  readonly units: Set<number>;
  readonly requests: { unit: number; code: number; address: number; count: number }[];
  readonly connections: number;
  /** Says no: the exception to answer a request with, or 0. Called before anything is read or written. */
  refuse: (request: FakeRequest) => number;
  /** Closes the connection after each answer. */
  hangsUp: boolean;
  /** A further client is shown the door while this many are connected. */
  clientsMax: number;
  /** Called before every answer. */
  onRequest: () => void;
  /** Called after every write. */
  onWrite: (address: number, words: readonly number[]) => void;
  set(address: number, words: readonly number[]): void;
  setFloat(address: number, value: number): void;
  /** Ends all connections in good order, as devices do that heard nothing for a while. */
  endAll(): void;
  close(): Promise<void>;
}

export async function fakeModbus(port = 0): Promise<FakeModbus> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const fake = {
    port: 0,
    registers: new Map<number, number>(),
    fault: { kind: 'none' } as Fault,
    units: new Set<number>(),
    requests: [] as FakeModbus['requests'],
    get connections() {
      return connections;
    },
    refuse: (_request: FakeRequest): number => 0,
    hangsUp: false,
    clientsMax: Infinity,
    onRequest: (): void => {},
    onWrite: (_address: number, _words: readonly number[]): void => {},
    set(address: number, words: readonly number[]) {
      for (const [index, word] of words.entries()) fake.registers.set(address + index, word & 0xffff);
    },
    setFloat(address: number, value: number) {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatBE(value);
      fake.set(address, [bytes.readUInt16BE(0), bytes.readUInt16BE(2)]);
    },
    endAll: () => {
      for (const socket of sockets) socket.end();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  const wordsOf = (code: number, pdu: Buffer): number[] => {
    if (code === 6) return [pdu.readUInt16BE(3)];
    const words: number[] = [];
    if (code === 16) for (let at = 6; at < pdu.length; at += 2) words.push(pdu.readUInt16BE(at));
    return words;
  };
  const answerTo = (unit: number, code: number, pdu: Buffer): Buffer => {
    const address = pdu.readUInt16BE(1);
    const written = wordsOf(code, pdu);
    const no = fake.refuse({
      unit,
      code,
      address,
      count: code === 6 ? 1 : pdu.readUInt16BE(3),
      words: written,
    });
    if (no !== 0) return Buffer.from([code | 0x80, no]);
    if (code === 3 || code === 4) {
      const count = pdu.readUInt16BE(3);
      const words = Array.from({ length: count }, (_, index) => fake.registers.get(address + index));
      if (count > 125 || words.includes(undefined)) return Buffer.from([code | 0x80, 2]);
      const answer = Buffer.alloc(2 + count * 2);
      answer[0] = code;
      answer[1] = count * 2;
      for (const [index, word] of words.entries()) answer.writeUInt16BE(word ?? 0, 2 + index * 2);
      return answer;
    }
    if (code === 6 || code === 16) {
      fake.set(address, written);
      fake.onWrite(address, written);
      return pdu.subarray(0, 5);
    }
    return Buffer.from([code | 0x80, 1]);
  };

  const serve = (socket: net.Socket, frame: Buffer): void => {
    fake.onRequest();
    const { fault } = fake;
    const unit = frame.readUInt8(6);
    const pdu = frame.subarray(7);
    const code = pdu.readUInt8(0);
    fake.requests.push({ unit, code, address: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3) });
    if (fault.kind === 'silence' || (fake.units.size > 0 && !fake.units.has(unit))) return;
    if (fault.kind === 'rst') return void socket.resetAndDestroy();
    if (fault.kind === 'fin') return void socket.end();
    if (fault.kind === 'garbage') return void socket.write(Buffer.from('ff00ff00ff0011223344556677', 'hex'));
    const body =
      fault.kind === 'exception' ? Buffer.from([code | 0x80, fault.code]) : answerTo(unit, code, pdu);
    const whole = Buffer.concat([Buffer.alloc(7), fault.kind === 'short' ? body.subarray(0, -2) : body]);
    frame.copy(whole, 0, 0, 2);
    whole.writeUInt16BE(whole.length - 6, 4);
    whole.writeUInt8(fault.kind === 'unit' ? (unit + 1) & 0xff : unit, 6);
    if (fault.kind === 'transaction') whole.writeUInt16BE(frame.readUInt16BE(0) ^ 0x5555, 0);
    if (fault.kind === 'fin-mid') return void socket.end(whole.subarray(0, whole.length >> 1));
    if (fault.kind === 'delay')
      return void setTimeout(() => socket.destroyed || socket.write(whole), fault.ms);
    if (fake.hangsUp) return void socket.end(whole);
    socket.write(whole);
  };

  const server = net.createServer((socket) => {
    connections += 1;
    if (sockets.size >= fake.clientsMax) return void socket.on('error', () => {}).resetAndDestroy();
    sockets.add(socket);
    let buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 8 && buffer.length >= 6 + buffer.readUInt16BE(4)) {
        const end = 6 + buffer.readUInt16BE(4);
        serve(socket, buffer.subarray(0, end));
        buffer = buffer.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  fake.port = (server.address() as AddressInfo).port;
  return fake;
}
