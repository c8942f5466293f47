import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Book } from '@commonwatt/domain';
import { freezeBook, type FrozenBook } from '../src/auction/freeze-book.ts';
import { clearBook } from '../src/auction/mechanisms.ts';
import { uniformColumns } from '../src/auction/uniform.ts';
import { randomBook, seeded, type PriceKind } from './books.ts';
import { plainScan, sortAndMerge } from './rivals.ts';
import { race } from './stopwatch.ts';

const KINDS: readonly PriceKind[] = ['distinct prices', '0.1-cent grid'];
const MILLION = 1_000_000;
const SMALL_BOOKS = 10_000;

/** The marks the market has to reach; printed beside the figures. */
const MARKS: Readonly<Record<string, number>> = {
  clear1mInScans: 12,
  book100Micros: 15,
  freeze1mSeconds: 1.5,
  frozenBytesPerOrder: 100,
};

/**
 * Measures the auction (issue 3, "Speed"): prints a table, returns the figures. Every time is the best of its rounds; scan, clearing and
 * sort-and-merge run in turn on the same book. `clear1mInScans` is a whole clearing in columns (volume, price, shares, pairs) over one
 * plain scan, the worse of the two kinds of prices.
 */
export async function benchMarket(print: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const worse = (name: string, value: number): void => {
    figures[name] = Math.max(figures[name] ?? 0, value);
  };
  print('The auction: best of several rounds, in ms a book; (x n) is in plain scans of the same run');
  print(
    row(['orders', 'prices', 'scan', 'cleared, columns', 'cleared, objects', 'sort and merge', 'frozen']),
  );
  for (const kind of KINDS) worse('book100Micros', benchSmall(kind, print));
  for (const kind of KINDS) benchOne(10_000, kind, 60, print);
  for (const kind of KINDS) {
    const { inScans, frozenMs, bytes, columnsMs } = benchOne(MILLION, kind, 15, print);
    worse('clear1mInScans', inScans);
    worse('clear1mMillis', columnsMs);
    worse('freeze1mSeconds', frozenMs / 1000);
    worse('frozenBytesPerOrder', bytes);
  }
  for (const [name, value] of Object.entries(figures)) {
    figures[name] = Number(value.toPrecision(4));
    const mark = MARKS[name];
    print(`${name} ${figures[name]}${mark === undefined ? '' : ` (at most ${mark})`}`);
  }
  return figures;
}

/** Ten thousand books of 100 orders, each cleared to the printed form. Returns microseconds a book. */
function benchSmall(kind: PriceKind, print: (line: string) => void): number {
  const random = seeded();
  const books = Array.from({ length: SMALL_BOOKS }, () => randomBook(100, kind, random));
  const frozen = books.map(freezeBook);
  const all =
    <T>(items: readonly T[], act: (item: T) => unknown) =>
    (): unknown => {
      let last: unknown;
      for (const item of items) last = act(item);
      return last;
    };
  const times = race(8, {
    scan: all(frozen, plainScan),
    columns: all(frozen, uniformColumns),
    objects: all(frozen, (book) => clearBook(book, 'uniform')),
    rival: all(books, sortAndMerge),
  });
  const freezing = race(2, { frozen: all(books, freezeBook) });
  const each = (ms: number): number => ms / SMALL_BOOKS;
  const { scan, columns, objects, rival } = times;
  printRow(
    100,
    kind,
    each(scan.best),
    [columns, objects, rival, freezing.frozen].map((t) => each(t.best)),
    print,
  );
  return each(objects.best) * 1000;
}

function benchOne(
  count: number,
  kind: PriceKind,
  rounds: number,
  print: (line: string) => void,
): { inScans: number; columnsMs: number; frozenMs: number; bytes: number } {
  const book = randomBook(count, kind, seeded());
  const { frozen, bytes } = freezeWeighed(book);
  const isLarge = count === MILLION;
  const { scan, columns } = race(rounds * 3, {
    scan: () => plainScan(frozen),
    columns: () => uniformColumns(frozen),
  });
  const { objects, rival } = race(isLarge ? 3 : rounds, {
    objects: () => clearBook(frozen, 'uniform'),
    rival: () => sortAndMerge(book),
  });
  const freezing = race(isLarge ? 4 : rounds, { frozen: () => freezeBook(book) });
  printRow(count, kind, scan.best, [columns.best, objects.best, rival.best, freezing.frozen.best], print);
  return {
    inScans: columns.best / scan.best,
    columnsMs: columns.best,
    frozenMs: freezing.frozen.best,
    bytes,
  };
}

/** A frozen book and the bytes an order it keeps alive: columns, ids, names. */
function freezeWeighed(book: Book): { frozen: FrozenBook; bytes: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const weigh = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = weigh();
  const frozen = freezeBook(book);
  return { frozen, bytes: (weigh() - before) / book.orders.length };
}

function printRow(
  count: number,
  kind: PriceKind,
  scanMs: number,
  times: readonly number[],
  print: (line: string) => void,
): void {
  const shown = times.map((ms) => `${ms.toPrecision(3)} (x ${(ms / scanMs).toFixed(1)})`);
  print(row([String(count), kind, scanMs.toPrecision(3), ...shown]));
}

function row(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padEnd(column < 2 ? 16 : 20)).join(' ');
}
