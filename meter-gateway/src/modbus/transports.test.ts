import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { fakeModbus } from '../../test/fake-modbus.ts';
import { temporaryFolder } from '../../test/homes.ts';
import { openConnections } from '../connect.ts';
import { ModbusBus } from './bus.ts';

const has = (program: string): boolean => spawnSync('which', [program]).status === 0;
const pymodbus =
  spawnSync('/usr/bin/python3', ['-c', 'import pymodbus, serial, serial_asyncio']).status === 0;
const socat = has('socat');
const openssl = has('openssl');
if (!pymodbus) console.log('left out: no python3-pymodbus here, its servers are not read');
if (!socat) console.log('left out: no socat here, RTU over a pty is not tried');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function until(what: () => boolean | Promise<boolean>, name: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not happen in time: ${name}`);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A pymodbus server with an SDM630's input registers; `how` is python that starts it. */
function pymodbusServer(how: string, folder: string): void {
  const script = join(folder, 'server.py');
  writeFileSync(
    script,
    `
import struct, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusSlaveContext, ModbusServerContext
words = [0] * 200
def put(address, value):
    words[address:address + 2] = struct.unpack('>HH', struct.pack('>f', value))
put(0x00, 230.5); put(0x34, 1234.5); put(0x46, 50.0); put(0x48, 4321.0); put(0x4a, 12.5)
slave = ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, words), hr=ModbusSequentialDataBlock(0, words), zero_mode=True)
context = ModbusServerContext(slaves={1: slave}, single=False)
${how}
`,
  );
  const child = spawn('/usr/bin/python3', [script], { stdio: 'ignore' });
  cleanups.push(() => child.kill('SIGKILL'));
}

const listening = (port: number) => (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => socket.destroy());
    socket.on('connect', () => socket.destroy());
  });

const EXPECTED = { voltageL1V: 230.5, powerW: 1234.5, importWh: 4_321_000, exportWh: 12_500 };

describe('peers nobody here wrote', () => {
  test.skipIf(!pymodbus)('a pymodbus TCP server, read with the sdm630 profile', async () => {
    const folder = temporaryFolder();
    cleanups.push(folder.remove);
    const port = await freePort();
    pymodbusServer(
      `from pymodbus.server import StartTcpServer\nStartTcpServer(context=context, address=('127.0.0.1', ${port}))`,
      folder.path,
    );
    await until(listening(port), 'pymodbus listens');
    const connections = openConnections({ pkiFolder: folder.path });
    cleanups.push(() => connections.closeAll());
    const device = connections.device({
      id: 'meter',
      role: 'grid-meter',
      protocol: 'modbus-tcp',
      host: '127.0.0.1',
      port,
      unitId: 1,
      profile: 'sdm630',
    });
    expect((await device.read()).values).toMatchObject(EXPECTED);
  });

  test.skipIf(!pymodbus || !socat)('a pymodbus RTU server over a pty', async () => {
    const folder = temporaryFolder();
    cleanups.push(folder.remove);
    const [ours, theirs] = [join(folder.path, 'ours'), join(folder.path, 'theirs')];
    const line = spawn('socat', [`pty,raw,echo=0,link=${ours}`, `pty,raw,echo=0,link=${theirs}`], {
      stdio: 'ignore',
    });
    cleanups.push(() => line.kill('SIGKILL'));
    await until(() => existsSync(ours) && existsSync(theirs), 'the pty');
    pymodbusServer(
      `from pymodbus.server import StartSerialServer\nfrom pymodbus.transaction import ModbusRtuFramer\nStartSerialServer(context=context, framer=ModbusRtuFramer, port='${theirs}', baudrate=19200, timeout=1)`,
      folder.path,
    );
    const connections = openConnections({
      pkiFolder: folder.path,
      modbus: { timeoutMs: 800, backoffFirstMs: 20, backoffMaxMs: 100 },
    });
    cleanups.push(() => connections.closeAll());
    const device = connections.device({
      id: 'meter',
      role: 'grid-meter',
      protocol: 'modbus-rtu',
      path: ours,
      baudRate: 19_200,
      unitId: 1,
      profile: 'sdm630',
    });
    // The first requests go unheard while the server starts; the bus reconnects until it answers.
    let sample = await device.read().catch(() => undefined);
    await until(async () => {
      sample ??= await device.read().catch(() => undefined);
      return sample !== undefined;
    }, 'the first answer');
    expect(sample?.values).toMatchObject(EXPECTED);
    // Two looks at once on one bus: answers of the same length must not be swapped.
    const [a, b] = await Promise.all([device.read(), device.read()]);
    expect(a.values).toEqual(b.values);
  });
});

describe('transports', () => {
  test('RTU frames through TCP', async () => {
    const server = net.createServer((socket) => {
      socket.on('data', (request) => {
        const count = request.readUInt16BE(4);
        const body = Buffer.alloc(3 + count * 2 + 2);
        request.copy(body, 0, 0, 2);
        body[2] = count * 2;
        for (let index = 0; index < count; index += 1)
          body.writeUInt16BE(request.readUInt16BE(2) + index, 3 + index * 2);
        body.writeUInt16LE(crc16(body.subarray(0, -2)), body.length - 2);
        // In two pieces, as serial gateways do.
        socket.write(body.subarray(0, 4));
        setTimeout(() => socket.write(body.subarray(4)), 10);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const bus = new ModbusBus({ host: '127.0.0.1', port, framing: 'rtu' });
    expect(await bus.read(1, 3, 100, 3)).toEqual([100, 101, 102]);
    await bus.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test.skipIf(!openssl)(
    'TLS with certificates on both sides; a device with another certificate is refused',
    async () => {
      const folder = temporaryFolder();
      cleanups.push(folder.remove);
      const make = (name: string) => {
        const [key, cert] = [join(folder.path, `${name}.key`), join(folder.path, `${name}.pem`)];
        execFileSync(
          'openssl',
          [
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:P-256',
            '-nodes',
            '-days',
            '2',
            '-keyout',
            key,
          ].concat(['-out', cert, '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']),
          { stdio: 'ignore' },
        );
        return { key, cert };
      };
      const [device, gateway, stranger] = [make('device'), make('gateway'), make('stranger')];
      const fake = await fakeModbus();
      cleanups.push(() => fake.close());
      fake.set(5, [55]);
      const server = tls.createServer(
        {
          key: readFileSync(device.key),
          cert: readFileSync(device.cert),
          ca: readFileSync(gateway.cert),
          requestCert: true,
          rejectUnauthorized: true,
        },
        (socket) => {
          const inner = net.connect(fake.port, '127.0.0.1');
          socket.pipe(inner).pipe(socket);
          socket.on('error', () => inner.destroy());
          inner.on('error', () => socket.destroy());
          socket.on('close', () => inner.destroy());
        },
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => server.close());
      const { port } = server.address() as net.AddressInfo;
      const files = { caPath: device.cert, certificatePath: gateway.cert, keyPath: gateway.key };
      const bus = new ModbusBus({ host: '127.0.0.1', port, tls: files });
      cleanups.push(() => bus.close());
      expect(await bus.read(1, 3, 5, 1)).toEqual([55]);
      const fooled = new ModbusBus({ host: '127.0.0.1', port, tls: { ...files, caPath: stranger.cert } });
      cleanups.push(() => fooled.close());
      await expect(fooled.read(1, 3, 5, 1)).rejects.toMatchObject({ code: 'unavailable' });
      const anonymous = new ModbusBus({ host: '127.0.0.1', port, tls: { caPath: device.cert } });
      cleanups.push(() => anonymous.close());
      await expect(anonymous.read(1, 3, 5, 1)).rejects.toMatchObject({ code: 'unavailable' });
    },
  );
});

/** CRC of Modbus RTU (Modbus over serial line V1.02, appendix B). */
function crc16(bytes: Buffer): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
