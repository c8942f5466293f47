import { counterFacts, type CounterRegister } from '../counter/facts.ts';
import type { DeviceSample, Quantity } from '../quantity.ts';
import { toSample } from '../quantity.ts';
import type { ModbusProfile, RegisterMapping, RegisterType, WordOrder } from './types.ts';
import type { Span } from './plan.ts';

/** A register image: reads the word at a 0-based address, undefined where nothing was read. */
export type Registers = (address: number) => number | undefined;

export const WORDS: Record<RegisterType, number> = { i16: 1, u16: 1, i32: 2, u32: 2, i64: 4, u64: 4, f32: 2 };

/** The raw number at an address; undefined where a word is missing. 64-bit values lose nothing below 2^53 Wh. */
export function readRaw(
  registers: Registers,
  address: number,
  type: RegisterType,
  order: WordOrder,
): { readonly value: number; readonly hex: string } | undefined {
  const count = WORDS[type];
  const bytes = Buffer.alloc(count * 2);
  for (let index = 0; index < count; index += 1) {
    const word = registers(address + index);
    if (word === undefined) return undefined;
    bytes.writeUInt16BE(word & 0xffff, (order === 'high-first' ? index : count - 1 - index) * 2);
  }
  return { value: readNumber(bytes, type), hex: bytes.toString('hex') };
}

function readNumber(bytes: Buffer, type: RegisterType): number {
  switch (type) {
    case 'i16':
      return bytes.readInt16BE();
    case 'u16':
      return bytes.readUInt16BE();
    case 'i32':
      return bytes.readInt32BE();
    case 'u32':
      return bytes.readUInt32BE();
    case 'i64':
      return Number(bytes.readBigInt64BE());
    case 'u64':
      return Number(bytes.readBigUInt64BE());
    case 'f32':
      return bytes.readFloatBE();
  }
}

/** Multiplies without binary dust: 0.1 becomes a division by 10. */
function scaled(value: number, scale: number): number {
  return Math.abs(scale) < 1 ? value / Math.round(1 / scale) : value * scale;
}

/** The spans a profile needs. */
export function spansOf(profile: ModbusProfile): Span[] {
  return Object.values(profile.quantities).flatMap(({ address, type, negateWhen }) => [
    { address, count: WORDS[type] },
    ...(negateWhen === undefined ? [] : [{ address: negateWhen.address, count: 1 }]),
  ]);
}

/** Undefined where the register that tells the direction was not read: half of the values would have the wrong sign. */
function direction({ negateWhen }: RegisterMapping, registers: Registers): 1 | -1 | undefined {
  if (negateWhen === undefined) return 1;
  const word = registers(negateWhen.address);
  return word === undefined ? undefined : (word & negateWhen.mask) !== 0 ? -1 : 1;
}

/** Raw registers in, quantities out. A value marked absent by the maker is left out; NaN and the impossible are nonsense. Without a total, power is the sum of three phases. */
export function decodeProfile(profile: ModbusProfile, registers: Registers): DeviceSample {
  const decoded: (readonly [Quantity, number | undefined])[] = [];
  const counters: CounterRegister[] = [];
  for (const [quantity, mapping] of Object.entries(profile.quantities) as [Quantity, RegisterMapping][]) {
    const raw = readRaw(registers, mapping.address, mapping.type, profile.wordOrder);
    const sign = direction(mapping, registers);
    const absent = raw === undefined || sign === undefined || mapping.absent?.includes(raw.hex) === true;
    if (!absent && quantity.endsWith('portWh')) {
      const { type, scale: stepWh, rollsAt } = mapping;
      counters.push({ quantity, type, raw: raw.value, stepWh, rollsAt });
    }
    decoded.push([quantity, absent ? undefined : scaled(raw.value, mapping.scale) * sign]);
  }
  const sample = { ...toSample(decoded), ...counterFacts(counters) };
  const { powerL1W, powerL2W, powerL3W } = sample.values;
  if ('powerW' in profile.quantities || powerL1W === undefined) return sample;
  if (powerL2W === undefined || powerL3W === undefined) return sample;
  return { ...sample, values: { ...sample.values, powerW: powerL1W + powerL2W + powerL3W } };
}
