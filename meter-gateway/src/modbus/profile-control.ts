import { CommonwattError } from '@commonwatt/domain';
import { pause } from '../deadline.ts';
import type { BatteryControl } from '../device.ts';
import type {
  ControlProfile,
  ControlValue,
  ControlWrite,
  ModbusProfile,
  WordOrder,
} from '../profile/types.ts';
import { WORDS } from '../profile/decode.ts';
import { ModbusException, type ModbusBus } from './bus.ts';

/** The words of a number, as the device stores it. Integers are rounded towards zero and kept inside their type. */
export function toWords(value: number, type: ControlWrite['type'], order: WordOrder): number[] {
  const bytes = Buffer.alloc(WORDS[type] * 2);
  const whole = Math.trunc(value);
  const clamp = (min: number, max: number): number => Math.min(max, Math.max(min, whole));
  if (type === 'f32') bytes.writeFloatBE(value);
  else if (type === 'i16') bytes.writeInt16BE(clamp(-0x8000, 0x7fff));
  else if (type === 'u16') bytes.writeUInt16BE(clamp(0, 0xffff));
  else if (type === 'i32') bytes.writeInt32BE(clamp(-0x8000_0000, 0x7fff_ffff));
  else if (type === 'u32') bytes.writeUInt32BE(clamp(0, 0xffff_ffff));
  else bytes.writeBigInt64BE(BigInt(whole));
  const words: number[] = [];
  for (let index = 0; index < bytes.length; index += 2) words.push(bytes.readUInt16BE(index));
  return order === 'high-first' ? words : words.toReversed();
}

/** What a symbolic control value is for a setpoint (W, positive discharges) and a reversion time. */
export function controlValue(name: ControlValue, powerW: number, reversionMs: number): number {
  switch (name) {
    case 'charge-w':
      return Math.max(0, -powerW);
    case 'discharge-w':
      return Math.max(0, powerW);
    case 'power-w':
      return powerW;
    case 'negative-power-w':
      return -powerW;
    case 'timeout-s':
      return Math.max(1, Math.ceil(reversionMs / 1000));
    case 'timeout-min':
      return Math.max(1, Math.ceil(reversionMs / 60_000));
  }
}

/** Modbus exceptions 5, "acknowledge", and 6, "server device busy" (Modbus Application Protocol 1.1b3, section 7). */
const ACKNOWLEDGE = 5;
const BUSY = 6;
const TRIES = 4;
const PAUSE_MS = 150;

const exceptionOf = (error: unknown): number | undefined =>
  error instanceof ModbusException ? error.exceptionCode : undefined;

/** Writes some registers; a device that is busy is asked again, one that acknowledges and works on has taken it. */
async function write(
  bus: ModbusBus,
  unitId: number,
  writeFunction: 6 | 16,
  address: number,
  words: readonly number[],
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await bus.write(unitId, writeFunction, address, words);
      return;
    } catch (error) {
      const code = exceptionOf(error);
      if (code === ACKNOWLEDGE) return;
      if (code !== BUSY || tried >= TRIES) throw error;
      await pause(PAUSE_MS);
    }
  }
}

/** True when the registers hold the words; makers take a moment until what was written can be read. */
async function shows(
  bus: ModbusBus,
  unitId: number,
  address: number,
  words: readonly number[],
): Promise<boolean> {
  for (let tried = 1; ; tried += 1) {
    const back = await bus.read(unitId, 3, address, words.length).catch((error: unknown) => {
      if (exceptionOf(error) !== BUSY) throw error;
      return [];
    });
    if (words.every((word, index) => word === back[index])) return true;
    if (tried >= TRIES) return false;
    await pause(PAUSE_MS);
  }
}

/** Battery control by a profile's lists of writes. Every word written is read back with function 3. */
export function profileControl(
  profile: ModbusProfile,
  control: ControlProfile,
  bus: ModbusBus,
  unitId: number,
): BatteryControl {
  const writeAll = async (
    writes: readonly ControlWrite[],
    powerW: number,
    reversionMs: number,
  ): Promise<boolean> => {
    let holds = true;
    for (const { address, type, value, scale = 1 } of writes) {
      const asked = typeof value === 'number' ? value : controlValue(value, powerW, reversionMs);
      const words = toWords(asked / scale, type, profile.wordOrder);
      await write(bus, unitId, control.writeFunction, address, words);
      // A running timer may already have counted down when it is read back.
      const isTimer = value === 'timeout-s' || value === 'timeout-min';
      if (!isTimer && !(await shows(bus, unitId, address, words))) holds = false;
    }
    return holds;
  };
  return {
    reverts: control.reverts,
    async force(powerW, reversionMs) {
      const holds = await writeAll(powerW < 0 ? control.charge : control.discharge, powerW, reversionMs);
      return { writtenW: powerW, readBackW: holds ? powerW : null, holds };
    },
    async release() {
      if (await writeAll(control.release, 0, 0)) return;
      throw new CommonwattError('unavailable', `${profile.name} does not keep what releases it`);
    },
  };
}
