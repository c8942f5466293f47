import { expect, test } from 'vitest';
import { observe, standsStill, type Standing } from './standing.ts';

/** A day's looks as `[our minute, device's minute, power]`. */
function after(looks: readonly (readonly [number, number | undefined, number])[]): Standing | undefined {
  let standing: Standing | undefined;
  for (const [ours, theirs, powerW] of looks) {
    const sample = { values: { powerW }, nonsense: [] };
    const deviceTimeMs = theirs === undefined ? undefined : theirs * 60_000;
    standing = observe(
      standing,
      deviceTimeMs === undefined ? sample : { ...sample, deviceTimeMs },
      ours * 60_000,
    );
  }
  return standing;
}

const still = (role: 'grid-meter' | 'pv', nowMin: number, ...looks: Parameters<typeof after>[0]) =>
  standsStill(after(looks), role, nowMin * 60_000, 5 * 60_000);

test.each<[string, boolean, boolean]>([
  ['within the limit', still('grid-meter', 5, [0, 0, 7], [5, 0, 7]), false],
  ['beyond the limit', still('grid-meter', 6, [0, 0, 7], [6, 0, 7]), true],
  ['the time moves', still('grid-meter', 6, [0, 0, 7], [3, 3, 7], [6, 3, 7]), false],
  ['the value moves', still('grid-meter', 6, [0, 0, 7], [3, 0, 8], [6, 0, 8]), false],
  ['a clock of its own, days behind', still('grid-meter', 9, [0, -9999, 7], [9, -9990, 7]), false],
  ['no time told', still('grid-meter', 60, [0, undefined, 7], [60, undefined, 7]), false],
  ['a roof at night that stamps changes only', still('pv', 60, [0, 0, 0], [60, 0, 0]), false],
  ['a roof that stamped every look', still('pv', 60, [0, 0, 0], [1, 1, 0], [60, 1, 0]), true],
  ['our clock steps back', still('grid-meter', 3, [100, 0, 7], [1, 0, 7], [3, 0, 7]), false],
])('%s', (_name, is, expected) => {
  expect(is).toBe(expected);
});
