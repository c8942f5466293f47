import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fakeModbus } from '../../test/fake-modbus.ts';
import { ModbusBus } from '../modbus/bus.ts';
import { profileDevice } from '../modbus/profile-device.ts';
import { unitOf, type Quantity } from '../quantity.ts';
import { decodeProfile, spansOf } from './decode.ts';
import { loadProfile, parseProfile, profileNames } from './load.ts';
import { planReads } from './plan.ts';
import type { ModbusProfile } from './types.ts';

/** Raw registers by decimal address, as hex words, with what they mean. Packed by another program than the one under test. */
interface Fixture {
  readonly registers: Record<string, string>;
  readonly expected: Partial<Record<Quantity, number>>;
  readonly variants?: Record<string, { registers: Record<string, string>; expected: Record<string, number> }>;
  readonly absent?: Record<string, { registers: Record<string, string>; quantities: string[] }>;
  readonly nonsense?: Record<string, { registers: Record<string, string>; quantities: string[] }>;
  readonly control?: Record<string, { powerW?: number; reversionMs?: number; words: [number, string][] }>;
}

const names = profileNames();
const modbusProfiles = names.map(loadProfile).filter((profile) => profile.protocol === 'modbus');

function fixtureOf(profile: ModbusProfile): Fixture {
  const url = new URL(`../../profiles/fixtures/${profile.name}.json`, import.meta.url);
  if (!existsSync(url)) throw new Error(`profiles/fixtures/${profile.name}.json is missing`);
  return JSON.parse(readFileSync(url, 'utf8')) as Fixture;
}

const words = (hex: string): number[] => hex.split(' ').map((word) => Number.parseInt(word, 16));

function image(...layers: Record<string, string>[]): Map<number, number> {
  const registers = new Map<number, number>();
  for (const layer of layers) {
    for (const [address, hex] of Object.entries(layer)) {
      for (const [index, word] of words(hex).entries()) registers.set(Number(address) + index, word);
    }
  }
  return registers;
}

const decode = (profile: ModbusProfile, ...layers: Record<string, string>[]) => {
  const registers = image(...layers);
  return decodeProfile(profile, (address) => registers.get(address));
};

test('the makes of the table are there', () => {
  expect(names).toEqual([
    'abb-b23',
    'em24',
    'em340',
    'huawei-luna2000',
    'iem3155',
    'janitza-umg96rm',
    'opc34100',
    'sdm630',
    'solaredge-storedge',
    'sungrow-sh',
    'victron-gx-battery',
    'victron-gx-grid',
  ]);
});

describe.each(modbusProfiles.map((profile) => [profile.name, profile] as const))('%s', (_name, profile) => {
  const fixture = fixtureOf(profile);

  test('its fixture decodes to the expected quantities, and names every quantity of the profile', () => {
    const { values, nonsense } = decode(profile, fixture.registers);
    expect(nonsense).toEqual([]);
    for (const [quantity, expected] of Object.entries(fixture.expected)) {
      expect(values[quantity as Quantity]).toBeCloseTo(expected, 3);
    }
    expect(Object.keys(values).sort()).toEqual(Object.keys(fixture.expected).sort());
    expect(Object.keys(fixture.expected)).toEqual(expect.arrayContaining(Object.keys(profile.quantities)));
    for (const variant of Object.values(fixture.variants ?? {})) {
      expect(decode(profile, fixture.registers, variant.registers).values).toMatchObject(variant.expected);
    }
  });

  test('what it marks absent is left out, what cannot be is nonsense', () => {
    for (const { registers, quantities } of Object.values(fixture.absent ?? {})) {
      const sample = decode(profile, fixture.registers, registers);
      for (const quantity of quantities) expect(sample.values).not.toHaveProperty(quantity);
      expect(sample.nonsense).toEqual([]);
    }
    for (const { registers, quantities } of Object.values(fixture.nonsense ?? {})) {
      expect(decode(profile, fixture.registers, registers).nonsense).toEqual(quantities);
    }
  });

  test('its source is named, its units are known, and its reads fit the device', () => {
    expect(profile.source.length).toBeGreaterThan(20);
    for (const quantity of Object.keys(profile.quantities)) expect(unitOf(quantity as Quantity)).not.toBe('');
    const plan = planReads(spansOf(profile), profile.readMaxRegisters, profile.readGapMax);
    expect(plan.length).toBeLessThanOrEqual(4);
  });
});

test('sungrow-sh: where nobody tells the direction, there is no power', () => {
  const profile = modbusProfiles.find(({ name }) => name === 'sungrow-sh') as ModbusProfile;
  const registers = image(fixtureOf(profile).registers);
  registers.delete(13_000);
  const { values, nonsense } = decodeProfile(profile, (address) => registers.get(address));
  expect([values.powerW, nonsense]).toEqual([undefined, []]);
  expect(values.stateOfChargePermille).toBeGreaterThan(0);
  expect(planReads(spansOf(profile), profile.readMaxRegisters, profile.readGapMax)).toHaveLength(1);
});

const controlled = modbusProfiles.filter(({ control }) => control !== undefined);
test.each(controlled.map((profile) => [profile.name, profile] as const))(
  '%s: its control writes what the maker documents, the mode last',
  async (_name, profile) => {
    const fixture = fixtureOf(profile);
    const fake = await fakeModbus();
    const bus = new ModbusBus({ host: '127.0.0.1', port: fake.port });
    try {
      for (let address = 0; address < 0x10000; address += 1) fake.registers.set(address, 0);
      const { control } = profileDevice(profile, { id: 'x', unitId: 1, bus, release: async () => {} });
      for (const step of Object.values(fixture.control ?? {})) {
        const written: [number, string][] = [];
        fake.onWrite = (address, list) =>
          written.push([address, list.map((word) => word.toString(16).padStart(4, '0')).join(' ')]);
        const result =
          step.powerW === undefined
            ? await control?.release().then(() => ({ holds: true }))
            : await control?.force(step.powerW, step.reversionMs ?? 0);
        expect(result).toMatchObject({ holds: true });
        expect(written).toEqual(step.words);
      }
      expect(Object.keys(fixture.control ?? {}).length).toBeGreaterThanOrEqual(3);
    } finally {
      await bus.close();
      await fake.close();
    }
  },
);

describe('a profile file that is wrong is refused with its place', () => {
  const good = JSON.parse(readFileSync(new URL('../../profiles/sdm630.json', import.meta.url), 'utf8')) as {
    quantities: Record<string, object>;
  };
  test.each([
    ['no source', { ...good, source: undefined }],
    ['an unknown quantity', { ...good, quantities: { watts: good.quantities['powerW'] } }],
    ['a read longer than Modbus allows', { ...good, readMaxRegisters: 200 }],
    [
      'an address out of range',
      { ...good, quantities: { powerW: { address: 70_000, type: 'f32', scale: 1 } } },
    ],
    ['a scale of zero', { ...good, quantities: { powerW: { address: 0, type: 'f32', scale: 0 } } }],
    [
      'a register type nobody has',
      { ...good, quantities: { powerW: { address: 0, type: 'f16', scale: 1 } } },
    ],
  ])('%s', (_name, profile) => {
    expect(() => parseProfile(JSON.stringify(profile), 'mine.json')).toThrow(/mine\.json/);
  });
});
