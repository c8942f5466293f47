import { expect, onTestFinished, test } from 'vitest';
import { until } from '../test/test-home.ts';
import { askTimedatectl, watchOsClock } from './os-clock.ts';

test('a machine without a time server is told once, and again when it has one; one that does not say is believed', async () => {
  const answers: (boolean | null)[] = [false, false, true, null];
  const lines: string[] = [];
  const seen: boolean[] = [];
  const clock = await watchOsClock(
    (line) => lines.push(line),
    async () => answers.shift() ?? null,
    5,
  );
  onTestFinished(() => clock.stop());
  seen.push(clock.synchronised());
  await until(() => answers.length === 0, 'all answers');
  seen.push(clock.synchronised());
  expect(seen).toEqual([false, true]);
  expect(lines.map((line) => line.split(':')[0])).toEqual([
    "this machine's clock follows no time server",
    "this machine's clock follows a time server again",
  ]);
});

test('asking fails where there is no such system: that is no verdict', async () => {
  const clock = await watchOsClock(
    () => {},
    () => Promise.reject(new Error('ENOENT')),
  );
  onTestFinished(() => clock.stop());
  expect(clock.synchronised()).toBe(true);
  expect([true, false, null]).toContain(await askTimedatectl());
});
