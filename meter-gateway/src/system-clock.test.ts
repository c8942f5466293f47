import { expect, test } from 'vitest';
import { systemClock } from './system-clock.ts';

/** Runs both clocks a second at a time; `wall` gives what the wall clock is off by at each second. */
function runClock(offByMs: (second: number) => number, seconds: number) {
  let second = 0;
  const clock = systemClock(
    () => 1_000_000 + second * 1000 + offByMs(second),
    () => second * 1000,
  );
  const told: { nowMs: number; synchronised: boolean }[] = [];
  for (; second < seconds; second += 1) {
    const nowMs = clock.nowMs();
    told.push({ nowMs: nowMs - 1_000_000 - second * 1000, synchronised: clock.synchronised() });
  }
  return told;
}

test.each<[string, (second: number) => number, number[], boolean[]]>([
  // What the told time is off by at 0 s, 10 s, 50 s and 100 s, and whether it is believed.
  ['a clock that is right', () => 0, [0, 0, 0, 0], [true, true, true, true]],
  ['slow drift is followed', (s) => s * 10, [0, 100, 500, 1000], [true, true, true, true]],
  [
    'a glitch of an hour, gone after 20 s',
    (s) => (s > 5 && s < 25 ? 3.6e6 : 0),
    [0, 0, 0, 0],
    [true, false, true, true],
  ],
  [
    'a step forward that lasts is followed after a minute',
    (s) => (s > 5 ? 3.6e6 : 0),
    [0, 0, 0, 3.6e6],
    [true, false, false, true],
  ],
  [
    'a step back: time stands still until it has caught up',
    (s) => (s > 5 ? -20_000 : 0),
    [0, 0, 0, -20_000],
    [true, false, false, true],
  ],
])('%s', (_name, offByMs, off, synchronised) => {
  const told = runClock(offByMs, 101);
  const at = [0, 10, 50, 100].map((second) => told[second]);
  expect(at.map((look) => look?.nowMs)).toEqual(off);
  expect(at.map((look) => look?.synchronised)).toEqual(synchronised);
  const times = told.map(({ nowMs }, second) => nowMs + second * 1000);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});
