import type { BatteryControl, SunSpecControl } from './control.ts';
import { BATTERY_MODEL } from './sunspec.ts';

/** Modbus exception 2: no such register, or not writable; 3: a value it cannot take. */
export type WriteResult = { readonly control: SunSpecControl } | { readonly exception: 2 | 3 };

/** A write to consecutive registers of the battery: all of it or nothing. */
export function writeSunSpec(
  control: BatteryControl | null,
  address: number,
  values: readonly number[],
): WriteResult {
  if (control?.kind !== 'sunspec') return { exception: 2 };
  const next: { -readonly [K in keyof SunSpecControl]: SunSpecControl[K] } = { ...control };
  for (const [index, value] of values.entries()) {
    const field = WRITABLE.get(address + index);
    if (!field) return { exception: 2 };
    const signed = field.low < 0 && value > 0x7fff ? value - 0x10000 : value;
    if (signed < field.low || signed > field.high) return { exception: 3 };
    next[field.name] = signed;
  }
  return { control: next };
}

interface Field {
  readonly name: Exclude<keyof SunSpecControl, 'kind'>;
  readonly low: number;
  readonly high: number;
}

const WRITABLE: ReadonlyMap<number, Field> = new Map(
  (
    [
      [BATTERY_MODEL[124] + 5, 'storCtlMod', 0, 3],
      [BATTERY_MODEL[124] + 7, 'minRsvPct', 0, 10_000],
      [BATTERY_MODEL[124] + 12, 'outWRte', -10_000, 10_000],
      [BATTERY_MODEL[124] + 13, 'inWRte', -10_000, 10_000],
      [BATTERY_MODEL[124] + 14, 'winTms', 0, 0xffff],
      [BATTERY_MODEL[124] + 15, 'rvrtTms', 0, 0xffff],
      [BATTERY_MODEL[124] + 16, 'rmpTms', 0, 0xffff],
      [BATTERY_MODEL[124] + 17, 'chaGriSet', 0, 1],
      [BATTERY_MODEL[802] + 19, 'ctrlHb', 0, 0xffff],
    ] as const
  ).map(([address, name, low, high]) => [address, { name, low, high }]),
);
