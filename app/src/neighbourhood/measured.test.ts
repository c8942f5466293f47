import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MILLIJ_PER_WH } from './energy.ts';
import { measuredDrives, planMeasured } from './measured.ts';

const HOMES = `home_id,timezone,resolution_min,pv_kw,battery_kwh,battery_kw,source
a,Europe/Zurich,60,5.0,6.4,5.0,"one, two"
b,Europe/Zurich,60,,,,x
`;

function hour(index: number): string {
  return new Date(Date.UTC(2020, 0, 1) + index * 3_600_000).toISOString().replace('.000', '');
}

/** Three days; home a: load = hour of the run / 10 kWh, PV 1 kWh at noon; home b: load 0.5 kWh. */
function meterLines(): string[] {
  const lines = ['timestamp_utc,home_id,load_kwh,pv_kwh'];
  for (let i = 0; i < 72; i++) {
    lines.push(`${hour(i)},a,${(i / 10).toFixed(1)},${i % 24 === 12 ? 1 : 0}`, `${hour(i)},b,0.5,`);
  }
  return lines;
}

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'measured-'));
  put(meterLines());
  writeFileSync(join(dir, 'homes.csv'), HOMES);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(lines: readonly string[]): void {
  writeFileSync(join(dir, 'meters.csv.gz'), gzipSync(lines.join('\n')));
}

function replaceLine(line: number, text: string): void {
  put(meterLines().with(line - 1, text));
}

const plan = (homes?: number) =>
  planMeasured({ dataDir: dir, seed: 1, ...(homes === undefined ? {} : { homes }) });

async function series(home: number) {
  const spec = await plan();
  const drive = (await measuredDrives(spec, dir))[home];
  if (!drive) throw new Error('no home');
  return { spec, wh: (index: number) => drive.load.energyMilliJ(index) / MILLIJ_PER_WH, drive };
}

