import type { QualityFlag, Reading } from '@commonwatt/domain';
import type { Poller } from './poller.ts';

/** True while a device's last good values are young enough. A minute into the future is forgiven: clocks step. */
export function isFresh({ goodAtMs }: Poller, nowMs: number, staleAfterMs: number): boolean {
  return goodAtMs !== null && nowMs - goodAtMs <= staleAfterMs && nowMs >= goodAtMs - 60_000;
}

function total(pollers: readonly Poller[], name: string): number | undefined {
  const values = pollers.map(({ counters }) => counters.points.at(-1)?.totalsWh[name]);
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

/** What the home's devices say together. Fields of stale devices are left out and the reading is marked. Power in whole W. */
export function combineReading(
  atMs: number,
  pollers: readonly Poller[],
  fresh: (poller: Poller) => boolean,
): Reading {
  const flags = new Set<QualityFlag>();
  for (const poller of pollers) {
    if (!fresh(poller)) flags.add(poller.role === 'grid-meter' ? 'stale' : 'partial');
    if (poller.nonsense) flags.add('nonsense');
  }
  const good = pollers.filter(fresh);
  const meter = good.find(({ role }) => role === 'grid-meter');
  const bank = good.find(({ role }) => role === 'battery');
  const pv = good.filter(({ role }) => role === 'pv');
  const pvPowers = pv.map(({ values }) => values.powerW).filter((value) => value !== undefined);
  const rounded = (value: number | undefined): number | undefined =>
    value === undefined ? undefined : Math.round(value);
  const fields = {
    importWh: meter && total([meter], 'importWh'),
    exportWh: meter && total([meter], 'exportWh'),
    gridW: rounded(meter?.values.powerW),
    pvWh: total(pv, 'exportWh'),
    pvW: pvPowers.length === 0 ? undefined : Math.max(0, Math.round(pvPowers.reduce((a, b) => a + b, 0))),
    batteryW: rounded(bank?.values.powerW),
    batteryChargedWh: bank && total([bank], 'importWh'),
    batteryDischargedWh: bank && total([bank], 'exportWh'),
    stateOfChargePermille: bank?.values.stateOfChargePermille,
    voltageV: meter?.values.voltageL1V,
  };
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { atMs: Math.round(atMs), ...known, flags: [...flags].sort() };
}

/** How long the slowest device took for its last look, ms; null before the first answer. */
export function slowestMs(pollers: readonly Poller[]): number | null {
  const known = pollers.map(({ rttMs }) => rttMs).filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** Device clock less gateway clock, ms: the meter's, which the readings hang on, else the one that is off most; null without a clock. */
export function widestSkewMs(meter: Poller, pollers: readonly Poller[]): number | null {
  if (meter.skew) return meter.skew.skewMs;
  const known = pollers.flatMap(({ skew }) => skew?.skewMs ?? []);
  return known.length === 0 ? null : known.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
}
