import type { HomeView } from './home.ts';
import { smooth } from './random.ts';
import { Registers } from './registers.ts';

/** What a three-phase grid meter measures. Power is positive on import; energies are whole Wh. */
export interface MeterView {
  readonly voltageV: readonly [number, number, number];
  readonly currentA: readonly [number, number, number];
  readonly powerW: readonly [number, number, number];
  readonly totalW: number;
  readonly hz: number;
  readonly importWh: number;
  readonly exportWh: number;
}

/** The home's power on three phases: whole watts that add up to the total, voltages that sag a little under load. */
export function meterView(view: HomeView, seed: number): MeterView {
  const third = Math.trunc(view.gridW / 3);
  const powerW = [third, third, view.gridW - 2 * third] as const;
  const minute = view.atMs / 60_000;
  const voltage = (phase: number): number =>
    Math.round((230 + 4 * (smooth(minute / 7, seed, phase) - 0.5) - (powerW[phase] ?? 0) / 4000) * 10) / 10;
  const voltageV = [voltage(0), voltage(1), voltage(2)] as const;
  const current = (phase: 0 | 1 | 2): number => Math.abs(powerW[phase]) / voltageV[phase];
  return {
    voltageV,
    currentA: [current(0), current(1), current(2)],
    powerW,
    totalW: view.gridW,
    hz: Math.round(500 + 0.8 * (smooth(minute / 3, seed, 9) - 0.5)) / 10,
    importWh: view.importWh,
    exportWh: view.exportWh,
  };
}

/** Eastron SDM630, function 04: f32, high word first. Energies in kWh. */
export function sdm630(view: MeterView): Registers {
  const registers = new Registers(0, 0x60);
  for (let phase = 0; phase < 3; phase++) {
    registers.f32(0x00 + 2 * phase, view.voltageV[phase] ?? 0);
    registers.f32(0x06 + 2 * phase, view.currentA[phase] ?? 0);
    registers.f32(0x0c + 2 * phase, view.powerW[phase] ?? 0);
  }
  registers.f32(0x34, view.totalW);
  registers.f32(0x46, view.hz);
  registers.f32(0x48, view.importWh / 1000);
  registers.f32(0x4a, view.exportWh / 1000);
  return registers;
}

/** Carlo Gavazzi EM340, function 04: i32, low word first; V and W in tenths, A in thousandths, energies in tenths of kWh. */
export function em340(view: MeterView): Registers {
  const registers = new Registers(0, 0x60);
  for (let phase = 0; phase < 3; phase++) {
    registers.i32LowFirst(0x00 + 2 * phase, (view.voltageV[phase] ?? 0) * 10);
    registers.i32LowFirst(0x0c + 2 * phase, (view.currentA[phase] ?? 0) * 1000);
    registers.i32LowFirst(0x12 + 2 * phase, (view.powerW[phase] ?? 0) * 10);
  }
  registers.i32LowFirst(0x28, view.totalW * 10);
  registers.i16(0x33, view.hz * 10);
  registers.i32LowFirst(0x34, Math.floor(view.importWh / 100));
  registers.i32LowFirst(0x4e, Math.floor(view.exportWh / 100));
  return registers;
}

/** Schneider iEM3155, function 03: f32, high word first; kW; energies as i64 in Wh. */
export function iem3155(view: MeterView): Registers {
  const registers = new Registers(0x0bb0, 0x0c90 - 0x0bb0);
  for (let phase = 0; phase < 3; phase++) {
    registers.f32(0x0bd3 + 2 * phase, view.voltageV[phase] ?? 0);
    registers.f32(0x0bb7 + 2 * phase, view.currentA[phase] ?? 0);
    registers.f32(0x0bed + 2 * phase, (view.powerW[phase] ?? 0) / 1000);
  }
  registers.f32(0x0bf3, view.totalW / 1000);
  registers.f32(0x0c25, view.hz);
  registers.i64(0x0c83, view.importWh);
  registers.i64(0x0c87, view.exportWh);
  return registers;
}
