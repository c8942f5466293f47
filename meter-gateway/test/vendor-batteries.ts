import type { Clock } from '@commonwatt/domain';
import type { FakeModbus, FakeRequest } from './fake-modbus.ts';

/**
 * Batteries that behave as their makers' do: what may be written and what not, what a mode needs to take effect, how long it lasts.
 * Powers in W, positive on discharge. Behaviour as in the sources that the profiles name.
 */
export interface VendorBattery {
  readonly profile: string;
  /** What it does now. */
  powerW(): number;
  /** True while a command of somebody else's is in force. */
  forced(): boolean;
  /** True when it falls back by itself. */
  readonly reverts: boolean;
  /** Acknowledges and stores everything, and does nothing. */
  lazy: boolean;
  /** Answers the next so many writes with this exception. */
  busy: { left: number; code: number };
  /** Registers that were written, in order. */
  readonly written: number[];
}

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;
const RATED_W = 5000;

interface Parts {
  readonly profile: string;
  readonly reverts: boolean;
  /** Registers that may be written, with the largest value that is taken (first word for 32 bits). */
  readonly writable: (address: number, words: readonly number[]) => boolean;
  readonly legal: (address: number, words: readonly number[]) => boolean;
  readonly readFunctions: (address: number) => readonly number[];
  readonly forced: () => boolean;
  readonly powerW: () => number;
  readonly onWrite: (address: number) => void;
  /** Puts what it measures into its registers. */
  readonly show: (powerW: number) => void;
}

function build(fake: FakeModbus, parts: Parts): VendorBattery {
  const battery: VendorBattery = {
    profile: parts.profile,
    reverts: parts.reverts,
    lazy: false,
    busy: { left: 0, code: 6 },
    written: [],
    forced: parts.forced,
    powerW: () => (parts.forced() && !battery.lazy ? parts.powerW() : 0),
  };
  fake.refuse = ({ code, address, words }: FakeRequest): number => {
    if (code === 3 || code === 4) return parts.readFunctions(address).includes(code) ? 0 : ILLEGAL_FUNCTION;
    if (battery.busy.left > 0) {
      battery.busy.left -= 1;
      return battery.busy.code;
    }
    if (!parts.writable(address, words)) return ILLEGAL_ADDRESS;
    return parts.legal(address, words) ? 0 : ILLEGAL_VALUE;
  };
  fake.onWrite = (address) => {
    battery.written.push(address);
    parts.onWrite(address);
  };
  fake.onRequest = () => parts.show(battery.powerW());
  return battery;
}

const i32 = (value: number): number[] => {
  const bits = Math.round(value) >>> 0;
  return [bits >>> 16, bits & 0xffff];
};

/** SolarEdge StorEdge: low word first; listens to the command mode only under remote control; one client; falls back after E00B seconds. */
export function solaredgeBattery(fake: FakeModbus, clock: Clock): VendorBattery {
  const CONTROL = 0xe004;
  const DEFAULT_MODE = 0xe00a;
  const TIMEOUT = 0xe00b;
  const MODE = 0xe00d;
  const CHARGE = 0xe00e;
  const DISCHARGE = 0xe010;
  const get = (address: number): number => fake.registers.get(address) ?? 0;
  const float = (address: number): number => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt16BE(get(address + 1), 0);
    bytes.writeUInt16BE(get(address), 2);
    return bytes.readFloatBE();
  };
  const setFloat = (address: number, value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatBE(value);
    fake.set(address, [bytes.readUInt16BE(2), bytes.readUInt16BE(0)]);
  };
  for (let address = 0xe000; address <= 0xe190; address += 1) fake.registers.set(address, 0);
  fake.set(CONTROL, [1]);
  fake.set(DEFAULT_MODE, [7]);
  fake.set(MODE, [7]);
  fake.set(TIMEOUT, [3600, 0]);
  setFloat(CHARGE, RATED_W);
  setFloat(DISCHARGE, RATED_W);
  setFloat(0xe184, 50);
  fake.clientsMax = 1;
  let commandedAtMs = -Infinity;
  const mode = (): number => {
    if (get(CONTROL) !== 4) return 7;
    const timeoutMs = (get(TIMEOUT) + get(TIMEOUT + 1) * 65_536) * 1000;
    return clock.nowMs() - commandedAtMs < timeoutMs ? get(MODE) : get(DEFAULT_MODE);
  };
  return build(fake, {
    profile: 'solaredge-storedge',
    reverts: true,
    readFunctions: () => [3],
    writable: (address) => [CONTROL, DEFAULT_MODE, TIMEOUT, MODE, CHARGE, DISCHARGE].includes(address),
    legal: (address, words) => {
      if (address === CONTROL) return (words[0] ?? 99) <= 4;
      if (address === MODE || address === DEFAULT_MODE) return [0, 1, 2, 3, 4, 5, 7].includes(words[0] ?? 99);
      if (address === TIMEOUT) return words.length === 2;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt16BE(words[1] ?? 0, 0);
      bytes.writeUInt16BE(words[0] ?? 0, 2);
      return bytes.readFloatBE() >= 0 && bytes.readFloatBE() <= RATED_W;
    },
    forced: () => mode() === 3 || mode() === 4,
    powerW: () => (mode() === 3 ? -float(CHARGE) : float(DISCHARGE)),
    onWrite: () => {
      commandedAtMs = clock.nowMs();
    },
    show: (powerW) => setFloat(0xe174, -powerW),
  });
}

