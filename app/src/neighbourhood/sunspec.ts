import { SOC_MIN_PERMILLE } from './battery.ts';
import type { SunSpecControl } from './control.ts';
import { ratedW, type HomeView } from './home.ts';
import { meterView } from './meters.ts';
import { Registers } from './registers.ts';
import type { BatterySpec } from './spec.ts';

/*
 * SunSpec register maps (sunspec/models). Offsets count from a model's id register.
 * What these devices do not measure holds the "not implemented" value of its type.
 */
export const SUNSPEC_BASE = 40_000;
const COMMON = SUNSPEC_BASE + 2;
const COMMON_LENGTH = 66;
const FIRST = COMMON + 2 + COMMON_LENGTH;

const NOT_I16 = 0x8000;
const NOT_U16 = 0xffff;

/** Lengths without the two registers of id and length. */
const LENGTH = { 103: 50, 122: 44, 124: 24, 802: 62, 203: 105 } as const;

/** Where each model of a battery starts. */
export const BATTERY_MODEL = {
  124: FIRST,
  802: FIRST + 2 + LENGTH[124],
  203: FIRST + 2 + LENGTH[124] + 2 + LENGTH[802],
} as const;

/** Inverter: models 1, 103 and, for its clock, 122. Energy WH is what the roof has produced. */
export function sunSpecInverter(view: HomeView, serial: string, peakW: number, seed: number): Registers {
  const status = FIRST + 2 + LENGTH[103];
  const registers = new Registers(SUNSPEC_BASE, status + 2 + LENGTH[122] + 2 - SUNSPEC_BASE);
  common(registers, 'Commonwatt', 'Roof inverter', serial);
  const m = FIRST;
  header(registers, m, 103, LENGTH[103], NOT_U16);
  const scale = peakW > 30_000 ? 1 : 0;
  const volts = meterView({ ...view, gridW: 0 }, seed).voltageV;
  const amps = view.pvW / 3 / 230;
  registers.u16(m + 2, amps * 3 * 100);
  for (let phase = 0; phase < 3; phase++) {
    registers.u16(m + 3 + phase, amps * 100);
    registers.u16(m + 10 + phase, (volts[phase] ?? 0) * 10);
  }
  scaleFactor(registers, m + 6, -2);
  scaleFactor(registers, m + 13, -1);
  registers.i16(m + 14, view.pvW / 10 ** scale);
  scaleFactor(registers, m + 15, scale);
  registers.u16(m + 16, 5000);
  scaleFactor(registers, m + 17, -2);
  for (const offset of [18, 19, 20, 21, 22, 23, 28, 30, 31, 32, 34, 35, 36])
    registers.u16(m + offset, NOT_I16);
  registers.u32(m + 24, view.pvWh % 2 ** 32);
  scaleFactor(registers, m + 26, 0);
  registers.i16(m + 33, 20 + Math.round((30 * view.pvW) / Math.max(1, peakW)));
  scaleFactor(registers, m + 37, 0);
  registers.u16(m + 38, view.pvW > 0 ? 4 : 2); // MPPT or sleeping
  registers.u32(m + 40, 0);
  measurementStatus(registers, status, view);
  end(registers, status + 2 + LENGTH[122]);
  return registers;
}

/** Model 122: connected, producing, and the time in seconds since 2000. */
function measurementStatus(registers: Registers, m: number, view: HomeView): void {
  header(registers, m, 122, LENGTH[122], 0);
  registers.u16(m + 2, 1 | (view.pvW > 0 ? 4 : 0)); // connected, operating
  for (const offset of [29, 30, 32, 45]) registers.u16(m + offset, NOT_I16);
  for (const offset of [31, 43, 44]) registers.u16(m + offset, NOT_U16);
  registers.text(m + 37, 4, 'RTC');
  registers.u32(m + 41, (view.atMs - Date.UTC(2000, 0, 1)) / 1000);
}

/**
 * Battery: models 1, 124 (control), 802 (state) and 203 (its own meter: export = discharged into the home, import = charged).
 * Power: 802 W positive on discharge; 203 W positive on import, that is on charging.
 */
