import { describe, expect, it } from 'vitest';
import { slotsFrom } from '../testing/sample.ts';
import { completeBatches } from './periods.ts';

const day = slotsFrom('2026-06-01T12:00:00Z', 12);
const batches = (input: Partial<Parameters<typeof completeBatches>[0]>): string[][] =>
  completeBatches({
    waiting: [],
    batched: () => false,
    expectFrom: null,
    periodSlots: 4,
    slotMinutes: 15,
    flush: false,
    ...input,
  });

describe('settlement periods', () => {
  it('wait for their last slot', () => {
    expect(batches({ waiting: day.slice(0, 3) })).toEqual([]);
    expect(batches({ waiting: day.slice(0, 5) })).toEqual([day.slice(0, 4)]);
  });
  it('take slots in any order', () => {
    const waiting = [day[7]!, day[1]!, day[4]!, day[0]!, day[6]!, day[3]!, day[5]!, day[2]!];
    expect(batches({ waiting })).toEqual([day.slice(0, 4), day.slice(4, 8)]);
  });
  it('are shorter when the run starts inside one', () => {
    expect(batches({ waiting: day.slice(2, 4) })).toEqual([]);
    expect(batches({ waiting: day.slice(2, 4), expectFrom: day[2]! })).toEqual([day.slice(2, 4)]);
  });
  it('are completed by what was settled before', () => {
    const batched = (slot: string): boolean => slot < day[2]!;
    expect(batches({ waiting: day.slice(2, 4), batched })).toEqual([day.slice(2, 4)]);
  });
  it('end where the run ends', () => {
    expect(batches({ waiting: day.slice(4, 6), flush: true })).toEqual([day.slice(4, 6)]);
  });
});
