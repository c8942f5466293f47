import { CommonwattError, type Book, type Order } from '@commonwatt/domain';
import {
  arrivedOrders,
  hasSelfTrade,
  ROW,
  ROW_ENERGY,
  ROW_IS_OFFER,
  ROW_PARTICIPANT,
  ROW_PRICE,
} from './arrived-orders.ts';
import { bookHashOf } from './book-hash.ts';
import { BOOK_ORDERS_MAX, checkOrders, PRICE_MICRO_PER_KWH_MAX } from './book-rules.ts';
import { compareTexts } from './id-order.ts';
import { parseBook } from './parse-book.ts';
import { sortedTable, textReader, type TextTable } from './text-table.ts';

/** One side of a frozen book, in canonical order. Energy 1 to 10^9 Wh, price 0 to 10^8 micro/kWh. */
export interface BookSide {
  readonly count: number;
  /** Place in the canonical order of the whole book. */
  readonly rank: Int32Array;
  /** Index into the book's participants. */
  readonly participant: Int32Array;
  readonly energyWh: Int32Array;
  readonly priceMicroPerKwh: Int32Array;
  /** 0 and -1 for an empty side. */
  readonly lowestPrice: number;
  readonly highestPrice: number;
}

/**
 * A book in canonical order (ascending id, by bytes), hashed, as columns: about 20 bytes an order and its id.
 * Valid by construction; whoever holds one need not check orders again.
 */
export interface FrozenBook {
  readonly slot: string;
  readonly kPercent: number;
  readonly count: number;
  /** SHA-256 of the book's canonical JSON, lower-case hex. */
  readonly bookHash: string;
  readonly bids: BookSide;
  readonly offers: BookSide;
  /** By rank. */
  readonly ids: TextTable;
  /** In the order in which they first appear in the canonical order. */
  readonly participants: readonly string[];
}

/**
 * Freezes a book: canonical order, hash, columns. The result does not depend on the order of arrival.
 * Throws CommonwattError, as `parseBook` does, when an order breaks a rule.
 */
export function freezeBook(book: Book): FrozenBook {
  const count = book.orders.length;
  const arrived = count > BOOK_ORDERS_MAX ? null : arrivedOrders(book.orders);
  if (!arrived || hasSelfTrade(arrived)) throw refusal(book);
  const { sorted: ids, from } = sortedTable(arrived.ids);
  for (let rank = 1; rank < count; rank++) {
    if (compareTexts(rank - 1, rank, 0, ids.bytes, ids.starts) === 0) throw refusal(book);
  }
  const rows = new Int32Array(count * ROW);
  for (let rank = 0; rank < count; rank++) {
    const row = (from[rank] as number) * ROW;
    for (let column = 0; column < ROW; column++)
      rows[rank * ROW + column] = arrived.rows[row + column] as number;
  }
  const { slot, kPercent } = parseBook({ slot: book.slot, kPercent: book.kPercent, orders: [] });
  const bookHash = bookHashOf({ slot, kPercent, ids, participants: arrived.participantTable, rows });
  const participants = renumber(rows, arrived.participants);
  return {
    slot,
    kPercent,
    count,
    bookHash,
    bids: sideOf(rows, 0),
    offers: sideOf(rows, 1),
    ids,
    participants,
  };
}

/** The orders of a frozen book, in canonical order, as plain objects. */
export function frozenOrders(book: FrozenBook): Order[] {
  const orders = Array.from<Order>({ length: book.count });
  const idAt = textReader(book.ids);
  for (const [side, columns] of [
    ['bid', book.bids],
    ['offer', book.offers],
  ] as const) {
    for (let index = 0; index < columns.count; index++) {
      const rank = columns.rank[index] as number;
      orders[rank] = {
        id: idAt(rank),
        participant: book.participants[columns.participant[index] as number] as string,
        side,
        energyWh: columns.energyWh[index] as number,
        priceMicroPerKwh: columns.priceMicroPerKwh[index] as number,
      };
    }
  }
  return orders;
}

/** Numbers the participants by their first order in canonical order, in place; returns their names in that order. */
function renumber(rows: Int32Array, names: readonly string[]): string[] {
  const numbers = new Int32Array(names.length).fill(-1);
  const renamed: string[] = [];
  for (let row = ROW_PARTICIPANT; row < rows.length; row += ROW) {
    const old = rows[row] as number;
    if (numbers[old] === -1) numbers[old] = renamed.push(names[old] as string) - 1;
    rows[row] = numbers[old] as number;
  }
  return renamed;
}

function sideOf(rows: Int32Array, isOffer: 0 | 1): BookSide {
  let count = 0;
  for (let row = ROW_IS_OFFER; row < rows.length; row += ROW) if (rows[row] === isOffer) count++;
  const rank = new Int32Array(count);
  const participant = new Int32Array(count);
  const energyWh = new Int32Array(count);
  const priceMicroPerKwh = new Int32Array(count);
  let lowestPrice = count === 0 ? 0 : PRICE_MICRO_PER_KWH_MAX;
  let highestPrice = -1;
  let end = 0;
  for (let row = 0; row < rows.length; row += ROW) {
    if (rows[row + ROW_IS_OFFER] !== isOffer) continue;
    const price = rows[row + ROW_PRICE] as number;
    rank[end] = row / ROW;
    participant[end] = rows[row + ROW_PARTICIPANT] as number;
    energyWh[end] = rows[row + ROW_ENERGY] as number;
    priceMicroPerKwh[end] = price;
    lowestPrice = Math.min(lowestPrice, price);
    highestPrice = Math.max(highestPrice, price);
    end++;
  }
  return { count, rank, participant, energyWh, priceMicroPerKwh, lowestPrice, highestPrice };
}

/** The slow way round, only taken when something is wrong: finds the order, the field and the rule. */
function refusal(book: Book): unknown {
  try {
    checkOrders(book.orders);
  } catch (error) {
    return error;
  }
  return new CommonwattError('internal', 'the book was refused, but no order breaks a rule');
}
