import { CommonwattError, type Book, type Order } from '@commonwatt/domain';
import { bookHashOf } from './book-hash.ts';
import {
  BOOK_ORDERS_MAX,
  checkOrders,
  ENERGY_WH_MAX,
  ENERGY_WH_MIN,
  PRICE_MICRO_PER_KWH_MAX,
} from './book-rules.ts';
import { compareTexts } from './id-order.ts';
import { parseBook } from './parse-book.ts';
import { idTable, sortedTable, textReader, type TextTable } from './text-table.ts';

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
  if (count > BOOK_ORDERS_MAX) throw refusal(book);
  const arrived = arrivedColumns(book.orders);
  const ids = arrived && idTable(arrived.ids);
  const participantTable = arrived && idTable(arrived.participants);
  if (!arrived || !ids || !participantTable) throw refusal(book);
  if (hasSelfTrade(arrived)) throw refusal(book);

  const { sorted, from } = sortedTable(ids);
  for (let rank = 1; rank < count; rank++) {
    if (compareTexts(rank - 1, rank, 0, sorted.bytes, sorted.starts) === 0) throw refusal(book);
  }
  const participant = new Int32Array(count);
  const isOffer = new Uint8Array(count);
  const energyWh = new Int32Array(count);
  const priceMicroPerKwh = new Int32Array(count);
  for (let rank = 0; rank < count; rank++) {
    const order = from[rank] as number;
    participant[rank] = arrived.participant[order] as number;
    isOffer[rank] = arrived.isOffer[order] as number;
    energyWh[rank] = arrived.energyWh[order] as number;
    priceMicroPerKwh[rank] = arrived.priceMicroPerKwh[order] as number;
  }
  const { slot, kPercent } = parseBook({ slot: book.slot, kPercent: book.kPercent, orders: [] });
  const bookHash = bookHashOf({
    slot,
    kPercent,
    ids: sorted,
    participants: participantTable,
    participant,
    isOffer,
    energyWh,
    priceMicroPerKwh,
  });
  const participants = renumber(participant, arrived.participants);
  const side = (wanted: 0 | 1): BookSide => sideOf(wanted, isOffer, participant, energyWh, priceMicroPerKwh);
  return { slot, kPercent, count, bookHash, bids: side(0), offers: side(1), ids: sorted, participants };
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

interface ArrivedColumns {
  readonly ids: readonly string[];
  readonly participants: readonly string[];
  readonly participant: Int32Array;
  readonly isOffer: Uint8Array;
  readonly energyWh: Int32Array;
  readonly priceMicroPerKwh: Int32Array;
}

/** The orders as columns in their order of arrival, or null when a value is out of range. */
function arrivedColumns(orders: readonly Order[]): ArrivedColumns | null {
  const count = orders.length;
  const ids: string[] = [];
  const participants: string[] = [];
  const numbers = new Map<string, number>();
  const participant = new Int32Array(count);
  const isOffer = new Uint8Array(count);
  const energies = new Int32Array(count);
  const prices = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const order = orders[index] as Order;
    const { energyWh, priceMicroPerKwh, side } = order;
    if (side !== 'bid' && side !== 'offer') return null;
    if (energyWh >>> 0 !== energyWh || energyWh < ENERGY_WH_MIN || energyWh > ENERGY_WH_MAX) return null;
    if (priceMicroPerKwh >>> 0 !== priceMicroPerKwh || priceMicroPerKwh > PRICE_MICRO_PER_KWH_MAX)
      return null;
    let number = numbers.get(order.participant);
    if (number === undefined) {
      number = participants.push(order.participant) - 1;
      numbers.set(order.participant, number);
    }
    ids.push(order.id);
    participant[index] = number;
    isOffer[index] = side === 'offer' ? 1 : 0;
    energies[index] = energyWh;
    prices[index] = priceMicroPerKwh;
  }
  return { ids, participants, participant, isOffer, energyWh: energies, priceMicroPerKwh: prices };
}

function hasSelfTrade(columns: ArrivedColumns): boolean {
  const highestBid = new Int32Array(columns.participants.length).fill(-1);
  const lowestOffer = new Int32Array(columns.participants.length).fill(PRICE_MICRO_PER_KWH_MAX + 1);
  for (let index = 0; index < columns.participant.length; index++) {
    const participant = columns.participant[index] as number;
    const price = columns.priceMicroPerKwh[index] as number;
    if (columns.isOffer[index] === 1) {
      if (price < (lowestOffer[participant] as number)) lowestOffer[participant] = price;
    } else if (price > (highestBid[participant] as number)) highestBid[participant] = price;
  }
  return highestBid.some((price, participant) => price >= (lowestOffer[participant] as number));
}

/** Numbers the participants by their first order in canonical order, in place; returns their names in that order. */
function renumber(participant: Int32Array, names: readonly string[]): string[] {
  const numbers = new Int32Array(names.length).fill(-1);
  const renamed: string[] = [];
  for (let rank = 0; rank < participant.length; rank++) {
    const old = participant[rank] as number;
    if (numbers[old] === -1) numbers[old] = renamed.push(names[old] as string) - 1;
    participant[rank] = numbers[old] as number;
  }
  return renamed;
}

function sideOf(
  wanted: 0 | 1,
  isOffer: Uint8Array,
  participants: Int32Array,
  energies: Int32Array,
  prices: Int32Array,
): BookSide {
  let count = 0;
  for (let index = 0; index < isOffer.length; index++) if (isOffer[index] === wanted) count++;
  const rank = new Int32Array(count);
  const participant = new Int32Array(count);
  const energyWh = new Int32Array(count);
  const priceMicroPerKwh = new Int32Array(count);
  let end = 0;
  let lowestPrice = PRICE_MICRO_PER_KWH_MAX;
  let highestPrice = -1;
  for (let index = 0; index < isOffer.length; index++) {
    if (isOffer[index] !== wanted) continue;
    const price = prices[index] as number;
    rank[end] = index;
    participant[end] = participants[index] as number;
    energyWh[end] = energies[index] as number;
    priceMicroPerKwh[end] = price;
    lowestPrice = Math.min(lowestPrice, price);
    highestPrice = Math.max(highestPrice, price);
    end++;
  }
  if (count === 0) lowestPrice = 0;
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
