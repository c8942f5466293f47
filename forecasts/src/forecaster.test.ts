import { CommonwattError } from '@commonwatt/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createForecaster } from './forecaster.ts';
import { scoreForecasts } from './score.ts';
import type { HomeSite, Quantiles, SlotEnergy } from './types.ts';

const SITE: HomeSite = {
  slotMinutes: 15,
  pvPeakW: 6000,
  latitudeDeg: 47.4,
  longitudeDeg: 8.5,
  timezone: 'Europe/Zurich',
};
const START = Date.parse('2026-05-31T22:00:00Z');
const QUARTER = 15 * 60_000;
const DAY = 96;

const at = (day: number, hour: number): number => START + (day * 24 + hour) * 3_600_000;
const total = (list: readonly Quantiles[]): number => list.reduce((sum, { p50 }) => sum + p50, 0);

/** A home with a heavy breakfast, a dark roof until ten and a sunny afternoon; the same every day. */
function habit(slot: number): SlotEnergy {
  const hour = ((slot % DAY) + 0.5) / 4;
  const loadWh = 60 + (hour > 6 && hour < 8 ? 500 : 0) + (hour > 22 ? 300 : 0);
  const pvWh = hour > 10 && hour < 20 ? 900 * Math.sin(((hour - 10) / 10) * Math.PI) : 0;
  return { slotStartMs: START + slot * QUARTER, loadWh, pvWh };
}

test('before any data: a standard household and a typical sky', () => {
  const day = createForecaster(SITE).forecast(START, DAY);
  const load = total(day.map(({ loadWh }) => loadWh));
  expect(load).toBeGreaterThan(7_000);
  expect(load).toBeLessThan(13_000);
  const byHour = (hour: number): number => day[hour * 4]?.loadWh.p50 ?? 0;
  expect(byHour(19)).toBeGreaterThan(2 * byHour(3));
  const pv = total(day.map(({ pvWh }) => pvWh));
  expect(pv).toBeGreaterThan(15_000);
  expect(pv).toBeLessThan(40_000);
  expect(day[8]?.pvWh).toEqual({ p10: 0, p50: 0, p90: 0 });
  const noon = day[13 * 4 + 1]?.pvWh;
  expect(noon?.p90).toBeGreaterThan(3 * (noon?.p10 ?? 0));
});

test('within hours the level of the load is learned', () => {
  const forecaster = createForecaster(SITE);
  for (let slot = 0; slot < 12; slot += 1) {
    forecaster.observe({ slotStartMs: START + slot * QUARTER, loadWh: 400, pvWh: 0 });
  }
  const before = total(
    createForecaster(SITE)
      .forecast(at(0, 3), 24)
      .map(({ loadWh }) => loadWh),
  );
  expect(total(forecaster.forecast(at(0, 3), 24).map(({ loadWh }) => loadWh))).toBeGreaterThan(2 * before);
});

test('a fortnight of one habit is known by heart, next slot and day ahead', () => {
  const forecaster = createForecaster(SITE);
  for (let slot = 0; slot < 14 * DAY; slot += 1) forecaster.observe(habit(slot));
  const day = forecaster.forecast(at(14, 0), DAY);
  const scores = (['loadWh', 'pvWh'] as const).map(
    (key) =>
      scoreForecasts(day.map((said, slot) => ({ actualWh: habit(slot)[key] ?? 0, forecastWh: said[key] })))
        .normalisedError,
  );
  expect(scores[0]).toBeLessThan(0.25);
  expect(scores[1]).toBeLessThan(0.12);
});

test('a dull morning makes the next hours dull, not the next week', () => {
  const forecaster = createForecaster(SITE);
  for (let slot = 0; slot < 10 * DAY; slot += 1) forecaster.observe(habit(slot));
  const bright = forecaster.forecast(at(10, 14), 4);
  for (let slot = 10 * DAY; slot < 10 * DAY + 56; slot += 1) {
    const usual = habit(slot);
    forecaster.observe({ ...usual, pvWh: 0.2 * (usual.pvWh ?? 0) });
  }
  const dull = forecaster.forecast(at(10, 14), 4);
  expect(total(dull.map(({ pvWh }) => pvWh))).toBeLessThan(0.75 * total(bright.map(({ pvWh }) => pvWh)));
  const nextWeek = forecaster.forecast(at(17, 14), 4);
  expect(total(nextWeek.map(({ pvWh }) => pvWh))).toBeGreaterThan(
    0.8 * total(bright.map(({ pvWh }) => pvWh)),
  );
});

