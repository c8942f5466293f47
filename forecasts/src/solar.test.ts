import { expect, test } from 'vitest';
import { clearSkyShare, clearSkyWPerM2, sunElevationSine } from './solar.ts';

const degrees = (sine: number): number => (Math.asin(sine) * 180) / Math.PI;

test.each([
  // Noon elevation is 90 - latitude + declination; times are the local solar noon by the equation of time.
  ['Greenwich, June solstice', '2026-06-21T12:02:00Z', 51.48, 0, 61.96],
  ['Greenwich, December solstice', '2026-12-21T11:58:00Z', 51.48, 0, 15.08],
  ['equator, March equinox', '2026-03-20T12:07:00Z', 0, 0, 89.9],
  ['Sydney, December solstice', '2026-12-21T01:53:00Z', -33.87, 151.2, 79.57],
])('elevation at noon: %s', (_, at, latitude, longitude, expected) => {
  expect(degrees(sunElevationSine(Date.parse(at), latitude, longitude))).toBeCloseTo(expected, 0);
});

test('sunrise in Zurich on 21 June is about 03:29 UTC', () => {
  // The almanac's sunrise is at -0.833 degrees: refraction and the disc's radius.
  expect(degrees(sunElevationSine(Date.parse('2026-06-21T03:29:00Z'), 47.37, 8.54))).toBeCloseTo(-0.8, 0);
});

test('a clear sky gives nothing at night and about 1 kW/m2 overhead', () => {
  expect(clearSkyWPerM2(-0.1)).toBe(0);
  expect(clearSkyWPerM2(0)).toBe(0);
  expect(clearSkyWPerM2(1)).toBeCloseTo(1035, 0);
  expect(clearSkyShare(Date.parse('2026-06-21T23:00:00Z'), 15, 47.4, 8.5)).toBe(0);
  expect(clearSkyShare(Date.parse('2026-06-21T11:30:00Z'), 15, 47.4, 8.5)).toBeGreaterThan(0.9);
});
