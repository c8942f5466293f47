import type { BatteryControl } from '../device.ts';
import type {
  ControlProfile,
  ControlValue,
  ControlWrite,
  ModbusProfile,
  WordOrder,
} from '../profile/types.ts';
import { WORDS } from '../profile/decode.ts';
import type { ModbusBus } from './bus.ts';

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
    for (const write of writes) {
      const asked =
        typeof write.value === 'number' ? write.value : controlValue(write.value, powerW, reversionMs);
      const words = toWords(asked / (write.scale ?? 1), write.type, profile.wordOrder);
      await bus.write(unitId, control.writeFunction, write.address, words);
      const back = await bus.read(unitId, 3, write.address, words.length);
      // A running timer may already have counted down when it is read back.
      const isTimer = write.value === 'timeout-s' || write.value === 'timeout-min';
      if (!isTimer && words.some((word, index) => word !== back[index])) holds = false;
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
      await writeAll(control.release, 0, 0);
    },
  };
}
