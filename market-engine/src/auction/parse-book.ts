import { slotStartMs, type Book, type Order } from '@commonwatt/domain';
import { broken, checkOrders, checkWhole, K_PERCENT_DEFAULT } from './book-rules.ts';

const BOOK_MEMBERS: ReadonlySet<string> = new Set(['slot', 'kPercent', 'orders']);
const ORDER_MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'participant',
  'side',
  'energyWh',
  'priceMicroPerKwh',
]);

/**
 * A book from parsed JSON, checked against every rule of `docs/market-rules.md`, section "A book"; `kPercent` is 50 when left out.
 * A book that breaks a rule is refused whole: throws CommonwattError whose place names the order's id (`orders[3]` when it has
 * none, `book` for the book itself), the field and the rule.
 */
export function parseBook(json: unknown): Book {
  if (!isObject(json)) throw broken('malformed', 'book', 'book', 'is an object', json);
  refuseUnknown(json, BOOK_MEMBERS, 'book');
  const slot = parseSlot(json['slot']);
  const kPercent = json['kPercent'] === undefined ? K_PERCENT_DEFAULT : json['kPercent'];
  checkWhole(kPercent, 0, 100, 'book', 'kPercent');
  if (!Array.isArray(json['orders'])) {
    throw broken('malformed', 'book', 'orders', 'is a list', json['orders']);
  }
  const orders = json['orders'].map(parseOrderShape);
  checkOrders(orders);
  return { slot, kPercent: kPercent as number, orders };
}

function parseSlot(value: unknown): string {
  const rule = 'is the start of a delivery interval, like 2026-06-01T12:00:00Z';
  if (typeof value !== 'string') throw broken('malformed', 'book', 'slot', rule, value);
  try {
    slotStartMs(value);
  } catch {
    throw broken('malformed', 'book', 'slot', rule, value);
  }
  return value;
}

/** The members of one order, values unchecked. */
function parseOrderShape(json: unknown, index: number): Order {
  const where = `orders[${index}]`;
  if (!isObject(json)) throw broken('malformed', where, 'order', 'is an object', json);
  const record = typeof json['id'] === 'string' && json['id'] !== '' ? json['id'] : where;
  refuseUnknown(json, ORDER_MEMBERS, record);
  const { id, participant, side, energyWh, priceMicroPerKwh } = json as unknown as Order;
  return { id, participant, side, energyWh, priceMicroPerKwh };
}

function refuseUnknown(json: object, known: ReadonlySet<string>, record: string): void {
  for (const member of Object.keys(json)) {
    if (!known.has(member)) {
      throw broken(
        'malformed',
        record,
        member,
        `is no member here (known: ${[...known].join(', ')})`,
        member,
      );
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
