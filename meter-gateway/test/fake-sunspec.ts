import type { DeviceRole } from '../src/config.ts';
import type { Connections } from '../src/connect.ts';
import type { FakeModbus } from './fake-modbus.ts';

/** Registers of a string of `count` registers. */
export function stringWords(text: string, count: number): number[] {
  const bytes = Buffer.alloc(count * 2);
  bytes.write(text, 'latin1');
  return Array.from({ length: count }, (_, index) => bytes.readUInt16BE(index * 2));
}

export const u32 = (value: number): number[] => [Math.floor(value / 65536) & 0xffff, value & 0xffff];

/** A model's block: id, length, and the words given by offset from the id register; the rest is "not implemented" (0xFFFF). */
export function block(model: number, length: number, words: Record<number, number | number[]>): number[] {
  const image = Array.from({ length: length + 2 }, () => 0xffff);
  image[0] = model;
  image[1] = length;
  for (const [offset, value] of Object.entries(words)) {
    for (const [index, word] of [value].flat().entries()) image[Number(offset) + index] = word & 0xffff;
  }
  return image;
}

export function common(maker: string, device: string, serial: string): number[] {
  return block(1, 66, {
    2: stringWords(maker, 16),
    18: stringWords(device, 16),
    34: stringWords('', 8),
    42: stringWords('1.0', 8),
    50: stringWords(serial, 16),
    66: 1,
  });
}

/** Writes a whole map at `base` and returns the address of each model. */
export function sunspecMap(
  fake: FakeModbus,
  blocks: readonly number[][],
  base = 40000,
): Record<number, number> {
  fake.set(base, [0x5375, 0x6e53]);
  const at: Record<number, number> = {};
  let address = base + 2;
  for (const words of blocks) {
    fake.set(address, words);
    at[words[0] ?? 0] = address;
    address += words.length;
  }
  fake.set(address, [0xffff, 0]);
  return at;
}

export interface FakeBattery {
  readonly at: Record<number, number>;
  /** W now, positive on discharge; follows the setpoint unless `lazy`. */
  powerW: number;
  /** Acknowledges everything and does nothing. */
  lazy: boolean;
  setSoc(permille: number): void;
  setCounters(chargedWh: number, dischargedWh: number): void;
  readonly mode: () => number;
}

/** A 10 kWh battery with 5 kW each way: models 1, 124, 203 (its AC counters) and 802. */
export function fakeBattery(fake: FakeModbus): FakeBattery {
  const at = sunspecMap(fake, [
    common('Fake', 'Battery 10', 'B-1'),
    block(124, 24, { 2: 5000, 5: 0, 12: 10000, 13: 10000, 15: 0, 18: 0, 22: 0x8000, 25: -2 }),
    block(203, 105, { 8: 2300, 15: -1, 16: 500, 17: -1, 18: 0, 22: 0, 38: u32(8000), 46: u32(9000), 54: 0 }),
    block(802, 62, { 3: 10000, 4: 5000, 5: 5000, 11: 500, 47: 0, 53: 0, 54: 0, 56: -1, 63: 0 }),
  ]);
  const storage = at[124] ?? 0;
  const bank = at[802] ?? 0;
  const meter = at[203] ?? 0;
  const battery: FakeBattery = {
    at,
    powerW: 0,
    lazy: false,
    setSoc: (permille) => fake.set(bank + 11, [permille]),
    setCounters: (chargedWh, dischargedWh) => {
      fake.set(meter + 38, u32(dischargedWh));
      fake.set(meter + 46, u32(chargedWh));
    },
    mode: () => fake.registers.get(storage + 5) ?? -1,
  };
  const signed = (word: number | undefined): number => ((word ?? 0) << 16) >> 16;
  fake.onWrite = () => {
    const forced = battery.mode() === 3 && !battery.lazy;
    battery.powerW = forced ? Math.round((signed(fake.registers.get(storage + 12)) / 10_000) * 5000) : 0;
    fake.set(bank + 47, [battery.powerW]);
  };
  return battery;
}

/** A three-phase inverter, model 103: 3,500 W, 1,234,567 Wh. */
export const INVERTER = block(103, 50, {
  10: 2315,
  13: -1,
  14: 350,
  15: 1,
  16: 4998,
  17: -2,
  24: u32(1_234_567),
  26: 0,
  38: 4,
});

/** The device of a role behind a fake at unit 1, found by discovery. */
export function sunspecDevice(connections: Connections, fake: FakeModbus, role: DeviceRole) {
  return connections.device({
    id: role,
    role,
    protocol: 'modbus-tcp',
    host: '127.0.0.1',
    port: fake.port,
    unitId: 1,
    profile: 'sunspec',
  });
}
