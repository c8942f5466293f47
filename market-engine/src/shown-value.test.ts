import { expect, it } from 'vitest';
import { parseBook } from './auction/parse-book.ts';
import { checkCertificate } from './certificate/check-certificate.ts';
import { readOrder } from './ingest/shape.ts';
import { shownValue } from './shown-value.ts';

const DEEP: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
const TOO_DEEP = expect.objectContaining({
  code: 'malformed',
  message: expect.stringContaining('nested too deeply') as string,
}) as Error;

it.each([
  [undefined, 'nothing'],
  [null, 'null'],
  [1e21, '1e+21'],
  [true, 'true'],
  ['a"b', '"a\\"b"'],
  [{ a: [1] }, '{"a":[1]}'],
  [() => 1, 'function'],
  ['x'.repeat(50), '"xxxxxxxxxxxxxxxx...'],
])('shows %j as %s', (value, text) => {
  expect(shownValue(value, 20)).toBe(text);
});

it('what is nested deeper than JSON can be written is refused by its place, wherever it stands', () => {
  const book = { slot: '2026-06-01T12:00:00Z', orders: [] as unknown[] };
  const order = { id: 'o1', participant: 'a', side: 'bid', energyWh: 1, priceMicroPerKwh: 1 };
  expect(() => parseBook(DEEP)).toThrow(TOO_DEEP);
  expect(() => parseBook({ ...book, slot: DEEP })).toThrow(TOO_DEEP);
  expect(() => parseBook({ ...book, orders: [DEEP] })).toThrow(TOO_DEEP);
  for (const field of Object.keys(order)) {
    expect(() => parseBook({ ...book, orders: [{ ...order, [field]: DEEP }] })).toThrow(TOO_DEEP);
  }
  expect(() => readOrder(DEEP)).toThrow(TOO_DEEP);
  expect(() => readOrder({ payload: DEEP })).toThrow(TOO_DEEP);
  expect(() => readOrder({ payload: { type: DEEP } })).toThrow(TOO_DEEP);
  const certificate = {
    type: 'clearing-certificate',
    version: 1,
    book: { ...book, orders: [DEEP] },
    marginal: null,
    clearing: {
      slot: book.slot,
      mechanism: 'uniform',
      bookHash: '0'.repeat(64),
      volumeWh: 0,
      priceMicroPerKwh: null,
      priceInterval: null,
      fills: [],
      trades: [],
    },
  };
  expect(checkCertificate(certificate)).toMatchObject({
    ok: false,
    record: 'orders[0]',
    reason: expect.stringContaining('nested too deeply') as string,
  });
});
