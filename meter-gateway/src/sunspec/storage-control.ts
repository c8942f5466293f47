import { CommonwattError } from '@commonwatt/domain';
import type { BatteryControl } from '../device.ts';
import { ModbusException } from '../modbus/bus.ts';
import { toWords } from '../modbus/profile-control.ts';
import { applyScale, scaleFactor } from './decode.ts';
import type { FoundModel } from './discover.ts';

/** The registers the control needs; function 3 and 16 of one unit. */
export interface HoldingRegisters {
  read(address: number, count: number): Promise<readonly number[]>;
  write(address: number, words: readonly number[]): Promise<void>;
}

// Offsets in model 124 from its id register.
const MAX_W = 2;
const MODE = 5;
const OUT_RATE = 12;
const REVERSION_S = 15;
const GRID_CHARGE = 17;
const SF_MAX_W = 18;
const SF_RATE = 25;
const LENGTH = 26;
const BOTH_LIMITS = 3;
const FROM_PV_ONLY = 0;
const FROM_GRID = 1;

/**
 * Battery control through SunSpec model 124. The model only limits rates; forcing uses the convention of Fronius and others that a
 * negative limit of one direction is a minimum of the other: with both limits active (StorCtl_Mod 3), discharge at P is
 * OutWRte = +P, InWRte = -P; charge at P is InWRte = +P, OutWRte = -P, in percent of WChaMax. StorCtl_Mod 0 releases.
 * InOutWRte_RvrtTms makes the device fall back by itself; it is written with every setpoint. A device whose ChaGriSet allows charging from
 * the sun alone would acknowledge a charge and do nothing at night: it is allowed the grid while it is told to charge, and no longer.
 */
export function storageControl(found: FoundModel, registers: HoldingRegisters): BatteryControl {
  const at = (offset: number): number => found.address + offset;
  const look = async () => {
    const words = await registers.read(found.address, LENGTH);
    const image = (address: number): number | undefined => words[address - found.address];
    const maxExponent = scaleFactor(image, at(SF_MAX_W)) ?? 0;
    const exponent = scaleFactor(image, at(SF_RATE)) ?? 0;
    const maxW = applyScale(words[MAX_W] ?? 0, maxExponent);
    if (!(maxW > 0) || maxW > 2_000_000 || Number.isNaN(exponent)) {
      throw new CommonwattError('unavailable', `model 124 names no usable power: WChaMax ${maxW} W`);
    }
    return { maxW, exponent, words };
  };
  const signed = (word: number | undefined): number => ((word ?? 0) << 16) >> 16;

  let gridAllowed = false;
  /** Some devices have the register and do not let it be written: then it is theirs to know. */
  const setGridCharge = async (value: number): Promise<void> => {
    await registers.write(at(GRID_CHARGE), [value]).catch((error: unknown) => {
      if (!(error instanceof ModbusException)) throw error;
    });
  };

  return {
    reverts: true,
    async force(powerW, reversionMs) {
      const { maxW, exponent, words } = await look();
      if (powerW < 0 && words[GRID_CHARGE] === FROM_PV_ONLY) {
        await setGridCharge(FROM_GRID);
        gridAllowed = true;
      }
      // Towards zero: never more than was allowed.
      const raw = Math.trunc(applyScale((powerW / maxW) * 100, -exponent) + Math.sign(powerW) * 1e-9);
      const outRate = toWords(raw, 'i16', 'high-first');
      const inRate = toWords(-raw, 'i16', 'high-first');
      const reversionS = toWords(Math.max(1, Math.ceil(reversionMs / 1000)), 'u16', 'high-first');
      await registers.write(at(OUT_RATE), [...outRate, ...inRate]);
      await registers.write(at(REVERSION_S), reversionS);
      await registers.write(at(MODE), [BOTH_LIMITS]);
      const back = await look();
      const toW = (value: number): number => Math.round((applyScale(value, back.exponent) * back.maxW) / 100);
      const readBackRaw = signed(back.words[OUT_RATE]);
      const holds = back.words[MODE] === BOTH_LIMITS && readBackRaw === raw && back.exponent === exponent;
      return {
        writtenW: Math.round((applyScale(raw, exponent) * maxW) / 100),
        readBackW: back.words[MODE] === BOTH_LIMITS ? toW(readBackRaw) : null,
        holds,
      };
    },
    async release() {
      // A mode of 0 with old rates left behind would come alive again with the next mode write: set neutral rates as well.
      await registers.write(at(MODE), [0]);
      const { exponent } = await look();
      const full = toWords(applyScale(100, -exponent), 'i16', 'high-first');
      await registers.write(at(OUT_RATE), [...full, ...full]);
      if (gridAllowed) await setGridCharge(FROM_PV_ONLY);
      gridAllowed = false;
      const [mode] = await registers.read(at(MODE), 1);
      if (mode !== 0)
        throw new CommonwattError('unavailable', `model 124 keeps StorCtl_Mod ${mode} on release`);
    },
  };
}
