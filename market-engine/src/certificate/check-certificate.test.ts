import type { Book, Clearing, Fill, MechanismName } from '@commonwatt/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryBook, bookOf, DENSE, WIDE } from '../auction/books.fixture.ts';
import { freezeBook } from '../auction/freeze-book.ts';
import { clearBook, MECHANISMS } from '../auction/mechanisms.ts';
import { buildCertificate, type Certificate } from './build-certificate.ts';
import { checkCertificate } from './check-certificate.ts';

const NAMES = Object.keys(MECHANISMS) as MechanismName[];

function certify(book: Book, mechanism: MechanismName): Certificate {
  const frozen = freezeBook(book);
  return buildCertificate(frozen, clearBook(frozen, mechanism));
}

/** Through JSON, as it would travel. */
function check(certificate: Certificate): ReturnType<typeof checkCertificate> {
  return checkCertificate(JSON.parse(JSON.stringify(certificate)));
}

describe.each(NAMES)('a certificate of %s', (mechanism) => {
  it('holds for every book', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryBook(DENSE), arbitraryBook(WIDE)), (book) => {
        expect(check(certify(book, mechanism))).toEqual({ ok: true });
      }),
      { numRuns: 1000 },
    );
  });

  it('fails for any other clearing: every number, name and length in it is checked', () => {
    fc.assert(
      fc.property(arbitraryBook(DENSE), fc.nat(), fc.integer({ min: -2, max: 2 }), (book, place, by) => {
        fc.pre(by !== 0);
        const certificate = certify(book, mechanism);
        const forged = tamper(certificate.clearing, place, by);
        expect(check({ ...certificate, clearing: forged }).ok).toBe(false);
      }),
      { numRuns: 1500 },
    );
  });

  it('fails with the clearing of another mechanism under its name, unless that is the same', () => {
    fc.assert(
      fc.property(arbitraryBook(DENSE), fc.constantFrom(...NAMES), (book, other) => {
        const certificate = certify(book, mechanism);
        const renamed = { ...certify(book, other).clearing, mechanism };
        const same = JSON.stringify(renamed) === JSON.stringify(certificate.clearing);
        expect(check({ ...certificate, clearing: renamed }).ok).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('fails with other marginal limits', () => {
    fc.assert(
      fc.property(arbitraryBook(DENSE), fc.nat(9), fc.nat(9), (book, bidMicroPerKwh, offerMicroPerKwh) => {
        const certificate = certify(book, mechanism);
        const { marginal } = certificate;
        fc.pre(marginal?.bidMicroPerKwh !== bidMicroPerKwh || marginal.offerMicroPerKwh !== offerMicroPerKwh);
        expect(check({ ...certificate, marginal: { bidMicroPerKwh, offerMicroPerKwh } }).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Changes one leaf of a clearing: a number by some, a text by a letter, null to a number; or drops a list's last item. */
function tamper(clearing: Clearing, place: number, by: number): Clearing {
  const copy = structuredClone(clearing) as unknown;
  const changes: (() => void)[] = [];
  const visit = (node: Record<string, unknown>): void => {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
      if (typeof value === 'number') changes.push(() => (node[key] = value + by));
      if (typeof value === 'string') changes.push(() => (node[key] = `${value}x`));
      if (value === null) changes.push(() => (node[key] = by));
      if (Array.isArray(value) && value.length > 0) changes.push(() => value.pop());
    }
  };
  visit(copy as Record<string, unknown>);
  changes[place % changes.length]?.();
  return copy as Clearing;
}

describe('a forged certificate fails with its reason', () => {
  const book = bookOf('a bid 10 30; b bid 4 20; B bid 4 20; x offer 8 10; y offer 8 15; z offer 5 25');
  const certificate = certify(book, 'uniform');
  const { clearing } = certificate;
  const [first, ...others] = clearing.trades as [Clearing['trades'][number], ...Clearing['trades']];
  const fills = clearing.fills;

  it('starts from one that holds: 16 Wh at 20, b and B cut', () => {
    expect(clearing).toMatchObject({ volumeWh: 16, priceMicroPerKwh: 20, priceInterval: [20, 20] });
    expect(check(certificate)).toEqual({ ok: true });
  });

  it.each<[string, Partial<Clearing>, RegExp]>([
    ['price', { priceMicroPerKwh: 21 }, /price is 20, not 21/],
    ['no price', { priceMicroPerKwh: null }, /price is 20, not null/],
    ['interval', { priceInterval: [19, 20] }, /interval is \[20, 20\], not \[19,20\]/],
    ['volume', { volumeWh: 15 }, /volume is 16 Wh, not 15/],
    ['hash', { bookHash: '0'.repeat(64) }, /hash is/],
    ['slot', { slot: '2026-06-01T12:15:00Z' }, /for slot/],
    ['fill', { fills: fills.map((f) => (f.orderId === 'a' ? { ...f, energyWh: 9 } : f)) }, /bought/],
    [
      'a fill beyond the order',
      { fills: fills.map((f) => (f.orderId === 'a' ? { ...f, energyWh: 11 } : f)) },
      /cannot get/,
    ],
    [
      'shares',
      {
        fills: fills.map((f) => ({
          ...f,
          energyWh: f.energyWh + (f.orderId === 'b' ? 1 : f.orderId === 'B' ? -1 : 0),
        })),
      },
      /its share is 3 Wh/,
    ],
    ['a fill of no order', { fills: [...fills, { orderId: 'zz', energyWh: 1 }] }, /no order of the book/],
    ['order of fills', { fills: fills.toReversed() }, /canonical order/],
    ['a pair', { trades: [{ ...first, offerId: 'y' }, ...others] }, /offerId of the trade is x, not y/],
    ["a pair's parties", { trades: [{ ...first, buyer: 'p-x' }, ...others] }, /buyer of the trade/],
    [
      "a pair's energy",
      { trades: [{ ...first, energyWh: first.energyWh - 1 }, ...others] },
      /energyWh of the trade/,
    ],
    [
      "a pair's price",
      { trades: [{ ...first, priceMicroPerKwh: 19 }, ...others] },
      /priceMicroPerKwh of the trade/,
    ],
    ['a missing pair', { trades: others }, /of the trade/],
    ['the last pair missing', { trades: clearing.trades.slice(0, -1) }, /has no trade/],
    ['one pair too many', { trades: [...clearing.trades, first] }, /more trades/],
  ])('%s', (_, change, reason) => {
    const verdict = check({ ...certificate, clearing: { ...clearing, ...change } });
    expect(verdict).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  it('names the better order that is left out', () => {
    const unfair = fills.map((f) =>
      f.orderId === 'a'
        ? { ...f, energyWh: 8 }
        : { ...f, energyWh: f.orderId === 'b' || f.orderId === 'B' ? 4 : f.energyWh },
    );
    const verdict = check({ ...certificate, clearing: { ...clearing, fills: unfair } });
    expect(verdict).toEqual({
      ok: false,
      record: 'a',
      reason: expect.stringMatching(/a bid at 30 is left out/),
    });
  });

  it('sees shares moved between equal offers', () => {
    const cut = certify(bookOf('a bid 5 30; x offer 4 10; y offer 4 10'), 'uniform');
    const [bid, x, y] = cut.clearing.fills as [Fill, Fill, Fill];
    const moved = [bid, { ...x, energyWh: x.energyWh + 1 }, { ...y, energyWh: y.energyWh - 1 }];
    const { trades } = cut.clearing;
    const moving = trades.map((t, n) => ({ ...t, energyWh: t.energyWh + (n === 0 ? 1 : -1) }));
    expect(check(cut)).toEqual({ ok: true });
    expect(check({ ...cut, clearing: { ...cut.clearing, fills: moved, trades: moving } })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/its share is/),
    });
  });

  it('sees that a bid and an offer at one price were both left out', () => {
    const book = bookOf('a bid 5 30; b bid 5 20; x offer 5 10; y offer 5 20');
    const less = certify(bookOf('a bid 5 30; b bid 5 20; x offer 5 10; y offer 5 21'), 'uniform');
    const { bookHash } = certify(book, 'uniform').clearing;
    const clearing: Clearing = { ...less.clearing, bookHash, priceMicroPerKwh: 20, priceInterval: [20, 20] };
    const forged = {
      ...certify(book, 'uniform'),
      marginal: { bidMicroPerKwh: 30, offerMicroPerKwh: 10 },
      clearing,
    };
    expect(check(forged)).toMatchObject({ ok: false, reason: expect.stringMatching(/more could trade/) });
  });

  it('sees that more could have traded', () => {
    const small = certify(bookOf('a bid 10 30; x offer 8 10'), 'uniform');
    const verdict = check({
      ...small,
      clearing: certify(bookOf('a bid 10 30; y offer 8 50'), 'uniform').clearing,
      marginal: null,
    });
    expect(verdict.ok).toBe(false);
    const nothing = {
      ...small.clearing,
      volumeWh: 0,
      priceMicroPerKwh: null,
      priceInterval: null,
      fills: [],
      trades: [],
    };
    expect(check({ ...small, marginal: null, clearing: nothing })).toMatchObject({
      reason: expect.stringMatching(/a bid at 30 reaches an offer at 10/),
    });
    expect(check({ ...small, clearing: nothing })).toMatchObject({
      reason: expect.stringMatching(/8 Wh could trade, not 0/),
    });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'certificate'],
    ['an empty object', {}],
    ['another version', { ...certificate, version: 2 }],
    ['an unknown member', { ...certificate, note: '' }],
    ['a broken book', { ...certificate, book: { ...certificate.book, orders: [{}] } }],
    [
      'a book out of order',
      { ...certificate, book: { ...certificate.book, orders: certificate.book.orders.toReversed() } },
    ],
    ['fills that are none', { ...certificate, clearing: { ...clearing, fills: [null] } }],
    ['an unknown mechanism', { ...certificate, clearing: { ...clearing, mechanism: 'toString' } }],
  ])('never throws: %s', (_, json) => {
    expect(checkCertificate(json)).toMatchObject({ ok: false, reason: expect.any(String) });
  });
});
