import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUnits, parseUnits } from './decimal.ts';

describe('amounts with decimals', () => {
  it.each([
    ['50', 6, 50_000_000n],
    ['0.000001', 6, 1n],
    ['12.50', 6, 12_500_000n],
    ['1.', 6, 1_000_000n],
    [' 7 ', 0, 7n],
    ['3.1400000000', 2, 314n],
  ])('%j with %i decimals is %s', (text, decimals, amount) => {
    expect(parseUnits(text, decimals)).toBe(amount);
  });

  it.each(['', '-1', '1e3', '0x10', '1,5', '.5', '1.0000001', 'NaN', '1 000'])('%j is refused', (text) => {
    expect(() => parseUnits(text, 6)).toThrow('is no amount');
  });

  it('read what they write, exactly', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 30n }),
        fc.integer({ min: 0, max: 18 }),
        (amount, decimals) => {
          fc.pre(amount / 10n ** BigInt(decimals) < 10n ** 24n);
          expect(parseUnits(formatUnits(amount, decimals), decimals)).toBe(amount);
        },
      ),
    );
    expect(formatUnits(-1n, 6)).toBe('-0.000001');
  });
});
