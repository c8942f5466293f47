import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counterFacts } from './facts.ts';
import { NO_COUNTERS, takeSample, type CounterEvent, type CounterState } from './tracker.ts';

const LIMITS = { ratedW: 25_000, skewMs: 120_000, resolutionWh: 1, confirmations: 3 };
const MINUTE_MS = 60_000;
const END = 2 ** 32;

/** Feeds what a counter shows, a look a minute. */
function feed(
  shown: readonly number[],
  rollsAtWh: number | undefined,
  serials: readonly string[] = [],
): { state: CounterState; events: CounterEvent[] } {
  let state = NO_COUNTERS;
  const events: CounterEvent[] = [];
  for (const [index, importWh] of shown.entries()) {
    const step = takeSample(
      state,
      {
        atMs: index * MINUTE_MS,
        rawsWh: { importWh },
        ...(rollsAtWh === undefined ? {} : { rollsAtWh: { importWh: rollsAtWh } }),
        ...(serials[index] === undefined ? {} : { serial: serials[index] }),
      },
      LIMITS,
    );
    state = step.state;
    events.push(step.event);
  }
  return { state, events };
}

const last = (state: CounterState) => state.points.at(-1);

describe('a counter that rolls over', () => {
  test('goes on without loss, in the same epoch, and its raw value never falls', () => {
    const { state, events } = feed([END - 300, END - 100, 50, 250], END);
    expect(events).toEqual(['first', 'grown', 'grown', 'grown']);
    expect(last(state)).toMatchObject({
      totalsWh: { importWh: END + 250 },
      rawsWh: { importWh: END + 250 },
      rolledWh: { importWh: END },
      epoch: 0,
    });
  });

  test.each<[string, number[], number | undefined, CounterEvent[], number]>([
    ['far below its end it is a reset', [END / 2, 50, 60, 70], END, ['first', 'low', 'low', 'reset'], 20],
    [
      'a fall that no minute carries is a reset',
      [END - 100, 5000, 5010, 5020],
      END,
      ['first', 'low', 'low', 'reset'],
      20,
    ],
    [
      'a counter that never rolls: a reset',
      [END - 100, 50, 60, 70],
      undefined,
      ['first', 'low', 'low', 'reset'],
      20,
    ],
    [
      'zero at a start of the device is no rollover',
      [END - 100, 0, 0, END - 60],
      END,
      ['first', 'low', 'low', 'grown'],
      40,
    ],
    [
      'zero at the rollover itself waits until it counts',
      [END - 100, 0, 30],
      END,
      ['first', 'low', 'grown'],
      130,
    ],
  ])('%s', (_name, shown, rollsAt, events, grownWh) => {
    const result = feed(shown, rollsAt);
    expect(result.events).toEqual(events);
    expect((last(result.state)?.totalsWh['importWh'] ?? NaN) - (shown[0] ?? 0)).toBe(grownWh);
  });

  test('another serial number is another meter, however well its counter fits', () => {
    const { state, events } = feed([END - 100, 50, 60, 70], END, ['A', 'B', 'B', 'B']);
    expect(events.at(-1)).toBe('replaced');
    expect(last(state)).toMatchObject({
      totalsWh: { importWh: END - 80 },
      rawsWh: { importWh: 70 },
      epoch: 1,
    });
  });

  test('a reset after a rollover begins again at what the device shows', () => {
    const { state, events } = feed([END - 100, 50, 9000, 5, 6, 7, 8], END);
    expect(events.slice(-4)).toEqual(['low', 'low', 'reset', 'grown']);
    expect(last(state)).toMatchObject({ rawsWh: { importWh: 8 }, epoch: 1 });
    expect(last(state)).not.toHaveProperty('rolledWh');
  });

  test('a device that starts up with zeros after a rollover is not believed either', () => {
    const { state, events } = feed([END - 100, 50, 0, 0, 0, 0, 90], END);
    expect(events.slice(2)).toEqual(['low', 'low', 'low', 'low', 'grown']);
    expect(last(state)).toMatchObject({ totalsWh: { importWh: END + 90 }, epoch: 0 });
  });

  test('property: whatever it counts, at any scale, the sum is what was counted', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.001, 0.1, 1, 10, 1000),
        fc.integer({ min: 0, max: 3000 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 5, maxLength: 60 }),
        (scale, before, growth) => {
          // In steps of the register; a connection of 25 kW carries 1250 Wh in a look with its skew.
          const most = Math.max(1, Math.floor(1000 / scale));
          let steps = END - before;
          const rollsAtWh = END * scale;
          let state = NO_COUNTERS;
          let counted = 0;
          const epochs = new Set<number>();
          for (const [index, some] of [0, ...growth].entries()) {
            const grown = index === 0 ? 0 : 1 + ((some * 7919) % most);
            steps += grown;
            counted += grown;
            // Wh as decoding rounds them.
            const importWh = Math.round((steps % END) * scale);
            const limits = { ...LIMITS, resolutionWh: Math.max(1, scale) };
            const sample = {
              atMs: index * MINUTE_MS,
              rawsWh: { importWh },
              rollsAtWh: { importWh: rollsAtWh },
            };
            state = takeSample(state, sample, limits).state;
            epochs.add(last(state)?.epoch ?? -1);
          }
          const total =
            (last(state)?.totalsWh['importWh'] ?? NaN) - Math.round(((END - before) % END) * scale);
          // A rollover at exactly zero is still waiting for the next count.
          const waits = state.suspects.length > 0;
          expect(waits ? 0 : Math.abs(total - counted * scale)).toBeLessThanOrEqual(2);
          expect([...epochs]).toEqual([0]);
        },
      ),
    );
  });

  test('property: a fall is never more than the connection can carry', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: END - 1 }), { minLength: 2, maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        (values, nearEnd) => {
          const shown = values.map((value, index) =>
            nearEnd[index] ? END - 1 - (value % 3000) : value % 3000,
          );
          const { state } = feed(shown, END);
          const grown = (last(state)?.totalsWh['importWh'] ?? NaN) - (shown[0] ?? 0);
          expect(grown).toBeGreaterThanOrEqual(0);
          expect(grown).toBeLessThanOrEqual(shown.length * (Math.ceil(LIMITS.ratedW / 20) + 3));
        },
      ),
    );
  });
});

