import { CommonwattError } from '@commonwatt/domain';
import { ModbusException } from '../modbus/bus.ts';

/** Reads holding registers: `count` words from a 0-based address. */
export type ReadHolding = (address: number, count: number) => Promise<readonly number[]>;

/** A model found in the map: `address` is its id register, `length` the registers after id and length. */
export interface FoundModel {
  readonly model: number;
  readonly address: number;
  readonly length: number;
}

/** A device of a map: model 1 begins one, and the models up to the next model 1 are its. */
export interface SubDevice {
  /** Where its model 1 begins. */
  readonly address: number;
  readonly maker: string;
  readonly device: string;
  readonly version: string;
  readonly serial: string;
}

/** What the whole map says of itself is what its first device says. */
export interface SunspecMap extends SubDevice {
  readonly base: number;
  readonly models: readonly FoundModel[];
  /** In the order of the map; none where the map has no model 1. */
  readonly devices: readonly SubDevice[];
}

/** The device of a map that a model belongs to. */
export function ownerOf(map: SunspecMap, model: FoundModel): SubDevice {
  return map.devices.findLast(({ address }) => address <= model.address) ?? map;
}

/** Where the marker "SunS" may lie, most common first (SunSpec Device Information Model, 6.3). */
const BASES = [40000, 0, 50000] as const;
const MARKER = [0x5375, 0x6e53] as const;
const MODELS_MAX = 100;

/** A SunSpec string: two characters a register, ended by NUL or spaces. */
export function textOf(words: readonly number[]): string {
  const bytes = Buffer.alloc(words.length * 2);
  for (const [index, word] of words.entries()) bytes.writeUInt16BE(word, index * 2);
  const end = bytes.indexOf(0);
  return bytes
    .subarray(0, end < 0 ? bytes.length : end)
    .toString('latin1')
    .trim();
}

/** True for the exceptions that mean "there is nothing here": 1, 2 and 3; some makers say 4, failure, of what they do not have. */
function nothingThere(error: unknown): boolean {
  return error instanceof ModbusException && error.exceptionCode <= 4;
}

/**
 * Walks the SunSpec map. Exception 2 in place of the end marker ends it too. Throws CommonwattError `not-found` when no base holds
 * the marker; connection errors pass through.
 */
export async function discoverSunspec(read: ReadHolding): Promise<SunspecMap> {
  for (const base of BASES) {
    const words = await read(base, 2).catch((error: unknown) => {
      if (nothingThere(error)) return undefined;
      throw error;
    });
    if (words?.[0] !== MARKER[0] || words[1] !== MARKER[1]) continue;
    const models = await walk(read, base + 2);
    const devices: SubDevice[] = [];
    for (const found of models.filter(({ model }) => model === 1)) devices.push(await identity(read, found));
    const first = devices[0] ?? { address: base, maker: '', device: '', version: '', serial: '' };
    return { ...first, base, models, devices };
  }
  throw new CommonwattError('not-found', `no SunSpec marker at ${BASES.join(', ')}`, {
    remedy: 'check the unit id, or name a device profile',
  });
}

/** What a common block says (SunSpec model 1). */
async function identity(read: ReadHolding, { address, length }: FoundModel): Promise<SubDevice> {
  const words = await read(address, Math.min(length + 2, 66));
  return {
    address,
    maker: textOf(words.slice(2, 18)),
    device: textOf(words.slice(18, 34)),
    version: textOf(words.slice(42, 50)),
    serial: textOf(words.slice(50, 66)),
  };
}

async function walk(read: ReadHolding, start: number): Promise<readonly FoundModel[]> {
  const models: FoundModel[] = [];
  let address = start;
  while (models.length < MODELS_MAX && address + 1 <= 0xffff) {
    const header = await read(address, 2).catch((error: unknown) => {
      if (nothingThere(error)) return undefined;
      throw error;
    });
    const [model, length] = header ?? [];
    if (model === undefined || length === undefined || model === 0xffff || model === 0) break;
    models.push({ model, address, length });
    address += length + 2;
  }
  return models;
}
