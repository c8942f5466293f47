import { expect, test } from 'vitest';
import { scoreForecasts } from './score.ts';

test('a forecast that is right scores nought and is covered', () => {
  const score = scoreForecasts([{ actualWh: 100, forecastWh: { p10: 100, p50: 100, p90: 100 } }]);
  expect(score).toEqual({ slots: 1, normalisedError: 0, bias: 0, pinballWh: 0, coverage: 1 });
});

test('errors count against what happened; the pinball loss weighs each side by its quantile', () => {
  const score = scoreForecasts([
    { actualWh: 100, forecastWh: { p10: 80, p50: 120, p90: 130 } },
    { actualWh: 300, forecastWh: { p10: 100, p50: 200, p90: 280 } },
  ]);
  expect(score.normalisedError).toBeCloseTo(120 / 400);
  expect(score.bias).toBeCloseTo(-80 / 400);
  expect(score.coverage).toBe(0.5);
  // (0.1*20 + 0.5*20 + 0.1*30)/3 and (0.1*200 + 0.5*100 + 0.9*20)/3
  expect(score.pinballWh).toBeCloseTo((15 / 3 + 88 / 3) / 2);
});

test('nothing to score gives NaN, not a good mark', () => {
  expect(scoreForecasts([]).normalisedError).toBeNaN();
  expect(scoreForecasts([{ actualWh: 0, forecastWh: { p10: 0, p50: 0, p90: 0 } }]).normalisedError).toBeNaN();
});
