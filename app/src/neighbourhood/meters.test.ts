import { afterEach, describe, expect, test } from 'vitest';
import type { HomeView } from './home.ts';
import { em340, iem3155, meterView, sdm630, type MeterView } from './meters.ts';
import { serveModbus, type ModbusServer } from './modbus-server.ts';
import type { Registers } from './registers.ts';
import { withModbus } from './testing-clients.ts';

const view: MeterView = {
  voltageV: [230.1, 229.5, 231],
  currentA: [4.5, 0.25, 1.125],
  powerW: [1035, -57, 260],
  totalW: 1238,
  hz: 49.98,
  importWh: 12_345_678,
  exportWh: 4_056,
};

let server: ModbusServer | undefined;

afterEach(async () => server?.stop());

async function serve(map: (view: MeterView) => Registers, readFunction: 3 | 4): Promise<number> {
  server = await serveModbus({ unitId: 1, readFunction, registers: () => map(view) }, 0);
  return server.port;
}

describe('a grid meter, read by a client of another make', () => {
  test('SDM630: function 4, floats, high word first', async () => {
    const port = await serve(sdm630, 4);
    await withModbus(port, async (client) => {
      const float = async (address: number): Promise<number> =>
        (await client.readInputRegisters(address, 2)).buffer.readFloatBE();
      for (const [address, value] of [
        [0x00, 230.1],
        [0x02, 229.5],
        [0x04, 231],
        [0x06, 4.5],
        [0x0a, 1.125],
        [0x0c, 1035],
        [0x0e, -57],
        [0x10, 260],
        [0x34, 1238],
        [0x46, 49.98],
        [0x48, 12_345.678],
        [0x4a, 4.056],
      ] as const) {
        expect([address, await float(address)]).toEqual([address, Math.fround(value)]);
      }
    });
  });

  test('EM340: function 4, whole numbers, low word first', async () => {
    const port = await serve(em340, 4);
    await withModbus(port, async (client) => {
      const words = async (address: number): Promise<number> => {
        const [low = 0, high = 0] = (await client.readInputRegisters(address, 2)).data;
        return ((high << 16) | low) >> 0;
      };
      for (const [address, value] of [
        [0x00, 2301],
        [0x0c, 4500],
        [0x12, 10_350],
        [0x14, -570],
        [0x28, 12_380],
        [0x34, 123_456],
        [0x4e, 40],
      ] as const) {
        expect([address, await words(address)]).toEqual([address, value]);
      }
      expect((await client.readInputRegisters(0x33, 1)).data).toEqual([500]);
      // Low word first, seen raw: 123456 = 0x0001E240.
      expect((await client.readInputRegisters(0x34, 2)).data).toEqual([0xe240, 0x0001]);
    });
  });

  test('iEM3155: function 3, floats in kW, energies as 64-bit Wh', async () => {
    const port = await serve(iem3155, 3);
    await withModbus(port, async (client) => {
      const read = async (address: number, count: number): Promise<Buffer> =>
        (await client.readHoldingRegisters(address, count)).buffer;
      expect((await read(0x0bd3, 2)).readFloatBE()).toBe(Math.fround(230.1));
      expect((await read(0x0bb7, 2)).readFloatBE()).toBe(4.5);
      expect((await read(0x0bef, 2)).readFloatBE()).toBe(Math.fround(-0.057));
      expect((await read(0x0bf3, 2)).readFloatBE()).toBe(Math.fround(1.238));
      expect((await read(0x0c25, 2)).readFloatBE()).toBe(Math.fround(49.98));
      expect((await read(0x0c83, 4)).readBigInt64BE()).toBe(12_345_678n);
      expect((await read(0x0c87, 4)).readBigInt64BE()).toBe(4_056n);
    });
  });
});

test('the phases add up to the total, whole watts each', () => {
  for (const gridW of [0, 1, -1, 2, -4_001, 12_345]) {
    const { powerW, voltageV } = meterView({ gridW, atMs: 1e12, importWh: 0, exportWh: 0 } as HomeView, 7);
    expect(powerW[0] + powerW[1] + powerW[2]).toBe(gridW);
    for (const volts of voltageV) {
      expect(volts).toBeGreaterThan(220);
      expect(volts).toBeLessThan(240);
    }
  }
});
