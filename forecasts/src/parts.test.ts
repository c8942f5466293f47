import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ErrorBand } from './band.ts';
import { History } from './history.ts';
import { LeastSquares } from './least-squares.ts';
import { localClock } from './local-time.ts';

/** Mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('history: what was never set or is too old reads as NaN', () => {
  const history = new History(4);
  expect(history.get(0)).toBeNaN();
  for (let i = -3; i <= 3; i += 1) history.set(i, i * 10);
  expect(history.get(3)).toBe(30);
  expect(history.get(0)).toBe(0);
  expect(history.get(-1)).toBeNaN();
});

test('least squares: predicts the prior before data and finds the truth after', () => {
  const next = random(1);
  const fit = new LeastSquares([1, 0], 1, 10_000);
  expect(fit.predict([2, 5])).toBe(2);
  for (let i = 0; i < 500; i += 1) {
    const x = [next() - 0.5, next() - 0.5];
    fit.learn(x, 3 * (x[0] as number) - 2 * (x[1] as number) + 0.1 * (next() - 0.5));
  }
  expect(fit.predict([1, 0])).toBeCloseTo(3, 1);
  expect(fit.predict([0, 1])).toBeCloseTo(-2, 1);
});

test('least squares: no importance, no learning; a long flat night does no harm', () => {
  const fit = new LeastSquares([1], 1, 50);
  fit.learn([1], 100, 0);
  expect(fit.predict([1])).toBe(1);
  for (let i = 0; i < 5000; i += 1) fit.learn([0], 0);
  fit.learn([1], 2);
  expect(fit.predict([1])).toBeGreaterThan(1);
  expect(fit.predict([1])).toBeLessThanOrEqual(2);
});

test('error band: covers 80 % whatever the shape of the errors', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(1, 3), (seed, power) => {
      const next = random(seed);
      const band = new ErrorBand();
      let inside = 0;
      for (let i = 0; i < 6000; i += 1) {
        const error = next() ** power * 4 - 1;
        if (i >= 2000 && error >= band.mark(0) && error <= band.mark(2)) inside += 1;
        band.learn(error);
      }
      expect(inside / 4000).toBeGreaterThan(0.76);
      expect(inside / 4000).toBeLessThan(0.84);
    }),
    { numRuns: 20 },
  );
});

test.each([
  ['winter', '2026-01-15T11:30:00Z', 12 * 60 + 30, false],
  ['the last instant of winter time', '2026-03-29T00:59:00Z', 60 + 59, true],
  ['the first instant of summer time', '2026-03-29T01:00:00Z', 3 * 60, true],
  ['Friday night is already Saturday here', '2026-07-03T22:15:00Z', 15, true],
])('local time in Zurich: %s', (_, at, minuteOfDay, weekend) => {
  expect(localClock('Europe/Zurich')(Date.parse(at))).toEqual({ minuteOfDay, weekend });
});
