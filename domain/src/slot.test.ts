import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotAfter, slotEndMs, slotHolding, slotIdAt, slotStartMs, type SlotMinutes } from './slot.ts';

describe('slots', () => {
  it.each([
    ['2026-06-01T12:07:33Z', 15, '2026-06-01T12:00:00Z'],
    ['2026-06-01T12:44:59Z', 30, '2026-06-01T12:30:00Z'],
    ['2026-06-01T23:59:59Z', 60, '2026-06-01T23:00:00Z'],
    ['1969-12-31T23:59:59Z', 15, '1969-12-31T23:45:00Z'],
  ])('%s lies in the %d-minute slot %s', (instant, minutes, slot) => {
    expect(slotHolding(Date.parse(instant), minutes as SlotMinutes)).toBe(slot);
  });

  it.each([
    '2026-06-01T12:07:00Z',
    '2026-06-01 12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2026-06-01T12:00:00+00:00',
    '',
  ])('%j is no slot', (text) => expect(() => slotStartMs(text)).toThrow(RangeError));

  it('follow one another without a gap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.constantFrom<SlotMinutes>(15, 30, 60),
        (nowMs, minutes) => {
          const slot = slotHolding(nowMs, minutes);
          expect(slotStartMs(slot) <= nowMs && nowMs < slotEndMs(slot, minutes)).toBe(true);
          expect(slotIdAt(slotEndMs(slot, minutes))).toBe(slotAfter(slot, minutes));
          expect(slotAfter(slotAfter(slot, minutes), minutes, -1)).toBe(slot);
        },
      ),
    );
  });
});
