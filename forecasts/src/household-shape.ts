/** Mean power of a household that we know nothing of: 3,650 kWh a year, a European home of two or three people. */
export const TYPICAL_LOAD_W = 417;

/** Power by the local hour relative to its daily mean: night valley, breakfast, noon, evening peak (as in VDEW's profile H0). */
const BY_HOUR = [
  0.62, 0.5, 0.45, 0.43, 0.44, 0.52, 0.78, 1.02, 1.08, 1.06, 1.04, 1.1, 1.2, 1.1, 0.98, 0.94, 1.0, 1.2, 1.5,
  1.68, 1.62, 1.44, 1.2, 0.86,
] as const;

/** Relative power of a standard household at a local time of day, 0.4 to 1.7, mean about 1. */
export function householdShape(minuteOfDay: number): number {
  const hours = (((minuteOfDay - 30 + 1440) % 1440) + 1440) % 1440;
  const before = Math.floor(hours / 60);
  const share = hours / 60 - before;
  const a = BY_HOUR[before % 24] ?? 1;
  const b = BY_HOUR[(before + 1) % 24] ?? 1;
  return a + (b - a) * share;
}
