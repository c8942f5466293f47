import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { SunSpecControl } from './control.ts';
import { initialControl } from './control.ts';
import type { HomeView } from './home.ts';
import { serveModbus, type ModbusServer } from './modbus-server.ts';
import type { BatterySpec } from './spec.ts';
import { sunSpecBattery, sunSpecInverter } from './sunspec.ts';
import { writeSunSpec } from './sunspec-write.ts';
import { withModbus } from './testing-clients.ts';

const battery: BatterySpec = {
  capacityWh: 12_500,
  chargeMaxW: 4_000,
  dischargeMaxW: 5_000,
  roundTripPermille: 900,
};
const view: HomeView = {
  atMs: Date.UTC(2026, 5, 1, 12),
  gridW: -1_000,
  pvW: 4_321,
  batteryW: -1_500,
  importWh: 1,
  exportWh: 2,
  pvWh: 7_654_321,
  chargedWh: 800_100,
  dischargedWh: 700_200,
  socPermille: 637,
};

let server: ModbusServer | undefined;
let control = initialControl('modbus') as SunSpecControl;

afterEach(async () => {
  await server?.stop();
  control = initialControl('modbus') as SunSpecControl;
});

async function serve(what: 'inverter' | 'battery'): Promise<number> {
  server = await serveModbus(
    {
      unitId: 1,
      readFunction: 3,
      registers: () =>
        what === 'inverter'
          ? sunSpecInverter(view, 'CW-1', 8_000, 3)
          : sunSpecBattery(view, control, battery, 'CW-2', 3),
      write: (address, values) => {
        const result = writeSunSpec(control, address, values);
        if ('exception' in result) return result.exception;
        ({ control } = result);
        return 0;
      },
    },
    0,
  );
  return server.port;
}

interface Model {
  readonly address: number;
  readonly words: readonly number[];
}

/** Discovery as the SunSpec Information Model asks for it: the mark, then ids and lengths up to 0xFFFF. */
async function walk(port: number): Promise<Map<number, Model>> {
  return withModbus(port, async (client) => {
    const mark = await client.readHoldingRegisters(40_000, 2);
    expect(mark.buffer.toString('ascii')).toBe('SunS');
    const models = new Map<number, Model>();
    for (let address = 40_002; ;) {
      const [id = 0, length = 0] = (await client.readHoldingRegisters(address, 2)).data;
      if (id === 0xffff) return models;
      const { data } = await client.readHoldingRegisters(address, Math.min(125, length + 2));
      models.set(id, { address, words: data });
      address += length + 2;
    }
  });
}

const signed = (word = 0): number => (word > 0x7fff ? word - 0x10000 : word);
const long = (model: Model, offset: number): number =>
  (model.words[offset] ?? 0) * 0x10000 + (model.words[offset + 1] ?? 0);

function get(models: Map<number, Model>, id: number): Model {
  const model = models.get(id);
  if (!model) throw new Error(`no model ${id}`);
  return model;
}

