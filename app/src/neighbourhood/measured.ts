import { resolve } from 'node:path';
import { CommonwattError } from '@commonwatt/domain';
import { MILLIJ_PER_WH, type EnergySeries } from './energy.ts';
import type { HomeDrive } from './home.ts';
import { localOffset } from './local-time.ts';
import { readMeasured, type MeasuredHome, type MeasuredIntervals } from './measured-files.ts';
import type { HomeSpec, NeighbourhoodSpec } from './spec.ts';
import { checkCount, checkSeed, feederOf, HOMES_MAX, USUAL_FUSE_W, wiring } from './synthetic.ts';

const MS_PER_DAY = 86_400_000;
const MS_PER_HOUR = 3_600_000;
/** Typical of home batteries; the measured data does not say. */
const ROUND_TRIP_PERMILLE = 900;
/** With fewer rows than this share of the time they span, some timestamp is wrong. */
const ROWS_SHARE_MIN = 0.1;

/**
 * A neighbourhood of measured homes, the first `homes` of the file, in the time that all of them cover.
 * Throws CommonwattError with file, line, field and remedy; `notes` counts the gaps that were filled.
 */
export async function planMeasured(options: {
  dataDir: string;
  homes?: number;
  seed: number;
}): Promise<NeighbourhoodSpec> {
  checkSeed(options.seed);
  const dataDir = resolve(options.dataDir);
  const { homes, intervals } = await readMeasured(dataDir);
  const count = options.homes ?? homes.length;
  checkCount(count, HOMES_MAX);
  if (count > homes.length) {
    throw new CommonwattError('out-of-range', `${count} homes asked, ${dataDir} has ${homes.length}`, {
      record: dataDir,
      field: 'homes',
      remedy: `ask for at most ${homes.length} homes`,
    });
  }
  const chosen = homes.slice(0, count).map((home) => ({ home, data: dataOf(home, intervals) }));
  const startMs = Math.ceil(Math.max(...chosen.map(({ data }) => data.firstMs)) / MS_PER_HOUR) * MS_PER_HOUR;
  const endMs = Math.floor(Math.min(...chosen.map(({ data }) => data.endMs)) / MS_PER_HOUR) * MS_PER_HOUR;
  if (endMs <= startMs) {
    throw new CommonwattError('malformed', `the homes of ${dataDir} have no hour in common`, {
      record: dataDir,
      rule: 'all homes of a neighbourhood are measured at the same time',
      remedy: 'ask for fewer homes, or take out those measured at another time',
    });
  }
  const timezone = homes[0]?.timezone ?? 'UTC';
  return {
    seed: options.seed,
    homes: wiring(count).map((kind, index) => measuredHome(chosen[index], kind)),
    startMs,
    endMs,
    ...placeOf(homes, timezone, startMs),
    timezone,
    feeder: feederOf(chosen.length),
    source: { dataDir },
    notes: gapNotes(chosen),
  };
}

/** Load and PV of the plan's homes, read again from its folder. */
export async function measuredDrives(spec: NeighbourhoodSpec, dataDir: string): Promise<HomeDrive[]> {
  const { homes, intervals } = await readMeasured(dataDir);
  const known = new Map(homes.map((home) => [home.id, home]));
  return spec.homes.map(({ id, pvPeakW }) => {
    const home = known.get(id);
    if (!home) {
      throw new CommonwattError('not-found', `${dataDir} no longer has the home ${id}`, {
        record: id,
        remedy: 'put the data back, or start with a new state folder',
      });
    }
    const data = dataOf(home, intervals);
    return { load: data.load, pv: pvPeakW === null ? null : data.pv };
  });
}

interface HomeData {
  readonly firstMs: number;
  readonly endMs: number;
  readonly load: EnergySeries;
  readonly pv: EnergySeries | null;
  readonly loadGaps: number;
  readonly pvGaps: number;
  readonly intervals: number;
  readonly loadMaxW: number;
  readonly pvMaxW: number;
}

function dataOf(home: MeasuredHome, all: Map<string, MeasuredIntervals>): HomeData {
  const found = all.get(home.id);
  if (!found || found.load.size === 0) {
    throw new CommonwattError('malformed', `the meters have no row for the home ${home.id}`, {
      record: home.id,
      field: 'home_id',
      remedy: 'take the home out of homes.csv, or add its rows',
    });
  }
  const intervalMs = home.resolutionMin * 60_000;
  let firstMs = Infinity;
  let lastMs = -Infinity;
  for (const atMs of found.load.keys()) {
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
  }
  const intervals = (lastMs - firstMs) / intervalMs + 1;
  if (found.load.size < intervals * ROWS_SHARE_MIN) {
    throw new CommonwattError(
      'malformed',
      `${home.id} has ${found.load.size} rows for the ${intervals} intervals from its first to its last`,
      {
        record: home.id,
        field: 'timestamp_utc',
        rule: 'at least a tenth of the intervals between the first and the last row are there',
        remedy: 'look for a wrong year in a timestamp, or for a wrong resolution_min',
      },
    );
  }
  const load = filled(found.load, firstMs, intervalMs, intervals);
  const pv = found.pv.size > 0 ? filled(found.pv, firstMs, intervalMs, intervals) : null;
  const peakW = (series: typeof load): number => Math.ceil(series.maxMilliJ / intervalMs);
  return {
    firstMs,
    endMs: lastMs + intervalMs,
    load: load.series,
    pv: pv?.series ?? null,
    loadGaps: load.gaps,
    pvGaps: pv?.gaps ?? 0,
    intervals,
    loadMaxW: peakW(load),
    pvMaxW: pv ? peakW(pv) : 0,
  };
}

