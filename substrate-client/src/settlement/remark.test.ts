import { describe, expect, it } from 'vitest';
import { batchIdOf, formatRemark, parseRemark } from './remark.ts';

const remark = {
  community: 'commonwatt-1a2b',
  batchId: 'b-20260601T1200Z',
  firstSlot: '2026-06-01T12:00:00Z',
  slotCount: 4,
  root: 'ab'.repeat(32),
};

describe('the remark of a batch', () => {
  it('reads back what was written, with colons in the community too', () => {
    expect(parseRemark(formatRemark(remark))).toEqual(remark);
    const odd = { ...remark, community: 'a:b:2026-06-01T12:00:00Z' };
    expect(parseRemark(formatRemark(odd))).toEqual(odd);
  });

  it('names a batch after its first slot', () => {
    expect(batchIdOf('2026-06-01T12:15:00Z')).toBe('b-20260601T1215Z');
  });

  it.each([
    ['another version', formatRemark(remark).replace(':1:', ':2:')],
    ['a short root', formatRemark(remark).slice(0, -1)],
    ['no count', formatRemark({ ...remark, slotCount: 0 })],
    ['a day that is none', formatRemark({ ...remark, firstSlot: '2026-02-30T12:00:00Z' })],
    ['something behind it', `${formatRemark(remark)} `],
    ['any other text', 'hello'],
  ])('is not read with %s', (_what, text) => {
    expect(parseRemark(text)).toBeNull();
  });
});
