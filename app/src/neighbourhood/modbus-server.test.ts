import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serveModbus, type ModbusServer } from './modbus-server.ts';
import { Registers } from './registers.ts';
import { withModbus } from './testing-clients.ts';

let server: ModbusServer;
let written: [address: number, values: readonly number[]][];

beforeEach(async () => {
  written = [];
  server = await serveModbus(
    {
      unitId: 1,
      readFunction: 3,
      registers: () => {
        const registers = new Registers(100, 200);
        for (let i = 0; i < 200; i++) registers.u16(100 + i, i);
        return registers;
      },
      write: (address, values) => {
        if (address < 100) return 2;
        if (values.some((value) => value > 1_000)) return 3;
        if (address === 150) throw new Error('worn out');
        written.push([address, values]);
        return 0;
      },
    },
    0,
  );
});

afterEach(() => server.stop());

/** Sends raw bytes in the given pieces and gives what comes back within 150 ms, or null when the server hangs up. */
function raw(...pieces: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    let got = '';
    socket.on('data', (bytes) => (got += bytes.toString('hex')));
    socket.on('close', () => resolve(null));
    socket.on('connect', async () => {
      for (const piece of pieces) {
        socket.write(Buffer.from(piece, 'hex'));
        await new Promise((done) => setTimeout(done, 15));
      }
      setTimeout(() => {
        resolve(got);
        socket.destroy();
      }, 150);
    });
  });
}

describe('a Modbus TCP server', () => {
  // transaction 0001, protocol 0, length, unit, function, ...
  test.each([
    ['reads', '000100000006 01 03 0064 0002', '00010000000701030400000001'],
    ['refuses another function', '000100000006 01 04 0064 0002', '000100000003018401'],
    ['refuses an unknown function', '000100000006 01 2b 0064 0002', '00010000000301ab01'],
    ['refuses an address below', '000100000006 01 03 0063 0002', '000100000003018302'],
    ['refuses an address beyond', '000100000006 01 03 012b 0002', '000100000003018302'],
    ['refuses 126 registers', '000100000006 01 03 0064 007e', '000100000003018303'],
    ['refuses no register', '000100000006 01 03 0064 0000', '000100000003018303'],
    ['refuses another unit', '000100000006 02 03 0064 0002', '00010000000302830b'],
    ['refuses a short request', '000100000004 01 03 0064', '000100000003018303'],
    ['writes one', '000100000006 01 06 0065 0007', '000100000006010600650007'],
    ['writes several', '00010000000b 01 10 0065 0002 04 0001 0002', '000100000006011000650002'],
    ['refuses a wrong byte count', '00010000000b 01 10 0065 0002 03 0001 0002', '000100000003019003'],
    ['refuses a value', '000100000006 01 06 0065 0fff', '000100000003018603'],
    ['refuses an address to write', '000100000006 01 06 0001 0001', '000100000003018602'],
    ['says so when it cannot keep a value', '000100000006 01 06 0096 0001', '000100000003018604'],
  ])('%s', async (_, request, response) => {
    expect(await raw(request.replaceAll(' ', ''))).toBe(response);
  });

  test('takes a request in pieces, and two at once', async () => {
    const one = '000100000006010300640001';
    const two = '000200000006010300650001';
    const both = '00010000000501030200000002000000050103020001';
    expect(await raw(one.slice(0, 6), one.slice(6, 20), one.slice(20) + two)).toBe(both);
  });

  test.each([
    ['another protocol', '000100010006010300640002'],
    ['an impossible length', '0001000003e8010300640002'],
    ['noise', 'deadbeefdeadbeefdeadbeef'],
  ])('hangs up on %s', async (_, bytes) => {
    expect(await raw(bytes)).toBeNull();
  });

  test('125 registers at once, to a client of another make', async () => {
    const { data } = await withModbus(server.port, (client) => client.readHoldingRegisters(100, 125));
    expect(data).toEqual(Array.from({ length: 125 }, (_, index) => index));
    await withModbus(server.port, (client) => client.writeRegisters(120, [7, 8]));
    expect(written).toEqual([[120, [7, 8]]]);
  });

  test('a device that hangs takes requests and is well afterwards', async () => {
    await server.setFault('hang');
    await expect(withModbus(server.port, (client) => client.readHoldingRegisters(100, 1))).rejects.toThrow(
      /Timed out/,
    );
    await server.setFault('none');
    expect((await withModbus(server.port, (client) => client.readHoldingRegisters(101, 1))).data).toEqual([
      1,
    ]);
  });

  test('nonsense is no value a meter can have', async () => {
    await server.setFault('nonsense');
    const { buffer } = await withModbus(server.port, (client) => client.readHoldingRegisters(100, 4));
    expect(buffer.readFloatBE()).toBeNaN();
    expect(Math.abs(Number(buffer.readBigInt64BE()))).toBeGreaterThan(1e15);
  });

  test('a disconnected device drops its connections, refuses others, and comes back at its address', async () => {
    await withModbus(server.port, async (client) => {
      await server.setFault('disconnect');
      await expect(client.readHoldingRegisters(100, 1)).rejects.toThrow(/Timed out|Port Not Open|closed/i);
    });
    await expect(withModbus(server.port, async () => {})).rejects.toThrow(/ECONNREFUSED/);
    await server.setFault('none');
    expect((await withModbus(server.port, (client) => client.readHoldingRegisters(101, 1))).data).toEqual([
      1,
    ]);
  });

  test('takes another port when its own is taken', async () => {
    const other = await serveModbus(
      { unitId: 1, readFunction: 3, registers: () => new Registers(0, 1) },
      server.port,
    );
    expect(other.port).not.toBe(server.port);
    await other.stop();
  });
});
