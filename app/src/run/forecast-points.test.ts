import { expect, test } from 'vitest';
import { actualPoints, forecastPoints } from './forecast-points.ts';

const slotStartMs = Date.parse('2026-06-01T12:00:00Z');
const forecast = {
  slotStartMs,
  loadWh: { p10: 50, p50: 100, p90: 200 },
  pvWh: { p10: 0, p50: 500, p90: 1000 },
};

test('Wh of a quarter of an hour become W at the slot\u2019s start, a point for load and one for PV', () => {
  expect(forecastPoints({ id: 'home-01', pvPeakW: 5000 }, forecast, 15)).toEqual([
    {
      measurement: 'forecast',
      tags: { site: 'home-01', target: 'load' },
      fields: { p10: 200, p50: 400, p90: 800 },
      atMs: slotStartMs,
    },
    {
      measurement: 'forecast',
      tags: { site: 'home-01', target: 'pv' },
      fields: { p10: 0, p50: 2000, p90: 4000 },
      atMs: slotStartMs,
    },
  ]);
});

test('a home without panels has no PV point', () => {
  const targets = forecastPoints({ id: 'home-02', pvPeakW: null }, forecast, 15).map(
    ({ tags }) => tags['target'],
  );
  expect(targets).toEqual(['load']);
});

test('what came goes to the same point; what was not measured is left out', () => {
  const site = { id: 'home-01', pvPeakW: 5000 };
  expect(actualPoints(site, { slotStartMs, loadWh: 120, pvWh: null }, 15)).toEqual([
    {
      measurement: 'forecast',
      tags: { site: 'home-01', target: 'load' },
      fields: { actual: 480 },
      atMs: slotStartMs,
    },
  ]);
});
