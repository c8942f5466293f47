import { describe, expect, test } from 'vitest';
import {
  hasMeasured,
  type MeasuredName,
  type Method,
  readMeasured,
  replay,
  warmUpDays,
} from '../bench/measured.ts';
import { scoreForecasts } from './score.ts';

if (!hasMeasured())
  console.log('left out: forecasts on measured homes (no ../shared/data beside the project)');

describe.skipIf(!hasMeasured())('on measured homes', () => {
  test.each([
    ['fontana', 'load'],
    ['fontana', 'pv'],
    ['swiss15', 'load'],
  ] as const)('%s: %s beats yesterday and persistence', (name: MeasuredName, kind) => {
    const said = replay(readMeasured(name), warmUpDays(name))[kind];
    const error = (method: Method): number => scoreForecasts(said[method]).normalisedError;
    console.log(
      `${name} ${kind}: day ahead ${error('ahead').toFixed(3)} (yesterday ${error('yesterday').toFixed(3)}), ` +
        `next slot ${error('next').toFixed(3)} (persistence ${error('persistence').toFixed(3)})`,
    );
    expect(error('ahead')).toBeLessThan(error('yesterday'));
    expect(error('next')).toBeLessThan(error('persistence'));
    expect(scoreForecasts(said.ahead).coverage).toBeGreaterThan(0.75);
    expect(scoreForecasts(said.next).coverage).toBeGreaterThan(0.75);
  });
});
