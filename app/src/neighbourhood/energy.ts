/**
 * Energy inside the simulation is whole millijoules (1 W for 1 ms), so that counters, losses and balances are exact.
 * A safe integer holds 2,500 MWh of them. Names end in `MilliJ`.
 */
export const MILLIJ_PER_WH = 3_600_000;

/** Whole Wh that a counter of millijoules shows: cut off, as a display does, so it never runs ahead. */
export function wholeWh(energyMilliJ: number): number {
  return Math.floor(energyMilliJ / MILLIJ_PER_WH);
}

/** Mean power in whole W. */
export function meanW(energyMilliJ: number, durationMs: number): number {
  // + 0 turns -0 into 0.
  return durationMs <= 0 ? 0 : Math.round(energyMilliJ / durationMs) + 0;
}

/** Energy as it comes in intervals: whole millijoules in interval `index`, which starts at `originMs + index * intervalMs`. */
export interface EnergySeries {
  readonly originMs: number;
  readonly intervalMs: number;
  energyMilliJ(index: number): number;
}

/**
 * Energy of a series between two instants, spread evenly inside each interval.
 * Cut so that adjoining pieces add up to the interval's energy exactly, however an interval is divided.
 */
export function energyBetween(series: EnergySeries, fromMs: number, toMs: number): number {
  let total = 0;
  let atMs = fromMs;
  while (atMs < toMs) {
    const index = Math.floor((atMs - series.originMs) / series.intervalMs);
    const startMs = series.originMs + index * series.intervalMs;
    const untilMs = Math.min(toMs, startMs + series.intervalMs);
    const energy = series.energyMilliJ(index);
    total +=
      share(energy, untilMs - startMs, series.intervalMs) - share(energy, atMs - startMs, series.intervalMs);
    atMs = untilMs;
  }
  return total;
}

/** floor(energy x part / whole) without leaving the safe integers. */
function share(energy: number, part: number, whole: number): number {
  const quotient = Math.floor(energy / whole);
  return quotient * part + Math.floor(((energy - quotient * whole) * part) / whole);
}
