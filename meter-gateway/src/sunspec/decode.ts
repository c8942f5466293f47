import { readRaw, type Registers } from '../profile/decode.ts';
import type { RegisterType } from '../profile/types.ts';
import type { CounterRegister } from '../counter/facts.ts';
import type { Quantity } from '../quantity.ts';
import type { FoundModel } from './discover.ts';
import type { Point, PointType } from './models.ts';

/** Raw values that mean "not implemented". Accumulators say it with 0, which is also an honest count, so 0 stays 0. */
const ABSENT: Partial<Record<PointType, string>> = {
  i16: '8000',
  u16: 'ffff',
  enum16: 'ffff',
  i32: '80000000',
  u32: 'ffffffff',
  u64: 'ffffffffffffffff',
};

const RAW: Record<PointType, RegisterType> = {
  i16: 'i16',
  u16: 'u16',
  enum16: 'u16',
  i32: 'i32',
  u32: 'u32',
  acc32: 'u32',
  u64: 'u64',
  f32: 'f32',
};

/** 10^sf without binary dust for the usual exponents. */
export function applyScale(raw: number, exponent: number): number {
  return exponent < 0 ? raw / 10 ** -exponent : raw * 10 ** exponent;
}

/** The scale factor at an offset; undefined when not implemented; NaN when no such exponent exists (SunSpec allows -10 to 10). */
export function scaleFactor(registers: Registers, address: number): number | undefined {
  const raw = readRaw(registers, address, 'i16', 'high-first');
  if (raw === undefined || raw.hex === '8000') return undefined;
  return Math.abs(raw.value) <= 10 ? raw.value : Number.NaN;
}

/** A counter's register, for `counterFacts`; undefined where the device does not implement it. */
export function counterRegister(
  registers: Registers,
  found: FoundModel,
  point: Point,
  quantity: Quantity,
): CounterRegister | undefined {
  const raw = readRaw(registers, found.address + point.at, RAW[point.type], 'high-first');
  const exponent = point.sf === undefined ? 0 : scaleFactor(registers, found.address + point.sf);
  if (raw === undefined || raw.hex === ABSENT[point.type] || exponent === undefined) return undefined;
  return { quantity, type: point.type, raw: raw.value, stepWh: applyScale(1, exponent) };
}

/** A point's value; undefined where the device does not implement it. */
export function decodePoint(registers: Registers, found: FoundModel, point: Point): number | undefined {
  const raw = readRaw(registers, found.address + point.at, RAW[point.type], 'high-first');
  if (raw === undefined || raw.hex === ABSENT[point.type] || Number.isNaN(raw.value)) return undefined;
  if (point.sf === undefined) return raw.value;
  const exponent = scaleFactor(registers, found.address + point.sf);
  return exponent === undefined ? undefined : applyScale(raw.value, exponent);
}
