import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CommonwattError, COMMUNITY_FUND, isId, SUPPLIER } from '@commonwatt/domain';
import { numberIn, readCsv, type Row } from './csv.ts';

/** A line of `homes.csv`. */
export interface MeasuredHome {
  readonly id: string;
  readonly timezone: string;
  readonly resolutionMin: number;
  readonly pvKw: number | null;
  readonly batteryKwh: number | null;
  readonly batteryKw: number | null;
  readonly latitudeDeg: number | null;
  readonly longitudeDeg: number | null;
}

/** A home's measured intervals: start in ms since 1970 -> kWh. `pv` is empty where there is no PV meter. */
export interface MeasuredIntervals {
  readonly load: Map<number, number>;
  readonly pv: Map<number, number>;
}

const KWH_MAX = 10_000;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;

/**
 * Reads a folder of measured homes: `homes.csv`, and `meters.csv.gz` or `meters.csv`.
 * Throws CommonwattError with file, line, field and remedy for anything that does not fit (not-found, malformed).
 */
export async function readMeasured(
  dataDir: string,
): Promise<{ homes: MeasuredHome[]; intervals: Map<string, MeasuredIntervals> }> {
  await checkFolder(dataDir);
  const homes = readHomes(join(dataDir, 'homes.csv'), await readText(join(dataDir, 'homes.csv')));
  const packed = join(dataDir, 'meters.csv.gz');
  const file = (await isFile(packed)) ? packed : join(dataDir, 'meters.csv');
  return { homes, intervals: readMeters(file, await readText(file), homes) };
}

async function checkFolder(dataDir: string): Promise<void> {
  const entries = await readdir(dataDir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new CommonwattError(
      'not-found',
      `${dataDir} is not a folder that can be read`,
      { record: dataDir, field: 'data', remedy: 'give the folder that holds homes.csv and meters.csv.gz' },
      { cause },
    );
  });
  const names = new Set(entries.map((entry) => entry.name));
  const meters = names.has('meters.csv.gz') || names.has('meters.csv');
  if (names.has('homes.csv') && meters) return;
  const inside: string[] = [];
  for (const entry of entries) {
    if (await isFile(join(dataDir, entry.name, 'homes.csv'))) inside.push(join(dataDir, entry.name));
  }
  const lacks = names.has('homes.csv') ? 'meters.csv.gz or meters.csv' : 'homes.csv';
  throw new CommonwattError('not-found', `${dataDir} holds no ${lacks}`, {
    record: join(dataDir, lacks.split(' ')[0] ?? lacks),
    field: 'data',
    rule: 'a folder of measured homes holds homes.csv and meters.csv.gz (or meters.csv)',
    remedy:
      inside.length > 0
        ? `give one of the folders in it: ${inside.sort().join(', ')}`
        : 'put that file there',
  });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    return (path.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes).toString('utf8');
  } catch (cause) {
    throw new CommonwattError(
      'malformed',
      `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { record: path, remedy: 'give a readable file, packed with gzip if it ends in .gz' },
      { cause },
    );
  }
}

function readHomes(file: string, content: string): MeasuredHome[] {
  const homes: MeasuredHome[] = [];
  const seen = new Map<string, number>();
  for (const row of readCsv(file, content, ['home_id', 'timezone', 'resolution_min'])) {
    const id = row.text('home_id');
    if (!isId(id) || id === SUPPLIER || id === COMMUNITY_FUND) {
      row.fail('home_id', `${JSON.stringify(id)} cannot be a home's id`, '1 to 64 of A-Z a-z 0-9 . _ : -');
    }
    if (seen.has(id)) row.fail('home_id', `${id} is already in line ${seen.get(id)}`, 'one line per home');
    seen.set(id, row.line);
    const resolutionMin = numberIn(row, 'resolution_min', 1440, false) ?? 0;
    if (resolutionMin < 1 || 1440 % resolutionMin !== 0) {
      row.fail('resolution_min', `${resolutionMin} does not divide a day`, 'whole minutes that divide 1440');
    }
    const home = {
      id,
      timezone: timezoneIn(row),
      resolutionMin,
      pvKw: numberIn(row, 'pv_kw', 1000, true),
      batteryKwh: numberIn(row, 'battery_kwh', 1000, true),
      batteryKw: numberIn(row, 'battery_kw', 100, true),
      latitudeDeg: degreesIn(row, 'latitude_deg'),
      longitudeDeg: degreesIn(row, 'longitude_deg'),
    };
    if ((home.batteryKwh === null) !== (home.batteryKw === null)) {
      const empty = home.batteryKw === null ? 'battery_kw' : 'battery_kwh';
      row.fail(empty, 'is empty', 'a battery has both battery_kwh and battery_kw');
    }
    homes.push(home);
  }
  if (homes.length > 0) return homes;
  throw new CommonwattError('malformed', `${file} names no home`, {
    record: file,
    remedy: 'give one line per home below the header',
  });
}

function timezoneIn(row: Row): string {
  const timezone = row.text('timezone');
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    return row.fail('timezone', `${JSON.stringify(timezone)} is no time zone`, 'an IANA name: Europe/Zurich');
  }
}

function degreesIn(row: Row, column: string): number | null {
  const text = row.text(column);
  if (text === '') return null;
  const value = Number(text);
  return Number.isFinite(value) && Math.abs(value) <= 180
    ? value
    : row.fail(column, `${JSON.stringify(text)} is no angle`, 'degrees from -180 to 180');
}

function readMeters(
  file: string,
  content: string,
  homes: readonly MeasuredHome[],
): Map<string, MeasuredIntervals> {
  const resolutionMs = new Map(homes.map((home) => [home.id, home.resolutionMin * 60_000]));
  const intervals = new Map<string, MeasuredIntervals>(
    homes.map((home) => [home.id, { load: new Map(), pv: new Map() }]),
  );
  const times = new Map<string, number>();
  for (const row of readCsv(file, content, ['timestamp_utc', 'home_id', 'load_kwh', 'pv_kwh'])) {
    const stamp = row.text('timestamp_utc');
    let atMs = times.get(stamp);
    if (atMs === undefined) {
      atMs = TIMESTAMP.test(stamp) ? Date.parse(stamp) : Number.NaN;
      // A day that does not exist would silently become one of the next month.
      if (!Number.isNaN(atMs) && new Date(atMs).toISOString().slice(0, 16) !== stamp.slice(0, 16))
        atMs = Number.NaN;
      if (Number.isNaN(atMs)) {
        row.fail(
          'timestamp_utc',
          `${JSON.stringify(stamp)} is no time`,
          'ISO 8601 UTC: 2016-08-01T07:00:00Z',
        );
      }
      times.set(stamp, atMs);
    }
    const id = row.text('home_id');
    const home =
      intervals.get(id) ??
      row.fail(
        'home_id',
        `${JSON.stringify(id)} is not in homes.csv`,
        'every home of the meters is in homes.csv',
      );
    if (home.load.has(atMs)) {
      row.fail('timestamp_utc', `${id} already has a value for ${stamp}`, 'one row per home and interval');
    }
    if (atMs % (resolutionMs.get(id) ?? 1) !== 0) {
      row.fail('timestamp_utc', `${stamp} starts no interval`, `a multiple of the home's resolution_min`);
    }
    home.load.set(atMs, numberIn(row, 'load_kwh', KWH_MAX, false) ?? 0);
    const pv = numberIn(row, 'pv_kwh', KWH_MAX, true);
    if (pv !== null) home.pv.set(atMs, pv);
  }
  return intervals;
}