export function sunSpecBattery(
  view: HomeView,
  control: SunSpecControl,
  battery: BatterySpec,
  serial: string,
  seed: number,
): Registers {
  const registers = new Registers(SUNSPEC_BASE, BATTERY_MODEL[203] + 2 + LENGTH[203] + 2 - SUNSPEC_BASE);
  common(registers, 'Commonwatt', 'Home battery', serial);
  storage(registers, BATTERY_MODEL[124], view, control, battery);
  bank(registers, BATTERY_MODEL[802], view, control, battery);
  subMeter(registers, BATTERY_MODEL[203], view, seed);
  end(registers, BATTERY_MODEL[203] + 2 + LENGTH[203]);
  return registers;
}

function storage(
  registers: Registers,
  m: number,
  view: HomeView,
  control: SunSpecControl,
  battery: BatterySpec,
): void {
  header(registers, m, 124, LENGTH[124], NOT_U16);
  const scale = scaleFor(ratedW(battery));
  registers.u16(m + 2, ratedW(battery) / 10 ** scale);
  registers.u16(m + 3, 100); // the whole range in a second
  registers.u16(m + 4, 100);
  registers.u16(m + 5, control.storCtlMod);
  registers.u16(m + 7, control.minRsvPct);
  registers.u16(m + 8, view.socPermille * 10);
  registers.u16(m + 11, chargeState(view));
  registers.i16(m + 12, control.outWRte);
  registers.i16(m + 13, control.inWRte);
  registers.u16(m + 14, control.winTms);
  registers.u16(m + 15, control.rvrtTms);
  registers.u16(m + 16, control.rmpTms);
  registers.u16(m + 17, control.chaGriSet);
  scaleFactor(registers, m + 18, scale);
  scaleFactor(registers, m + 19, 0);
  for (const offset of [20, 23, 24]) registers.u16(m + offset, NOT_I16);
  scaleFactor(registers, m + 21, -2);
  scaleFactor(registers, m + 22, -2);
  scaleFactor(registers, m + 25, -2);
}

function bank(
  registers: Registers,
  m: number,
  view: HomeView,
  control: SunSpecControl,
  battery: BatterySpec,
): void {
  header(registers, m, 802, LENGTH[802], NOT_U16);
  const energyScale = scaleFor(battery.capacityWh);
  const powerScale = scaleFor(ratedW(battery));
  const bankV = 48;
  registers.u16(m + 2, battery.capacityWh / bankV);
  registers.u16(m + 3, battery.capacityWh / 10 ** energyScale);
  registers.u16(m + 4, battery.chargeMaxW / 10 ** powerScale);
  registers.u16(m + 5, battery.dischargeMaxW / 10 ** powerScale);
  registers.u16(m + 7, 1000);
  registers.u16(m + 8, SOC_MIN_PERMILLE);
  registers.u16(m + 11, view.socPermille);
  registers.u16(m + 16, chargeState(view));
  registers.u16(m + 17, 0); // remote
  registers.u16(m + 18, Math.floor(view.atMs / 1000) % 0x8000);
  registers.u16(m + 19, control.ctrlHb);
  registers.u16(m + 20, 0);
  registers.u16(m + 21, 4); // lithium ion
  registers.u16(m + 22, 3); // connected
  for (const offset of [26, 28, 30, 32]) registers.u32(m + offset, 0);
  registers.u16(m + 34, bankV * 10);
  registers.i16(m + 44, (view.batteryW / bankV) * 10);
  registers.u16(m + 45, (battery.chargeMaxW / bankV) * 10);
  registers.u16(m + 46, (battery.dischargeMaxW / bankV) * 10);
  const scale = scaleFor(ratedW(battery), 0x7fff);
  registers.i16(m + 47, view.batteryW / 10 ** scale);
  registers.u16(m + 49, NOT_I16);
  registers.u16(m + 50, 1);
  registers.u16(m + 51, 3);
  scaleFactor(registers, m + 52, 0);
  scaleFactor(registers, m + 53, energyScale);
  scaleFactor(registers, m + 54, powerScale);
  for (const offset of [55, 57, 58]) registers.u16(m + offset, NOT_I16);
  scaleFactor(registers, m + 60, -3);
  scaleFactor(registers, m + 56, -1);
  scaleFactor(registers, m + 59, -1);
  scaleFactor(registers, m + 61, -1);
  scaleFactor(registers, m + 62, -1);
  scaleFactor(registers, m + 63, scale);
}

