import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costNano, floorNanoToMicro, formatMicro, meanPowerW, parseAmount, sum } from './units.ts';

describe('money', () => {
  it.each([
    // Wh, micro/kWh, nano
    [1000, 250_000, 250_000_000n],
    [1, 1, 1n],
    [-800, 80_000, -64_000_000n],
    [1_000_000_000, 100_000_000, 100_000_000_000_000_000n],
  ])('%d Wh at %d micro/kWh cost %s nano', (energyWh, priceMicroPerKwh, nano) => {
    expect(costNano(energyWh, priceMicroPerKwh)).toBe(nano);
  });

  it.each([1.5, Number.NaN, 2 ** 60])('refuses %d Wh', (energyWh) => {
    expect(() => costNano(energyWh, 1)).toThrow(RangeError);
  });

  it('is additive in energy, whatever the sizes', () => {
    const energy = fc.integer({ min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(energy, energy, fc.integer({ min: 0, max: 1e8 }), (a, b, price) => {
        expect(costNano(a, price) + costNano(b, price)).toBe(costNano(a + b, price));
      }),
    );
  });

  it('rounds to micro so that a receiver never gets more and a payer never pays less', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 18n), 10n ** 18n), (nano) => {
        const micro = floorNanoToMicro(nano);
        expect(micro * 1000n <= nano && nano - micro * 1000n < 1000n).toBe(true);
      }),
    );
  });

  it.each([
    [0n, '0.000000'],
    [-1n, '-0.000001'],
    [12_345_678n, '12.345678'],
  ])('%s micro read as %s', (micro, text) => expect(formatMicro(micro)).toBe(text));

  it('reads what it wrote, and nothing else', () => {
    expect(sum(['-5', '7'].map(parseAmount))).toBe(2n);
    for (const text of ['', '1.0', '0x1', '1e3', '+1', '1n'])
      expect(() => parseAmount(text)).toThrow(RangeError);
  });

  it('gives mean power over a slot', () => expect(meanPowerW(250, 900_000)).toBe(1000));
});