/** Huawei LUNA2000: forced for whole minutes, then stops by itself; charges from the grid only where that is allowed. */
export function huaweiBattery(fake: FakeModbus, clock: Clock): VendorBattery {
  const FORCE = 47_100;
  const PERIOD_MIN = 47_083;
  const BY = 47_246;
  const CHARGE = 47_247;
  const DISCHARGE = 47_249;
  const GRID_CHARGE = 47_087;
  const get = (address: number): number => fake.registers.get(address) ?? 0;
  const long = (address: number): number => get(address) * 65_536 + get(address + 1);
  for (let address = 37_000; address <= 37_800; address += 1) fake.registers.set(address, 0);
  for (let address = 47_075; address <= 47_260; address += 1) fake.registers.set(address, 0);
  fake.set(37_046, [...i32(RATED_W), ...i32(RATED_W)]);
  fake.set(37_760, [500]);
  let endsAtMs = -Infinity;
  const force = (): number => {
    if (clock.nowMs() >= endsAtMs) fake.set(FORCE, [0]);
    return get(FORCE);
  };
  return build(fake, {
    profile: 'huawei-luna2000',
    reverts: true,
    readFunctions: () => [3],
    writable: (address) => [FORCE, PERIOD_MIN, BY, CHARGE, DISCHARGE, GRID_CHARGE].includes(address),
    legal: (address, words) => {
      const value = words.length === 2 ? (words[0] ?? 0) * 65_536 + (words[1] ?? 0) : (words[0] ?? 0);
      if (address === FORCE) return value <= 2;
      if (address === PERIOD_MIN) return value >= 1 && value <= 1440;
      if (address === BY || address === GRID_CHARGE) return value <= 1;
      return words.length === 2 && value <= RATED_W;
    },
    forced: () => force() !== 0,
    powerW: () => {
      if (force() === 2) return long(DISCHARGE);
      return get(GRID_CHARGE) === 1 ? -long(CHARGE) : 0;
    },
    onWrite: (address) => {
      if (address === FORCE)
        endsAtMs = get(FORCE) === 0 ? -Infinity : clock.nowMs() + get(PERIOD_MIN) * 60_000;
    },
    show: (powerW) => {
      force();
      fake.set(37_765, i32(-powerW));
    },
  });
}

/** Sungrow SH: no timer; measures in input registers, takes commands in holding registers; the size of the power has no sign. */
export function sungrowBattery(fake: FakeModbus, _clock: Clock): VendorBattery {
  const EMS = 13_049;
  const COMMAND = 13_050;
  const POWER = 13_051;
  const get = (address: number): number => fake.registers.get(address) ?? 0;
  for (let address = 13_000; address <= 13_060; address += 1) fake.registers.set(address, 0);
  fake.set(COMMAND, [0xcc]);
  fake.set(13_022, [500]);
  return build(fake, {
    profile: 'sungrow-sh',
    reverts: false,
    readFunctions: (address) => (address >= EMS ? [3] : [4]),
    writable: (address) => [EMS, COMMAND, POWER].includes(address),
    legal: (address, words) => {
      const value = words[0] ?? 0;
      if (address === EMS) return [0, 2, 3, 4].includes(value);
      if (address === COMMAND) return [0xaa, 0xbb, 0xcc].includes(value);
      return value <= RATED_W;
    },
    forced: () => get(EMS) === 2 && get(COMMAND) !== 0xcc,
    powerW: () => (get(COMMAND) === 0xaa ? -get(POWER) : get(POWER)),
    onWrite: () => {},
    show: (powerW) => {
      fake.set(13_000, [powerW < 0 ? 0x02 : powerW > 0 ? 0x04 : 0]);
      fake.set(13_021, [Math.abs(powerW)]);
    },
  });
}

export const VENDORS = { solaredge: solaredgeBattery, huawei: huaweiBattery, sungrow: sungrowBattery };