describe('a SunSpec device, found by discovery', () => {
  test('inverter: models 1, 103 and 122', async () => {
    const models = await walk(await serve('inverter'));
    expect([...models.keys()]).toEqual([1, 103, 122]);
    const status = get(models, 122);
    expect(Date.UTC(2000, 0, 1) + long(status, 41) * 1000).toBe(view.atMs);
    const inverter = get(models, 103);
    const endAddress = status.address + status.words.length;
    await expect(
      withModbus(server?.port ?? 0, (client) => client.readHoldingRegisters(endAddress + 2, 1)),
    ).rejects.toThrow(/Illegal data address/);
    const scale = signed(inverter.words[15]);
    expect(signed(inverter.words[14]) * 10 ** scale).toBe(4_321);
    expect(long(inverter, 24) * 10 ** signed(inverter.words[26])).toBe(7_654_321);
    expect(inverter.words[38]).toBe(4);
    expect((inverter.words[16] ?? 0) * 10 ** signed(inverter.words[17])).toBe(50);
  });

  test('battery: models 1, 124, 802 and 203', async () => {
    const models = await walk(await serve('battery'));
    expect([...models.keys()]).toEqual([1, 124, 802, 203]);
    const storage = get(models, 124);
    expect(storage.words[2]).toBe(5_000);
    expect((storage.words[8] ?? 0) * 10 ** signed(storage.words[22])).toBeCloseTo(63.7);
    expect((storage.words[12] ?? 0) * 10 ** signed(storage.words[25])).toBe(100);
    expect(storage.words[11]).toBe(4);
    const bank = get(models, 802);
    expect((bank.words[3] ?? 0) * 10 ** signed(bank.words[53])).toBe(12_500);
    expect((bank.words[11] ?? 0) * 10 ** signed(bank.words[56])).toBeCloseTo(63.7);
    expect(signed(bank.words[47]) * 10 ** signed(bank.words[63])).toBe(-1_500);
    const meter = get(models, 203);
    expect(signed(meter.words[18]) * 10 ** signed(meter.words[22])).toBe(1_500);
    expect(long(meter, 38)).toBe(700_200);
    expect(long(meter, 46)).toBe(800_100);
  });

  test('control: percentages are written and read back, all or nothing', async () => {
    const port = await serve('battery');
    const { address } = get(await walk(port), 124);
    await withModbus(port, async (client) => {
      await client.writeRegisters(address + 12, [0x10000 - 4_000, 4_000]);
      await client.writeRegister(address + 15, 600);
      await client.writeRegister(address + 5, 3);
      expect((await client.readHoldingRegisters(address + 12, 2)).data).toEqual([0x10000 - 4_000, 4_000]);
      expect(control).toMatchObject({ storCtlMod: 3, outWRte: -4_000, inWRte: 4_000, rvrtTms: 600 });
      // 100.01 percent, an unknown mode, a register that only measures, and a block that runs into one.
      await expect(client.writeRegister(address + 12, 10_001)).rejects.toThrow(/Illegal data value/);
      await expect(client.writeRegister(address + 5, 4)).rejects.toThrow(/Illegal data value/);
      await expect(client.writeRegister(address + 8, 1)).rejects.toThrow(/Illegal data address/);
      await expect(client.writeRegisters(address + 17, [0, 0])).rejects.toThrow(/Illegal data address/);
      expect(control).toMatchObject({ storCtlMod: 3, outWRte: -4_000, chaGriSet: 1 });
    });
  });

  test('large devices scale down what a register cannot hold', () => {
    const large = { capacityWh: 90_000, chargeMaxW: 40_000, dischargeMaxW: 40_000, roundTripPermille: 900 };
    const registers = sunSpecBattery({ ...view, batteryW: 36_000 }, control, large, 'CW-3', 3);
    const word = (address: number): number => registers.slice(address, 1)?.readInt16BE() ?? 0;
    const bank = 40_070 + 26;
    expect((word(bank + 3) & 0xffff) * 10 ** word(bank + 53)).toBe(90_000);
    expect(word(bank + 47) * 10 ** word(bank + 63)).toBe(36_000);
  });
});

interface ModelFile {
  readonly group: {
    readonly points: readonly { name: string; type: string; size: number; mandatory?: string }[];
  };
}

const REFERENCE = fileURLToPath(new URL('../../../../shared/reference/sunspec/', import.meta.url));
const NOT_IMPLEMENTED: Readonly<Record<string, readonly number[]>> = {
  int16: [0x8000],
  sunssf: [0x8000],
  uint16: [0xffff],
  enum16: [0xffff],
};

describe.skipIf(!existsSync(REFERENCE))('against the published models (skipped without ../shared)', () => {
  test.each([
    ['inverter', 103],
    ['inverter', 122],
    ['battery', 124],
    ['battery', 802],
    ['battery', 203],
  ] as const)('%s, model %i: its length, and every mandatory point has a value', async (what, id) => {
    const model = get(await walk(await serve(what)), id);
    const { group } = JSON.parse(readFileSync(`${REFERENCE}model_${id}.json`, 'utf8')) as ModelFile;
    let offset = 0;
    const missing: string[] = [];
    for (const point of group.points) {
      const empty = NOT_IMPLEMENTED[point.type]?.includes(model.words[offset] ?? 0) ?? false;
      if (point.mandatory === 'M' && offset < model.words.length && empty) missing.push(point.name);
      offset += point.size;
    }
    expect(missing).toEqual([]);
    expect(model.words[1]).toBe(offset - 2);
  });
});
