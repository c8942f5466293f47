import { createServer, type Server, type Socket } from 'node:net';
import { hash32 } from './random.ts';
import type { Registers } from './registers.ts';
import type { FaultKind } from './spec.ts';

/** What a Modbus device is to its server: registers to read, perhaps some to write. */
export interface ModbusDevice {
  readonly unitId: number;
  /** 3: holding registers, 4: input registers. */
  readonly readFunction: 3 | 4;
  registers(): Registers;
  /** Takes consecutive registers, all or nothing; answers a Modbus exception code, or 0. Absent: read-only. */
  write?(address: number, values: readonly number[]): number;
}

export interface ModbusServer {
  readonly port: number;
  setFault(kind: FaultKind): Promise<void>;
  stop(): Promise<void>;
}

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;
const DEVICE_FAILURE = 4;
const GATEWAY_NO_RESPONSE = 11;
const READ_MAX = 125;
const WRITE_MAX = 123;

/**
 * A Modbus TCP server on 127.0.0.1 (Modbus Application Protocol 1.1b3, Messaging on TCP/IP 1.0b): functions 3, 4, 6, 16.
 * Takes `port` when it is free, so that a device keeps its address over a restart, else any.
 */
export async function serveModbus(device: ModbusDevice, port: number): Promise<ModbusServer> {
  const sockets = new Set<Socket>();
  let fault: FaultKind = 'none';
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      while (pending.length >= 8) {
        const length = pending.readUInt16BE(4);
        // Protocol 0 and a sane length, or the stream has lost its frame and cannot find it again.
        if (pending.readUInt16BE(2) !== 0 || length < 2 || length > 254) {
          socket.destroy();
          return;
        }
        if (pending.length < 6 + length) return;
        const frame = pending.subarray(0, 6 + length);
        pending = pending.subarray(6 + length);
        if (fault === 'hang') continue;
        socket.write(answer(device, frame, fault === 'nonsense'));
      }
    });
  };
  let server = await listenOrAny(accept, port);
  const bound = portOf(server);
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise<void>((done) => server.close(() => done()));
  };
  return {
    port: bound,
    async setFault(kind) {
      if (kind === 'reset-counter') return;
      fault = kind;
      if (kind === 'disconnect') await close();
      else if (!server.listening) server = await listen(accept, bound);
    },
    stop: close,
  };
}

/** The reply to one request frame. */
function answer(device: ModbusDevice, frame: Buffer, nonsense: boolean): Buffer {
  const functionCode = frame[7] ?? 0;
  const reply = (pdu: Buffer): Buffer => {
    const head = Buffer.alloc(7);
    frame.copy(head, 0, 0, 4);
    head.writeUInt16BE(pdu.length + 1, 4);
    head[6] = frame[6] ?? 0;
    return Buffer.concat([head, pdu]);
  };
  const exception = (code: number): Buffer => reply(Buffer.from([functionCode | 0x80, code]));
  if (frame[6] !== device.unitId) return exception(GATEWAY_NO_RESPONSE);
  const writes = functionCode === 6 || functionCode === 16;
  if (writes ? !device.write : functionCode !== device.readFunction) return exception(ILLEGAL_FUNCTION);
  if (frame.length < 12) return exception(ILLEGAL_VALUE);
  const address = frame.readUInt16BE(8);
  const second = frame.readUInt16BE(10);
  if (!writes) {
    if (frame.length !== 12 || second < 1 || second > READ_MAX) return exception(ILLEGAL_VALUE);
    const bytes = device.registers().slice(address, second);
    if (!bytes) return exception(ILLEGAL_ADDRESS);
    return reply(
      Buffer.concat([
        Buffer.from([functionCode, bytes.length]),
        nonsense ? scramble(address, second) : bytes,
      ]),
    );
  }
  const values = writtenValues(frame, functionCode, second);
  if (!values) return exception(ILLEGAL_VALUE);
  let code = DEVICE_FAILURE;
  try {
    code = device.write?.(address, values) ?? ILLEGAL_FUNCTION;
  } catch {
    // What could not be kept was not taken.
  }
  return code === 0 ? reply(frame.subarray(7, 12)) : exception(code);
}

function writtenValues(frame: Buffer, functionCode: number, second: number): number[] | null {
  if (functionCode === 6) return frame.length === 12 ? [second] : null;
  const byteCount = frame[12] ?? 0;
  if (second < 1 || second > WRITE_MAX || byteCount !== second * 2 || frame.length !== 13 + byteCount)
    return null;
  return Array.from({ length: second }, (_, index) => frame.readUInt16BE(13 + index * 2));
}

/** Registers no such device can have: NaN as a float, far out of range or "not implemented" as an integer. */
function scramble(address: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * 2);
  for (let i = 0; i < count; i++) {
    bytes.writeUInt16BE(0x7fc0 | (hash32(address, i) & 0x803f), i * 2);
  }
  return bytes;
}

async function listenOrAny(accept: (socket: Socket) => void, port: number): Promise<Server> {
  if (port === 0) return listen(accept, 0);
  return listen(accept, port).catch(() => listen(accept, 0));
}

function listen(accept: (socket: Socket) => void, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
