import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical.ts';

describe('canonical JSON (RFC 8785)', () => {
  it.each([
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [{ '€': 1, '\r': 2, '1': 3 }, '{"\\r":2,"1":3,"€":1}'],
    [{ a: undefined, b: null }, '{"b":null}'],
    [[1, 'x', true], '[1,"x",true]'],
    [-0, '0'],
    ['\u001f"\\', '"\\u001f\\"\\\\"'],
  ])('%j', (value, text) => expect(canonicalJson(value)).toBe(text));

  it.each([
    [{ a: [0.5] }, '$.a[0]'],
    [{ a: Number.NaN }, '$.a'],
    [{ a: 1n }, '$.a'],
    ['\ud800', '$'],
  ])('refuses what it cannot hold exactly, and says where', (value, path) => {
    expect(() => canonicalJson(value)).toThrow(path);
  });

  it('does not depend on the order of members and survives a round trip', () => {
    const record = fc.dictionary(
      fc.string({ unit: 'grapheme' }),
      fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }), fc.boolean()),
    );
    fc.assert(
      fc.property(record, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(Object.fromEntries(Object.entries(value).toReversed()))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });
});
