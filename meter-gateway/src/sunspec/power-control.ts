import { CommonwattError } from '@commonwatt/domain';
import type { BatteryControl } from '../device.ts';
import { toWords } from '../modbus/profile-control.ts';
import { readRaw } from '../profile/decode.ts';
import { applyScale, scaleFactor } from './decode.ts';
import type { FoundModel } from './discover.ts';
import type { HoldingRegisters } from './storage-control.ts';

// Offsets in model 704 from its id register.
const ENABLE = 22;
const MODE = 23;
const SET_W = 24;
const ENABLE_AFTER_REVERSION = 30;
const REVERSION_S = 31;
const SF_SET = 55;
const WATTS = 1;

/**
 * Battery control through SunSpec model 704, set active power in watts, positive on injection (discharge). After WSetRvrtTms without a
 * refresh the device applies WSetEnaRvrt = 0: the function is off, the battery back in its own mode. Enabling comes last.
 */
export function activePowerControl(found: FoundModel, registers: HoldingRegisters): BatteryControl {
  const at = (offset: number): number => found.address + offset;
  const look = async () => {
    const words = await registers.read(at(ENABLE), SF_SET - ENABLE + 1);
    const image = (address: number): number | undefined => words[address - at(ENABLE)];
    const exponent = scaleFactor(image, at(SF_SET)) ?? 0;
    if (Number.isNaN(exponent))
      throw new CommonwattError('unavailable', 'model 704 has no usable scale factor');
    const raw = readRaw(image, at(SET_W), 'i32', 'high-first')?.value ?? 0;
    return { exponent, raw, enabled: image(at(ENABLE)), mode: image(at(MODE)) };
  };
  return {
    reverts: true,
    async force(powerW, reversionMs) {
      const { exponent } = await look();
      const raw = Math.trunc(applyScale(powerW, -exponent) + Math.sign(powerW) * 1e-9);
      await registers.write(at(SET_W), toWords(raw, 'i32', 'high-first'));
      await registers.write(at(MODE), [WATTS]);
      await registers.write(at(ENABLE_AFTER_REVERSION), [0]);
      const seconds = Math.max(1, Math.ceil(reversionMs / 1000));
      await registers.write(at(REVERSION_S), toWords(seconds, 'u32', 'high-first'));
      await registers.write(at(ENABLE), [1]);
      const back = await look();
      return {
        writtenW: Math.round(applyScale(raw, exponent)),
        readBackW: back.enabled === 1 ? Math.round(applyScale(back.raw, back.exponent)) : null,
        holds: back.enabled === 1 && back.mode === WATTS && back.raw === raw && back.exponent === exponent,
      };
    },
    async release() {
      await registers.write(at(ENABLE), [0]);
      await registers.write(at(SET_W), [0, 0]);
      const { enabled } = await look();
      if (enabled !== 0)
        throw new CommonwattError('unavailable', `model 704 keeps WSetEna ${enabled} on release`);
    },
  };
}
