import { canonicalJson, CommonwattError, sha256Hex, type Order } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryBook, bookOf, DENSE, SLOT, WIDE } from './books.fixture.ts';
import { freezeBook, frozenOrders } from './freeze-book.ts';
import { sortedByBytes } from './id-order.ts';
import { IdWriter, textReader } from './text-table.ts';

const ids = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/), { maxLength: 200 });
const likeIds = fc.uniqueArray(fc.stringMatching(/^home-[01][0-3](\.[ab]{0,3})?$/), { maxLength: 200 });

describe('freezeBook', () => {
  it('hashes the canonical JSON of the book in canonical order', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryBook(DENSE), arbitraryBook(WIDE)), (book) => {
        const orders = book.orders.toSorted((a, b) => (a.id < b.id ? -1 : 1));
        expect(freezeBook(book).bookHash).toBe(sha256Hex(canonicalJson({ ...book, orders })));
        expect(frozenOrders(freezeBook(book))).toEqual(orders);
      }),
    );
  });

  it('hashes the book of the rules to the value the rules page prints', () => {
    const book = {
      slot: SLOT,
      kPercent: 50,
      orders: [
        { id: 'o1', participant: 'alice', side: 'bid', energyWh: 1000, priceMicroPerKwh: 250_000 },
        { id: 'o2', participant: 'bob', side: 'offer', energyWh: 800, priceMicroPerKwh: 100_000 },
      ] satisfies Order[],
    };
    expect(freezeBook(book).bookHash).toBe(
      'd12f52264a675939fccd10ec52b7e4575e85175b8e4691ff381758db172505b6',
    );
  });

  it('hashes a book that takes many chunks', () => {
    const text = Array.from({ length: 3000 }, (_, index) => `o${index} bid ${index + 1} ${index * 7}`);
    const book = bookOf(text.join(';'));
    const orders = book.orders.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(freezeBook(book).bookHash).toBe(sha256Hex(canonicalJson({ ...book, orders })));
  });

  it('does not depend on the order of arrival, in any column', () => {
    const book = arbitraryBook(DENSE).chain((book) =>
      fc.tuple(fc.constant(book), fc.shuffledSubarray([...book.orders], { minLength: book.orders.length })),
    );
    fc.assert(
      fc.property(book, ([book, orders]) => {
        expect(freezeBook({ ...book, orders })).toEqual(freezeBook(book));
      }),
    );
  });

  it.each([
    ['a duplicate id', bookOf('a bid 1 1; b bid 1 1; a bid 2 2'), 'duplicate'],
    ['energy out of range', bookOf('a bid 0 1'), 'out-of-range'],
    ['a price out of range', bookOf('a bid 1 100000001'), 'out-of-range'],
    ['a bad id', bookOf('a/b bid 1 1'), 'malformed'],
    ['an id that looks good in its low bytes', bookOf('Ł bid 1 1'), 'malformed'],
    ['a bad side', bookOf('a both 1 1'), 'malformed'],
    ['a bad slot', { ...bookOf(''), slot: 'now' }, 'malformed'],
    ['a bad k', { ...bookOf(''), kPercent: 200 }, 'out-of-range'],
  ])('refuses %s', (_, book, code) => {
    expect(() => freezeBook(book)).toThrow(CommonwattError);
    expect(() => freezeBook(book)).toThrow(expect.objectContaining({ code }));
  });
});

describe('sortedByBytes', () => {
  it('goes on where many ids share their first bytes', () => {
    const ids = Array.from({ length: 4000 }, (_, n) => {
      const bits = Math.imul(n, 0x9e3779b1) >>> 0;
      return `x-${bits.toString(2).padStart(32, '0')}${'z'.repeat(n % 3)}`;
    });
    const writer = new IdWriter(ids.length);
    for (const id of ids) writer.add(id);
    const table = writer.table();
    expect([...sortedByBytes(table.bytes, table.starts)].map(textReader(table))).toEqual(ids.toSorted());
  });

  it.each([
    ['any ids', ids],
    ['ids that share beginnings', likeIds],
  ])('sorts like strings of ASCII: %s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (texts) => {
        const writer = new IdWriter(texts.length);
        expect(texts.map((text) => writer.add(text))).toEqual(texts.map(() => true));
        const table = writer.table();
        const read = textReader(table);
        expect([...sortedByBytes(table.bytes, table.starts)].map(read)).toEqual(texts.toSorted());
      }),
    );
  });
});
