import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import modbusSerial from 'modbus-serial';

// The package is CommonJS and names its class as the default once more.
const ModbusRTU = modbusSerial.default;
export type ModbusClient = InstanceType<typeof ModbusRTU>;

/** Certificates for Modbus/TCP Security (MB-TCP-Security v21): mutual TLS. Paths of PEM files. */
export interface TlsFiles {
  /** Who may sign the device's certificate; a self-signed device certificate goes here itself. */
  readonly caPath: string;
  readonly certificatePath?: string;
  readonly keyPath?: string;
  /** The name in the device's certificate where it is not the host. */
  readonly serverName?: string;
}

/** How to reach a Modbus connection: TCP, optionally with TLS or with RTU frames inside, or a serial port. */
export type BusTarget =
  | {
      readonly host: string;
      readonly port: number;
      /** `rtu`: a serial gateway that passes RTU frames through. */
      readonly framing?: 'tcp' | 'rtu';
      readonly tls?: TlsFiles;
    }
  | {
      readonly path: string;
      readonly baudRate: number;
      readonly parity?: 'none' | 'even' | 'odd';
      readonly stopBits?: 1 | 2;
    };

/** The other side ended the connection in good order (FIN): some devices do so after every answer, or when nothing came for a while. */
export class ConnectionClosed extends Error {
  constructor() {
    super('the device closed the connection');
  }
}

/** An open connection with its client. */
export interface Line {
  readonly client: ModbusClient;
  /** Rejects as soon as the connection breaks. */
  readonly broken: Promise<never>;
  destroy(): void;
}

/** The target in words, for messages. */
export function nameOf(target: BusTarget): string {
  return 'path' in target ? target.path : `${target.host}:${target.port}`;
}

/** Opens the connection; may hang, so the caller has a deadline. */
export async function openLine(target: BusTarget, timeoutMs: number): Promise<Line> {
  if ('path' in target) return openSerial(target, timeoutMs);
  const { host, port } = target;
  // A socket of our own under modbus-serial: it shows RST and FIN at once, which the library does not.
  const socket = target.tls
    ? tls.connect({ host, port, ...readTls(target.tls, host), minVersion: 'TLSv1.2' })
    : net.connect({ host, port, noDelay: true });
  socket.on('error', () => {});
  const broken = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new ConnectionClosed()));
  });
  broken.catch(() => {});
  const connected = new Promise<void>((resolve) => {
    socket.once(target.tls ? 'secureConnect' : 'connect', () => resolve());
  });
  try {
    await Promise.race([connected, broken]);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const client = new ModbusRTU();
  client.on('error', () => {});
  client.setTimeout(timeoutMs);
  // The library's "telnet" port is the one that passes RTU frames as they are; its "TCP RTU buffered" port speaks plain Modbus TCP.
  if (target.framing === 'rtu') await client.linkTelnet(socket, { port });
  else await client.linkTCP(socket, { port });
  return { client, broken, destroy: () => socket.destroy() };
}

function readTls(files: TlsFiles, host: string): tls.ConnectionOptions {
  const { caPath, certificatePath, keyPath, serverName } = files;
  const servername = serverName ?? (net.isIP(host) === 0 ? host : undefined);
  return {
    ca: readFileSync(caPath),
    ...(certificatePath === undefined ? {} : { cert: readFileSync(certificatePath) }),
    ...(keyPath === undefined ? {} : { key: readFileSync(keyPath) }),
    ...(servername === undefined ? {} : { servername }),
  };
}

async function openSerial(target: Extract<BusTarget, { path: string }>, timeoutMs: number): Promise<Line> {
  const client = new ModbusRTU();
  const broken = new Promise<never>((_resolve, reject) => {
    client.on('error', (error) => reject(error instanceof Error ? error : new Error(String(error))));
    client.on('close', () => reject(new Error('the serial port closed')));
  });
  broken.catch(() => {});
  client.setTimeout(timeoutMs);
  await client.connectRTUBuffered(target.path, {
    baudRate: target.baudRate,
    parity: target.parity ?? 'none',
    stopBits: target.stopBits ?? 1,
    dataBits: 8,
  });
  return { client, broken, destroy: () => client.close(() => {}) };
}