function subMeter(registers: Registers, m: number, view: HomeView, seed: number): void {
  header(registers, m, 203, LENGTH[203], NOT_I16);
  const meter = meterView({ ...view, gridW: -view.batteryW }, seed);
  const total = meter.currentA[0] + meter.currentA[1] + meter.currentA[2];
  registers.i16(m + 2, total * 10);
  registers.i16(m + 7, ((meter.voltageV[0] + meter.voltageV[1] + meter.voltageV[2]) / 3) * 10);
  for (let phase = 0; phase < 3; phase++) {
    registers.i16(m + 3 + phase, (meter.currentA[phase] ?? 0) * 10);
    registers.i16(m + 8 + phase, (meter.voltageV[phase] ?? 0) * 10);
    registers.i16(m + 19 + phase, meter.powerW[phase] ?? 0);
  }
  for (let offset = 11; offset <= 14; offset++) {
    registers.i16(m + offset, (meter.voltageV[0] ?? 0) * Math.sqrt(3) * 10);
  }
  scaleFactor(registers, m + 6, -1);
  scaleFactor(registers, m + 15, -1);
  registers.i16(m + 16, meter.hz * 100);
  scaleFactor(registers, m + 17, -2);
  registers.i16(m + 18, meter.totalW);
  scaleFactor(registers, m + 22, 0);
  registers.u32(m + 38, view.dischargedWh % 2 ** 32);
  for (const offset of [40, 42, 44]) registers.u32(m + offset, 0); // accumulators: 0 = not implemented
  registers.u32(m + 46, view.chargedWh % 2 ** 32);
  for (const offset of [48, 50, 52]) registers.u32(m + offset, 0);
  scaleFactor(registers, m + 54, 0);
  for (let offset = 55; offset <= 69; offset += 2) registers.u32(m + offset, 0);
  for (let offset = 72; offset <= 102; offset += 2) registers.u32(m + offset, 0);
  registers.u32(m + 105, 0);
}

/** Charging state as 124 and 802 number it: 2 empty, 3 discharging, 4 charging, 5 full, 6 holding. */
function chargeState(view: HomeView): number {
  if (view.batteryW > 0) return 3;
  if (view.batteryW < 0) return 4;
  return view.socPermille >= 1000 ? 5 : view.socPermille <= SOC_MIN_PERMILLE ? 2 : 6;
}

function common(registers: Registers, maker: string, model: string, serial: string): void {
  registers.text(SUNSPEC_BASE, 2, 'SunS');
  header(registers, COMMON, 1, COMMON_LENGTH, 0);
  registers.text(COMMON + 2, 16, maker);
  registers.text(COMMON + 18, 16, model);
  registers.text(COMMON + 42, 8, '1.0');
  registers.text(COMMON + 50, 16, serial);
  registers.u16(COMMON + 66, 1);
  registers.u16(COMMON + 67, NOT_I16);
}

function header(registers: Registers, at: number, id: number, length: number, fill: number): void {
  registers.u16(at, id);
  registers.u16(at + 1, length);
  for (let offset = 2; offset < length + 2; offset++) registers.u16(at + offset, fill);
}

function end(registers: Registers, at: number): void {
  registers.u16(at, 0xffff);
  registers.u16(at + 1, 0);
}

/** The power of ten that makes a value fit its register. */
function scaleFor(value: number, most = 0xfffe): number {
  let scale = 0;
  while (value / 10 ** scale > most) scale++;
  return scale;
}

function scaleFactor(registers: Registers, address: number, exponent: number): void {
  registers.i16(address, exponent);
}
