import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { SlotMinutes } from '@commonwatt/domain';
import { createForecaster, type HomeSite, type Scored, type SlotEnergy } from '../src/index.ts';

/** Where measured neighbourhoods lie when there are any: beside the project. */
const DATA = new URL('../../../shared/data/', import.meta.url);

/** Roughly where the measured homes stand; their files name only a time zone. */
const PLACES = {
  fontana: { latitudeDeg: 34.1, longitudeDeg: -117.4, warmUpDays: 28 },
  swiss15: { latitudeDeg: 47.4, longitudeDeg: 8.5, warmUpDays: 14 },
} as const;

export type MeasuredName = keyof typeof PLACES;

export interface MeasuredHome {
  readonly id: string;
  readonly site: HomeSite;
  readonly energy: readonly SlotEnergy[];
}

export function hasMeasured(): boolean {
  return existsSync(new URL('fontana/meters.csv.gz', DATA));
}

/** The homes of one measured neighbourhood (README in the data folder). */
export function readMeasured(name: MeasuredName): MeasuredHome[] {
  const place = PLACES[name];
  const [header = '', ...rows] = readFileSync(new URL(`${name}/homes.csv`, DATA), 'utf8')
    .trim()
    .split('\n');
  const column = (key: string): number => header.split(',').indexOf(key);
  const energy = new Map<string, SlotEnergy[]>();
  const meters = gunzipSync(readFileSync(new URL(`${name}/meters.csv.gz`, DATA))).toString();
  for (const line of meters.trim().split('\n').slice(1)) {
    const [at = '', id = '', loadKwh = '', pvKwh = ''] = line.split(',');
    const wh = (kwh: string): number | null => (kwh.trim() === '' ? null : Number(kwh) * 1000);
    const list = energy.get(id) ?? [];
    energy.set(id, list);
    list.push({ slotStartMs: Date.parse(at), loadWh: wh(loadKwh), pvWh: wh(pvKwh) });
  }
  return rows.map((row) => {
    const cells = row.split(',');
    const id = cells[column('home_id')] ?? '';
    const pvKw = Number(cells[column('pv_kw')] ?? 0);
    const site: HomeSite = {
      slotMinutes: Number(cells[column('resolution_min')]) as SlotMinutes,
      pvPeakW: pvKw > 0 ? pvKw * 1000 : null,
      latitudeDeg: place.latitudeDeg,
      longitudeDeg: place.longitudeDeg,
      timezone: cells[column('timezone')] ?? 'UTC',
    };
    return { id, site, energy: energy.get(id) ?? [] };
  });
}

export interface Replay {
  readonly load: Record<Method, Scored[]>;
  readonly pv: Record<Method, Scored[]>;
}

/** `ahead`, `next`: this project's, issued at local midnight for the day, and at the slot's start. The others are baselines. */
export type Method = 'ahead' | 'next' | 'yesterday' | 'persistence';

/** Runs the forecaster over homes as if live and collects what it said after the warm-up, next to the naive baselines. */
export function replay(homes: readonly MeasuredHome[], warmUpDays: number): Replay {
  const lists = (): Record<Method, Scored[]> => ({ ahead: [], next: [], yesterday: [], persistence: [] });
  const result = { load: lists(), pv: lists() };
  for (const { site, energy } of homes) {
    const forecaster = createForecaster(site);
    const day = (24 * 60) / site.slotMinutes;
    const lengthMs = site.slotMinutes * 60_000;
    const hour = new Intl.DateTimeFormat('en-US', {
      timeZone: site.timezone,
      hourCycle: 'h23',
      hour: 'numeric',
      minute: 'numeric',
    });
    const past = new Map<number, SlotEnergy>();
    const ahead = new Map<number, ReturnType<typeof forecaster.forecast>[number]>();
    const startMs = energy[0]?.slotStartMs ?? 0;
    for (const slot of energy) {
      if (hour.format(slot.slotStartMs) === '00:00') {
        ahead.clear();
        for (const said of forecaster.forecast(slot.slotStartMs, day + 8)) ahead.set(said.slotStartMs, said);
      }
      const next = forecaster.forecast(slot.slotStartMs, 1)[0];
      const dayAhead = ahead.get(slot.slotStartMs);
      const before = past.get(slot.slotStartMs - day * lengthMs);
      const last = past.get(slot.slotStartMs - lengthMs);
      if (slot.slotStartMs - startMs >= warmUpDays * 86_400_000 && next && dayAhead) {
        for (const [kind, key] of KINDS) {
          const actualWh = slot[key];
          if (actualWh === null) continue;
          result[kind].ahead.push({ actualWh, forecastWh: dayAhead[key] });
          result[kind].next.push({ actualWh, forecastWh: next[key] });
          if (before?.[key] !== undefined) result[kind].yesterday.push(naive(actualWh, before[key] ?? 0));
          if (last?.[key] !== undefined) result[kind].persistence.push(naive(actualWh, last[key] ?? 0));
        }
      }
      forecaster.observe(slot);
      past.set(slot.slotStartMs, slot);
    }
  }
  return result;
}

export function warmUpDays(name: MeasuredName): number {
  return PLACES[name].warmUpDays;
}

const KINDS = [
  ['load', 'loadWh'],
  ['pv', 'pvWh'],
] as const;

function naive(actualWh: number, value: number): Scored {
  return { actualWh, forecastWh: { p10: value, p50: value, p90: value } };
}
