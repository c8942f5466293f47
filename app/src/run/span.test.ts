import { describe, expect, it } from 'vitest';
import { slotAtOrAfter, slotsToSettle } from './span.ts';

const START_MS = Date.parse('2026-06-01T07:00:00Z');
const HOUR_MS = 3_600_000;

describe('the span of a run', () => {
  it.each([
    [0, 15, '2026-06-01T07:00:00Z'],
    [1, 15, '2026-06-01T07:15:00Z'],
    [15 * 60_000, 60, '2026-06-01T08:00:00Z'],
  ] as const)('%d ms after seven, in slots of %d minutes, it begins with %s', (afterMs, minutes, slot) => {
    expect(slotAtOrAfter(START_MS + afterMs, minutes)).toBe(slot);
  });

  it.each([
    [null, null, null],
    [8, null, 8],
    [null, START_MS + 2 * HOUR_MS, 8],
    [96, START_MS + 2 * HOUR_MS + 1, 8],
    [3, START_MS + 2 * HOUR_MS, 3],
  ])('%s slots asked for, data until %s: %s', (asked, endMs, slots) => {
    expect(slotsToSettle(asked, '2026-06-01T07:00:00Z', endMs, 15)).toBe(slots);
  });
});
