import type { QualityFlag } from '@commonwatt/domain';
import { reaches, valueAt, type BoundaryValue } from '../counter/boundary.ts';
import type { CounterState } from '../counter/tracker.ts';
import type { DeviceRole } from '../config.ts';

/** The counters of one device as the slot machine sees them. */
export interface SlotDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly counters: CounterState;
  /** Totals at the last closed boundary; undefined while the device was never seen. */
  readonly closedWh: Readonly<Record<string, number>> | undefined;
}

/** A slot's energy, whole Wh, unsigned; what the signed reading is made of. */
export interface SlotEnergy {
  readonly importWh: number;
  readonly exportWh: number;
  readonly importCounterWh: number;
  readonly exportCounterWh: number;
  readonly epoch: number;
  readonly pvWh: number | null;
  readonly batteryChargedWh: number | null;
  readonly batteryDischargedWh: number | null;
  readonly flags: readonly QualityFlag[];
  /** Totals at the slot's end, by device. */
  readonly closedWh: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** True when the slot that ends at the boundary can be closed: every device has counted past it, or nobody waits any longer. */
export function canClose(
  devices: readonly SlotDevice[],
  boundaryMs: number,
  waitUntilMs: number,
  nowMs: number,
): boolean {
  if (nowMs < boundaryMs) return false;
  if (devices.every(({ counters }) => reaches(counters, boundaryMs))) return true;
  return nowMs >= waitUntilMs;
}

function growth(device: SlotDevice, value: BoundaryValue | undefined, name: string): number | null {
  const total = value?.totalsWh[name];
  const from = device.closedWh?.[name];
  return total === undefined || from === undefined ? null : Math.max(0, total - from);
}

function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

/**
 * The slot that ends at the boundary. Undefined while the grid meter was never seen. `gapMaxMs`: polls farther apart than this around
 * the boundary make the value `interpolated`. A grid meter without a poll after the boundary makes it `stale`, another device `partial`:
 * its growth is not lost but counts in the slot in which it answers again.
 */
export function closeSlot(
  devices: readonly SlotDevice[],
  boundaryMs: number,
  gapMaxMs: number,
): SlotEnergy | undefined {
  const flags = new Set<QualityFlag>();
  const closedWh: Record<string, Readonly<Record<string, number>>> = {};
  const values = new Map<string, BoundaryValue | undefined>();
  for (const device of devices) {
    const value = valueAt(device.counters, boundaryMs);
    values.set(device.id, value);
    if (value) closedWh[device.id] = value.totalsWh;
    if (value?.gapMs === null || value === undefined) {
      flags.add(device.role === 'grid-meter' ? 'stale' : 'partial');
    } else if (value.gapMs > gapMaxMs) flags.add('interpolated');
  }
  const meter = devices.find(({ role }) => role === 'grid-meter');
  const atEnd = meter && values.get(meter.id);
  if (!meter || !atEnd) return undefined;
  const of = (role: DeviceRole, name: string): number | null =>
    sumOf(devices.filter((d) => d.role === role).map((d) => growth(d, values.get(d.id), name)));
  return {
    importWh: growth(meter, atEnd, 'importWh') ?? 0,
    exportWh: growth(meter, atEnd, 'exportWh') ?? 0,
    importCounterWh: atEnd.rawsWh['importWh'] ?? 0,
    exportCounterWh: atEnd.rawsWh['exportWh'] ?? 0,
    epoch: atEnd.epoch,
    pvWh: of('pv', 'exportWh'),
    batteryChargedWh: of('battery', 'importWh'),
    batteryDischargedWh: of('battery', 'exportWh'),
    flags: [...flags],
    closedWh,
  };
}
