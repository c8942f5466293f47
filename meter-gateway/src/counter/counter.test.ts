import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { valueAt } from './boundary.ts';
import { NO_COUNTERS, prunePoints, takeSample, thinPoints, type CounterState } from './tracker.ts';

const LIMITS = { ratedW: 25_000, skewMs: 120_000, resolutionWh: 1, confirmations: 3 };
const SLOT_MS = 900_000;
const MINUTE_MS = 60_000;

type Look = number | readonly [importWh: number, serial: string];

/** Feeds one sample a minute and gives the events. */
function feed(
  looks: readonly Look[],
  from: CounterState = NO_COUNTERS,
): { state: CounterState; events: string[] } {
  let state = from;
  const events: string[] = [];
  const startMs = (state.points.at(-1)?.atMs ?? -MINUTE_MS) + MINUTE_MS;
  for (const [index, look] of looks.entries()) {
    const [importWh, serial] = typeof look === 'number' ? [look] : look;
    const sample = {
      atMs: startMs + index * MINUTE_MS,
      rawsWh: { importWh },
      ...(serial === undefined ? {} : { serial }),
    };
    const step = takeSample(state, sample, LIMITS);
    state = step.state;
    events.push(step.event);
  }
  return { state, events };
}

const totalOf = (state: CounterState): number | undefined => state.points.at(-1)?.totalsWh['importWh'];

describe('a counter never rebases by itself', () => {
  test.each<[string, Look[], string[], number, number]>([
    ['grows', [100, 110, 120], ['first', 'grown', 'grown'], 120, 0],
    ['rounding down is no growth', [100, 99, 101], ['first', 'grown', 'grown'], 101, 0],
    ['one zero', [100, 0, 110], ['first', 'low', 'grown'], 110, 0],
    [
      'zeros for long',
      [100, 0, 0, 0, 0, 0, 130],
      ['first', 'low', 'low', 'low', 'low', 'low', 'grown'],
      130,
      0,
    ],
    ['one spike', [100, 9e9, 110], ['first', 'high', 'grown'], 110, 0],
    ['a reset, confirmed', [10_000, 0, 5, 9, 20], ['first', 'low', 'low', 'reset', 'grown'], 10_020, 1],
    [
      'a reset that does not agree',
      [10_000, 5, 9000, 5, 10_010],
      ['first', 'low', 'low', 'low', 'grown'],
      10_010,
      0,
    ],
    ['a jump, confirmed', [100, 90_000, 90_010, 90_015], ['first', 'high', 'high', 'jump'], 115, 1],
    [
      'a replaced meter',
      [
        [500, 'A'],
        [510, 'A'],
        [700, 'B'],
        [720, 'B'],
        [725, 'B'],
      ],
      ['first', 'grown', 'low', 'low', 'replaced'],
      535,
      1,
    ],
  ])('%s', (_name, looks, events, total, epoch) => {
    const result = feed(looks);
    expect(result.events).toEqual(events);
    expect(totalOf(result.state)).toBe(total);
    expect(result.state.points.at(-1)?.epoch).toBe(epoch);
  });

  test('a sample from the past is ignored', () => {
    const { state } = feed([100, 110]);
    const back = takeSample(state, { atMs: 0, rawsWh: { importWh: 500 } }, LIMITS);
    expect(back).toEqual({ state, event: 'old' });
  });

  test('property: whatever a device says, totals never fall and never grow faster than the connection carries', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 2, maxLength: 60 }),
        (looks) => {
          let state = NO_COUNTERS;
          const points = new Map<number, number>();
          for (const [index, importWh] of looks.entries()) {
            state = takeSample(state, { atMs: index * MINUTE_MS, rawsWh: { importWh } }, LIMITS).state;
            for (const { atMs, totalsWh } of state.points) points.set(atMs, totalsWh['importWh'] ?? NaN);
          }
          const line = [...points].sort(([a], [b]) => a - b);
          for (const [index, [atMs, total]] of line.slice(1).entries()) {
            const [beforeMs, before] = line[index] ?? [NaN, NaN];
            const hours = (atMs - beforeMs + LIMITS.skewMs) / 3_600_000;
            expect(total).toBeGreaterThanOrEqual(before);
            expect(total - before).toBeLessThanOrEqual(Math.ceil(LIMITS.ratedW * hours) + 2);
          }
        },
      ),
    );
  });
});

describe('boundaries', () => {
  test('property: slot growth telescopes to the growth of the counter, with gaps, thinning and pruning', () => {
    const steps = fc.array(
      fc.record({ gapMs: fc.integer({ min: 1, max: 4_000_000 }), growWh: fc.integer({ min: 0, max: 100 }) }),
      { minLength: 2, maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 2 ** 40 }), (list, startWh) => {
        let state: CounterState = NO_COUNTERS;
        let whole: CounterState = NO_COUNTERS;
        let raw = startWh;
        let atMs = 12_345;
        let boundaryMs = 0;
        let closed: number | undefined;
        let sum = 0;
        for (const { gapMs, growWh } of list) {
          const sample = { atMs, rawsWh: { importWh: raw } };
          state = thinPoints(takeSample(state, sample, LIMITS).state, SLOT_MS);
          whole = takeSample(whole, sample, LIMITS).state;
          closed ??= raw;
          while (boundaryMs + SLOT_MS <= atMs) {
            boundaryMs += SLOT_MS;
            const value = valueAt(state, boundaryMs);
            const total = value?.totalsWh['importWh'] ?? NaN;
            expect(total).toBe(valueAt(whole, boundaryMs)?.totalsWh['importWh']);
            expect(total).toBeGreaterThanOrEqual(closed);
            sum += total - closed;
            closed = total;
            state = prunePoints(state, boundaryMs);
          }
          raw += growWh;
          atMs += gapMs;
        }
        expect(startWh + sum).toBe(closed ?? startWh);
        expect(closed ?? startWh).toBeLessThanOrEqual(raw);
        expect(state.points.length).toBeLessThanOrEqual(6);
      }),
    );
  });

  test('the value lies on the line between the polls around the boundary, in whole Wh', () => {
    const { state } = feed([1000, 1010]);
    expect(valueAt(state, 30_000)).toMatchObject({ totalsWh: { importWh: 1005 }, gapMs: 60_000 });
    expect(valueAt(state, 33_000)).toMatchObject({ totalsWh: { importWh: 1005 } });
    expect(valueAt(state, 60_000)).toMatchObject({ totalsWh: { importWh: 1010 }, gapMs: 0 });
    expect(valueAt(state, 90_000)).toMatchObject({ totalsWh: { importWh: 1010 }, gapMs: null });
    expect(valueAt(NO_COUNTERS, 0)).toBeUndefined();
  });
});
