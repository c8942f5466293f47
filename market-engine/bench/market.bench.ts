import { availableParallelism, loadavg } from 'node:os';
import { setImmediate } from 'node:timers/promises';
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
  bytesPerOrder: 100,
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
  const [load = 0] = loadavg();
  print('The auction: best of several rounds, in ms a book; (x n) is in plain scans of the same run');
  print(
    `${availableParallelism()} cores, load ${load.toFixed(1)}: what else runs here shows in the longer times`,
  );
  print(
    row(['orders', 'prices', 'scan', 'cleared, columns', 'cleared, objects', 'sort and merge', 'frozen']),
  );
  for (const kind of KINDS) worse('book100Micros', benchSmall(kind, print));
  for (const kind of KINDS) await benchOne(10_000, kind, 60, print);
  for (const kind of KINDS) {
    const { inScans, frozenMs, bytes, columnsMs } = await benchOne(MILLION, kind, 40, print);
    worse('clear1mInScans', inScans);
    worse('clear1mMillis', columnsMs);
    worse('freeze1mSeconds', frozenMs / 1000);
    worse('bytesPerOrder', bytes);
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
  const books = (): Book[] => {
    const random = seeded();
    return Array.from({ length: SMALL_BOOKS }, () => randomBook(100, kind, random));
  };
  const all =
    <T>(items: readonly T[], act: (item: T) => unknown) =>
    (): unknown => {
      let last: unknown;
      for (const item of items) last = act(item);
      return last;
    };
  // The orders as objects, a million of them, are gone before the frozen books are timed: no market holds both.
  const frozen = books().map(freezeBook);
  const { scan, columns, objects } = race(12, {
    scan: all(frozen, plainScan),
    columns: all(frozen, uniformColumns),
    objects: all(frozen, (book) => clearBook(book, 'uniform')),
  });
  const arrived = books();
  const { rival, freezing } = race(3, {
    rival: all(arrived, sortAndMerge),
    freezing: all(arrived, freezeBook),
  });
  const each = (ms: number): number => ms / SMALL_BOOKS;
  printRow(
    100,
    kind,
    each(scan.best),
    [columns, objects, rival, freezing].map((t) => each(t.best)),
    print,
  );
  return each(objects.best) * 1000;
}

async function benchOne(
  count: number,
  kind: PriceKind,
  rounds: number,
  print: (line: string) => void,
): Promise<{ inScans: number; columnsMs: number; frozenMs: number; bytes: number }> {
  const book = randomBook(count, kind, seeded());
  const { frozen, bytes } = await freezeWeighed(book);
  const isLarge = count === MILLION;
  const { scan, columns } = race(rounds * 3, {
    scan: () => plainScan(frozen),
    columns: () => uniformColumns(frozen),
  });
  const { objects, rival } = race(isLarge ? 3 : rounds, {
    objects: () => clearBook(frozen, 'uniform'),
    rival: () => sortAndMerge(book),
  });
  const freezing = race(isLarge ? 6 : rounds, { frozen: () => freezeBook(book) });
  printRow(count, kind, scan.best, [columns.best, objects.best, rival.best, freezing.frozen.best], print);
  return {
    inScans: columns.best / scan.best,
    columnsMs: columns.best,
    frozenMs: freezing.frozen.best,
    bytes,
  };
}

/** A frozen book, and the bytes an order that it and its clearing in columns keep alive. */
async function freezeWeighed(book: Book): Promise<{ frozen: FrozenBook; bytes: number }> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const weigh = async (): Promise<number> => {
    // Twice, with a pause: the memory of arrays is given back a little later than the arrays.
    for (let round = 0; round < 2; round++) {
      collect();
      await setImmediate();
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = await weigh();
  const frozen = freezeBook(book);
  const cleared = uniformColumns(frozen);
  const bytes = ((await weigh()) - before) / book.orders.length;
  if (!cleared) throw new Error('a bench book that does not trade');
  return { frozen, bytes };
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