/** A gap takes the last value of the same time of day (the next one, before there is a last); so does time beyond the data. */
function filled(
  known: Map<number, number>,
  firstMs: number,
  intervalMs: number,
  intervals: number,
): { series: EnergySeries; gaps: number; maxMilliJ: number } {
  const perDay = MS_PER_DAY / intervalMs;
  const values = new Float64Array(intervals).fill(-1);
  let maxMilliJ = 0;
  for (const [atMs, kwh] of known) {
    const value = Math.round(kwh * 1000 * MILLIJ_PER_WH);
    values[(atMs - firstMs) / intervalMs] = value;
    maxMilliJ = Math.max(maxMilliJ, value);
  }
  let gaps = 0;
  for (let i = 0; i < intervals; i++) {
    if (values[i] !== -1) continue;
    gaps++;
    let from = i - perDay;
    if (from < 0) for (from = i + perDay; from < intervals && values[from] === -1;) from += perDay;
    values[i] = Math.max(0, values[from] ?? 0);
  }
  const series = {
    originMs: firstMs,
    intervalMs,
    energyMilliJ: (index: number): number => {
      if (index >= 0 && index < intervals) return values[index] ?? 0;
      const day = ((index % perDay) + perDay) % perDay;
      const last = day + Math.floor((intervals - 1 - day) / perDay) * perDay;
      return values[index < 0 ? day : last] ?? 0;
    },
  };
  return { series, gaps, maxMilliJ };
}

function measuredHome(
  chosen: { home: MeasuredHome; data: HomeData } | undefined,
  kind: Pick<HomeSpec, 'protocol' | 'meter'>,
): HomeSpec {
  if (!chosen) throw new RangeError('a home without data');
  const { home, data } = chosen;
  const powerW = Math.round((home.batteryKw ?? 0) * 1000);
  const capacityWh = Math.round((home.batteryKwh ?? 0) * 1000);
  const battery = powerW > 0 && capacityWh > 0;
  return {
    id: home.id,
    ...kind,
    pvPeakW: data.pv ? Math.max(data.pvMaxW, Math.round((home.pvKw ?? 0) * 1000)) : null,
    battery: battery
      ? { capacityWh, chargeMaxW: powerW, dischargeMaxW: powerW, roundTripPermille: ROUND_TRIP_PERMILLE }
      : null,
    importFuseW: Math.max(USUAL_FUSE_W, data.loadMaxW + powerW),
  };
}

function gapNotes(chosen: readonly { home: MeasuredHome; data: HomeData }[]): string[] {
  const gaps = chosen.map(({ home, data }) => ({ id: home.id, count: data.loadGaps + data.pvGaps }));
  const total = gaps.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return [];
  const values = chosen.reduce((sum, { data }) => sum + data.intervals * (data.pv ? 2 : 1), 0);
  const [most] = gaps.sort((a, b) => b.count - a.count);
  return [
    `${total} of ${values} measured values are missing (most at ${most?.id}: ${most?.count}); ` +
      'each takes the last value of the same time of day',
  ];
}

/** The homes' own coordinates where the file has them, else the middle of their time zone at 45 north. */
function placeOf(
  homes: readonly MeasuredHome[],
  timezone: string,
  atMs: number,
): { latitudeDeg: number; longitudeDeg: number } {
  const named = PLACES[timezone];
  const latitude = homes.find((home) => home.latitudeDeg !== null)?.latitudeDeg ?? named?.[0] ?? 45;
  const longitude =
    homes.find((home) => home.longitudeDeg !== null)?.longitudeDeg ??
    named?.[1] ??
    (localOffset(timezone)(atMs) * 15) / 60;
  return { latitudeDeg: latitude, longitudeDeg: longitude };
}

/** Where the measured neighbourhoods we know of stand, by time zone: latitude, longitude. */
const PLACES: Readonly<Record<string, readonly [number, number]>> = {
  'America/Los_Angeles': [34.1, -117.4],
  'Europe/Zurich': [47.4, 8.5],
  'Europe/Berlin': [51, 10],
};
