import type { DeviceRole } from './config.ts';
import type { DeviceSample } from './quantity.ts';

/** How long a device has been saying the same, with the same time beside it. Times in ms: the device's own, and ours. */
export interface Standing {
  readonly deviceTimeMs: number;
  readonly values: string;
  readonly sinceMs: number;
  /** The device once gave a new time for the same values: it stamps every look, and a time that stands still means that nobody looks. */
  readonly stamps: boolean;
}

/** Takes one more sample. Undefined for a device that tells no time. */
export function observe(
  before: Standing | undefined,
  sample: DeviceSample,
  nowMs: number,
): Standing | undefined {
  const { deviceTimeMs } = sample;
  if (deviceTimeMs === undefined) return undefined;
  const values = JSON.stringify(sample.values);
  if (!before) return { deviceTimeMs, values, sinceMs: nowMs, stamps: false };
  const moved = deviceTimeMs !== before.deviceTimeMs;
  const same = values === before.values;
  return {
    deviceTimeMs,
    values,
    sinceMs: moved || !same || nowMs < before.sinceMs ? nowMs : before.sinceMs,
    stamps: before.stamps || (moved && same),
  };
}

/**
 * True when a server answers but what stands behind it does not: values and time have stood still for longer than `limitMs`. A home's grid
 * is never that quiet; a roof at night and a resting battery are, so they count only where every look is stamped.
 */
export function standsStill(
  standing: Standing | undefined,
  role: DeviceRole,
  nowMs: number,
  limitMs: number,
): boolean {
  if (!standing || nowMs - standing.sinceMs <= limitMs) return false;
  return role === 'grid-meter' || standing.stamps;
}