describe('what a register says of a counter', () => {
  test.each([
    ['float kWh at 10 MWh: 1 Wh', 'f32', 10_000, 1000, 0.9765625, undefined],
    ['float kWh at 100 MWh: 7.8 Wh', 'f32', 100_000, 1000, 7.8125, undefined],
    ['float kWh at 200 MWh: 15.6 Wh', 'f32', 200_000, 1000, 15.625, undefined],
    ['EM340: 100 Wh', 'i32', 12_345, 100, 100, undefined],
    ['acc32 in kWh rolls at 2^32 kWh', 'acc32', 5, 1000, 1000, 2 ** 32 * 1000],
    ['a u32 of 0.1 Wh', 'u32', 5, 0.1, 0.1, 2 ** 32 / 10],
  ])('%s', (_name, type, raw, stepWh, resolutionWh, rollsAt) => {
    const facts = counterFacts([{ quantity: 'importWh', type, raw, stepWh }]);
    expect(facts.resolutionWh).toBeCloseTo(resolutionWh, 6);
    expect(facts.rollsAtWh?.importWh ?? 0).toBeCloseTo(rollsAt ?? 0, 3);
  });

  test('a counter in whole kWh on a small connection counts on: a step is no jump', () => {
    const limits = { ...LIMITS, ratedW: 2000 };
    let state = NO_COUNTERS;
    for (const [index, importWh] of [7000, 7000, 8000, 8000, 9000].entries()) {
      const sample = { atMs: index * 1_800_000, rawsWh: { importWh }, resolutionWh: 1000 };
      const step = takeSample(state, sample, limits);
      expect(['first', 'grown']).toContain(step.event);
      state = step.state;
    }
    expect(last(state)?.totalsWh).toEqual({ importWh: 9000 });
  });
});
