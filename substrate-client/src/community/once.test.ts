import { describe, expect, it } from 'vitest';
import { once } from './once.ts';

describe('once', () => {
  it('asks again after a failure, and not after an answer', async () => {
    let asked = 0;
    const ask = once(async () => {
      asked += 1;
      if (asked === 1) throw new Error('no answer');
      return asked;
    });
    await expect(ask()).rejects.toThrow('no answer');
    expect(await Promise.all([ask(), ask()])).toEqual([2, 2]);
    expect(await ask()).toBe(2);
  });
});
