import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatEnergy,
  formatMoney,
  formatPower,
  formatPrice,
  formatSlot,
  parseMicro,
  shortAmount,
  shortHash,
} from './format.ts';

const plain = (text: string) => text.replaceAll('\u202f', ' ').replaceAll('\u2212', '-');

test.each([
  [0, '0 W'],
  [-0.4, '0 W'],
  [950, '950 W'],
  [999.6, '1.00 kW'],
  [1234, '1.23 kW'],
  [-45_678, '-45.7 kW'],
  [123_456, '123 kW'],
  [12_345_678, '12.3 MW'],
])('power %s W reads %s', (powerW, text) => expect(plain(formatPower(powerW))).toBe(text));

test('a plus is shown where asked, a missing number is a dash', () => {
  expect(plain(formatPower(88, true))).toBe('+88 W');
  expect(plain(formatPower(0, true))).toBe('0 W');
  expect(formatEnergy(null)).toBe('–');
  expect(formatEnergy(Number.NaN)).toBe('–');
});

test.each([
  [165_000, '16.50 ct/kWh'],
  [80_000, '8.00 ct/kWh'],
  [null, '–'],
])('price %s micro/kWh reads %s', (price, text) => expect(plain(formatPrice(price))).toBe(text));

test.each([
  ['0', '0.00 EUR'],
  ['-4999', '0.00 EUR'],
  ['-5000', '-0.01 EUR'],
  ['1234567', '1.23 EUR'],
  ['1235000', '1.24 EUR'],
  ['-1234567890123', '-1,234,567.89 EUR'],
])('money %s micro reads %s', (text, shown) => expect(plain(formatMoney(parseMicro(text)))).toBe(shown));

test('money is never wrong by more than half a cent, however large', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (micro) => {
      const cents = BigInt(plain(formatMoney(micro)).replace(/[^\d-]/g, ''));
      const error = cents * 10_000n - micro;
      expect(error <= 5000n && error >= -5000n).toBe(true);
    }),
  );
});

test('what is no whole number of micro-units is no money', () => {
  for (const bad of ['1.5', '', 'x', '1e3', 12, null]) expect(parseMicro(bad)).toBeNull();
});

test('slots and hashes', () => {
  expect(formatSlot('2026-06-01T23:45:00Z', 15)).toBe('23:45–00:00');
  expect(formatSlot('nonsense', 15)).toBe('nonsense');
  expect(shortHash('0123456789abcdef0123')).toBe('012345…0123');
});

test.each([
  ['997.938738185681 ROC', '997.93 ROC'],
  ['0.001076951407 ROC', '0.001076 ROC'],
  ['0.04 ROC', '0.04 ROC'],
  ['12.000001 DOT', '12.00 DOT'],
  ['480 ROC', '480 ROC'],
])('%s reads %s', (amount, short) => {
  expect(shortAmount(amount)).toBe(short);
});