describe('measured homes', () => {
  test('become a plan: PV and battery as in the file, the time all of them cover', async () => {
    const spec = await plan();
    expect(spec).toMatchObject({
      startMs: Date.UTC(2020, 0, 1),
      endMs: Date.UTC(2020, 0, 4),
      timezone: 'Europe/Zurich',
      source: { dataDir: dir },
      notes: [],
    });
    expect(spec.homes).toMatchObject([
      { id: 'a', pvPeakW: 5_000, battery: { capacityWh: 6_400, chargeMaxW: 5_000 }, meter: 'sdm630' },
      { id: 'b', pvPeakW: null, battery: null, meter: 'em340' },
    ]);
    expect((await plan(1)).homes).toHaveLength(1);
  });

  test('replay their energy exactly; after the end the last day again', async () => {
    const { wh, drive } = await series(0);
    expect([wh(0), wh(37), wh(71)]).toEqual([0, 3_700, 7_100]);
    expect([wh(72), wh(72 + 23), wh(72 + 24 * 9 + 5)]).toEqual([4_800, 7_100, 5_300]);
    expect(drive.pv?.energyMilliJ(12)).toBe(1_000 * MILLIJ_PER_WH);
    expect((await series(1)).drive.pv).toBeNull();
  });

  test('a gap takes the last value of the same time of day and is counted', async () => {
    // Hours 30 and 54 of home a (the same hour of day 2 and 3), and hour 2 of home a, which has only later days.
    const gone = new Set([30, 54, 2].map((i) => `${hour(i)},a`));
    put(meterLines().filter((line) => !gone.has(line.split(',').slice(0, 2).join(','))));
    const { wh, spec } = await series(0);
    expect([wh(30), wh(54), wh(2)]).toEqual([600, 600, 2_600]);
    expect(spec.notes).toEqual([
      expect.stringContaining('6 of 216 measured values are missing (most at a: 6)'),
    ]);
  });

  test('plain meters.csv, Windows line ends and a byte order mark are read too', async () => {
    rmSync(join(dir, 'meters.csv.gz'));
    writeFileSync(join(dir, 'meters.csv'), `\uFEFF${meterLines().join('\r\n')}\r\n`);
    expect((await series(0)).wh(37)).toBe(3_700);
  });

  test.each([
    ['no number', 4, `${hour(1)},a,lots,0`, 'load_kwh', /line 4.*"lots" is no number/],
    ['an empty load', 4, `${hour(1)},a,,0`, 'load_kwh', /line 4.*"" is no number/],
    ['negative energy', 4, `${hour(1)},a,-0.1,0`, 'load_kwh', /line 4.*-0.1 is negative/],
    ['negative PV', 4, `${hour(1)},a,0.1,-3`, 'pv_kwh', /line 4.*-3 is negative/],
    ['infinite energy', 4, `${hour(1)},a,1e400,0`, 'load_kwh', /line 4.*too large/],
    ['a duplicate row', 4, `${hour(0)},a,0.1,0`, 'timestamp_utc', /line 4.*already has a value/],
    ['a time without zone', 4, '2020-01-01 01:00,a,0.1,0', 'timestamp_utc', /line 4.*is no time/],
    ['no such day', 4, '2020-02-31T01:00:00Z,a,0.1,0', 'timestamp_utc', /line 4/],
    ['a time off the grid', 4, '2020-01-01T01:10:00Z,a,0.1,0', 'timestamp_utc', /line 4.*starts no interval/],
    ['an unknown home', 4, `${hour(1)},zz,0.1,0`, 'home_id', /line 4.*"zz" is not in homes.csv/],
    ['a missing field', 4, `${hour(1)},a,0.1`, 'line', /line 4.*3 fields/],
    ['a wrong header', 1, 'timestamp_utc,home_id,load,pv_kwh', 'load_kwh', /line 1.*no column load_kwh/],
  ])('meters: %s is refused with file, line and field', async (_, line, text, field, message) => {
    replaceLine(line, text);
    await expect(plan()).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringMatching(message),
      place: { field, record: expect.stringContaining(`meters.csv.gz:${line}`), remedy: expect.any(String) },
    });
  });

  test.each([
    ['a bad id', 'a b,Europe/Zurich,60,,,,x', 'home_id'],
    ["the supplier's id", 'supplier,Europe/Zurich,60,,,,x', 'home_id'],
    ['a home twice', 'a,Europe/Zurich,60,,,,x', 'home_id'],
    ['a bad time zone', 'c,Mars/Olympus,60,,,,x', 'timezone'],
    ['a bad resolution', 'c,Europe/Zurich,7,,,,x', 'resolution_min'],
    ['a negative battery', 'c,Europe/Zurich,60,,-6,5,x', 'battery_kwh'],
    ['half a battery', 'c,Europe/Zurich,60,,6,,x', 'battery_kw'],
    ['a bad number', 'c,Europe/Zurich,60,5kW,,,x', 'pv_kw'],
  ])('homes: %s is refused with file, line and field', async (_, line, field) => {
    writeFileSync(join(dir, 'homes.csv'), HOMES + line);
    await expect(plan()).rejects.toMatchObject({
      code: 'malformed',
      place: { field, record: expect.stringContaining('homes.csv:4'), remedy: expect.any(String) },
    });
  });

  test('one wrong year does not make a century of gaps', async () => {
    replaceLine(4, '2120-01-01T01:00:00Z,a,0.1,0');
    await expect(plan()).rejects.toMatchObject({
      code: 'malformed',
      place: { record: 'a', field: 'timestamp_utc' },
    });
  });

  test('a home without rows, more homes than there are, and a broken archive are refused', async () => {
    writeFileSync(join(dir, 'homes.csv'), `${HOMES}c,Europe/Zurich,60,,,,x`);
    await expect(plan()).rejects.toMatchObject({ code: 'malformed', place: { record: 'c' } });
    writeFileSync(join(dir, 'homes.csv'), HOMES);
    await expect(plan(3)).rejects.toMatchObject({ code: 'out-of-range', place: { field: 'homes' } });
    writeFileSync(join(dir, 'meters.csv.gz'), 'not packed');
    await expect(plan()).rejects.toMatchObject({
      code: 'malformed',
      message: /meters.csv.gz cannot be read/,
    });
  });

  test('a missing folder, a missing file, and a folder of such folders say what to give', async () => {
    await expect(planMeasured({ dataDir: join(dir, 'none'), seed: 1 })).rejects.toMatchObject({
      code: 'not-found',
      place: { remedy: expect.any(String) },
    });
    rmSync(join(dir, 'meters.csv.gz'));
    await expect(plan()).rejects.toMatchObject({ code: 'not-found', message: /holds no meters.csv.gz/ });
    rmSync(join(dir, 'homes.csv'));
    mkdirSync(join(dir, 'north'));
    writeFileSync(join(dir, 'north', 'homes.csv'), HOMES);
    await expect(plan()).rejects.toMatchObject({
      code: 'not-found',
      place: { remedy: expect.stringContaining(join(dir, 'north')) },
    });
  });
});

const SHARED = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));

describe.skipIf(!existsSync(SHARED))('the measured neighbourhoods (skipped without ../shared)', () => {
  test('fontana: 8 homes with PV, one hour missing at the end of daylight saving', async () => {
    const spec = await planMeasured({ dataDir: join(SHARED, 'fontana'), seed: 1 });
    expect(spec.homes).toHaveLength(8);
    expect(spec.homes.every(({ pvPeakW }) => pvPeakW !== null)).toBe(true);
    expect(spec.notes).toEqual([expect.stringContaining('16 of 70672')]);
  });

  test('swiss15: 20 homes, load only, the 12 first of them on request', async () => {
    const spec = await planMeasured({ dataDir: join(SHARED, 'swiss15'), seed: 1, homes: 12 });
    expect(spec.homes.map(({ pvPeakW }) => pvPeakW)).toEqual(Array.from({ length: 12 }, () => null));
  });
});