test('weekends are learned apart', () => {
  const forecaster = createForecaster({ ...SITE, pvPeakW: null });
  // 2026-06-01 is a Monday: at noon nobody is in on weekdays. Last week's meter was broken.
  for (let slot = 0; slot < 40 * DAY; slot += 1) {
    const weekend = Math.floor(slot / DAY) % 7 >= 5;
    const hour = (slot % DAY) / 4;
    forecaster.observe({
      slotStartMs: START + slot * QUARTER,
      loadWh: slot >= 33 * DAY ? null : hour >= 10 && hour < 14 && weekend ? 700 : 80,
      pvWh: null,
    });
  }
  const saturday = forecaster.forecast(at(40, 12), 1)[0]?.loadWh.p50 ?? 0;
  const monday = forecaster.forecast(at(42, 12), 1)[0]?.loadWh.p50 ?? 0;
  expect(saturday).toBeGreaterThan(1.3 * monday);
});

test('repeated and older slots change nothing; gaps and missing values are fine', () => {
  const once = createForecaster(SITE);
  const twice = createForecaster(SITE);
  for (let slot = 0; slot < 2 * DAY; slot += 1) {
    if (slot > 60 && slot < 90) continue;
    const energy = slot % 17 === 0 ? { ...habit(slot), loadWh: null } : habit(slot);
    once.observe(energy);
    twice.observe(energy);
    twice.observe({ ...energy, loadWh: 9999 });
    if (slot > 0) twice.observe(habit(slot - 1));
  }
  expect(twice.observed()).toBe(once.observed());
  expect(twice.forecast(at(2, 0), DAY)).toEqual(once.forecast(at(2, 0), DAY));
});

test('a home without panels has no PV, until its meter says otherwise', () => {
  const forecaster = createForecaster({ ...SITE, pvPeakW: null });
  const noon = (): Quantiles | undefined => forecaster.forecast(at(6, 13), 1)[0]?.pvWh;
  expect(noon()).toEqual({ p10: 0, p50: 0, p90: 0 });
  for (let slot = 0; slot < 5 * DAY; slot += 1) forecaster.observe({ ...habit(slot), pvWh: 0 });
  expect(noon()).toEqual({ p10: 0, p50: 0, p90: 0 });
  for (let slot = 5 * DAY; slot < 6 * DAY; slot += 1) forecaster.observe(habit(slot));
  expect(noon()?.p90).toBeGreaterThan(100);
});

test('whatever it is fed, forecasts are whole, ordered, not negative and bounded', () => {
  const energy = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 5000 }) },
    fc.constantFrom(null, 0, 1e9, Number.NaN, -5),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), energy, energy), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 500 }),
      fc.constantFrom(15, 30, 60),
      (fed, ahead, slotMinutes) => {
        const forecaster = createForecaster({ ...SITE, slotMinutes });
        let slotStartMs = START;
        for (const [skip, loadWh, pvWh] of fed) {
          slotStartMs += skip * slotMinutes * 60_000;
          forecaster.observe({ slotStartMs, loadWh, pvWh });
        }
        const said = forecaster.forecast(slotStartMs + ahead * slotMinutes * 60_000, 100);
        expect(said).toHaveLength(100);
        for (const { loadWh, pvWh } of said) {
          for (const { p10, p50, p90 } of [loadWh, pvWh]) {
            expect([p10, p50, p90].every((wh) => Number.isSafeInteger(wh))).toBe(true);
            expect(p10).toBeGreaterThanOrEqual(0);
            expect(p50).toBeGreaterThanOrEqual(p10);
            expect(p90).toBeGreaterThanOrEqual(p50);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test.each([
  ['latitudeDeg', { latitudeDeg: 91 }],
  ['longitudeDeg', { longitudeDeg: Number.NaN }],
  ['timezone', { timezone: 'Europe/Atlantis' }],
  ['pvPeakW', { pvPeakW: -1 }],
])('a site with a wrong %s is refused and named', (field, wrong) => {
  expect(() => createForecaster({ ...SITE, ...wrong })).toThrow(CommonwattError);
  expect(() => createForecaster({ ...SITE, ...wrong })).toThrow(field);
});
