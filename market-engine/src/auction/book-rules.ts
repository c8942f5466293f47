import { CommonwattError, compareIds, isId, type Order } from '@commonwatt/domain';
import { shownValue } from '../shown-value.ts';

/** The ranges of `docs/market-rules.md`, section "A book". All bounds are inclusive. */
export const ENERGY_WH_MIN = 1;
export const ENERGY_WH_MAX = 1_000_000_000;
export const PRICE_MICRO_PER_KWH_MIN = 0;
export const PRICE_MICRO_PER_KWH_MAX = 100_000_000;
export const K_PERCENT_DEFAULT = 50;
/** So many orders of the largest size still add up to a safe integer (4 x 10^15 Wh). */
export const BOOK_ORDERS_MAX = 4_000_000;

const ID_RULE = 'is 1 to 64 characters of A-Z a-z 0-9 . _ : -';

/**
 * Checks the values of one order; its shape (which members there are) is the parser's business.
 * Throws CommonwattError `malformed` or `out-of-range` with the order's id (or `where` when it has none), the field and the rule.
 */
export function checkOrderValues(order: Order, where: string): void {
  if (!isId(order.id)) throw broken('malformed', where, 'id', ID_RULE, order.id);
  const record = order.id;
  if (!isId(order.participant)) throw broken('malformed', record, 'participant', ID_RULE, order.participant);
  if (order.side !== 'bid' && order.side !== 'offer') {
    throw broken('malformed', record, 'side', 'is "bid" or "offer"', order.side);
  }
  checkWhole(order.energyWh, ENERGY_WH_MIN, ENERGY_WH_MAX, record, 'energyWh');
  checkWhole(
    order.priceMicroPerKwh,
    PRICE_MICRO_PER_KWH_MIN,
    PRICE_MICRO_PER_KWH_MAX,
    record,
    'priceMicroPerKwh',
  );
}

/** Throws unless the value is a whole number in [min, max]. */
export function checkWhole(value: unknown, min: number, max: number, record: string, field: string): void {
  const rule = `is a whole number from ${min} to ${max}`;
  if (typeof value !== 'number') throw broken('malformed', record, field, rule, value);
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw broken('out-of-range', record, field, rule, value);
  }
}

/** Checks all orders of a book: every value, unique ids, no self-trade. Throws CommonwattError naming the order. */
export function checkOrders(orders: readonly Order[]): void {
  if (orders.length > BOOK_ORDERS_MAX) {
    throw broken('too-large', 'book', 'orders', `holds at most ${BOOK_ORDERS_MAX} orders`, orders.length);
  }
  const seen = new Set<string>();
  for (let index = 0; index < orders.length; index++) {
    const order = orders[index] as Order;
    checkOrderValues(order, `orders[${index}]`);
    if (seen.has(order.id)) throw broken('duplicate', order.id, 'id', 'is unique within a book', order.id);
    seen.add(order.id);
  }
  checkNoSelfTrade(orders);
}

/** Every bid of a participant is priced below every one of its offers. Throws `self-trade` naming its highest bid. */
export function checkNoSelfTrade(orders: readonly Order[]): void {
  const highestBids = new Map<string, Order>();
  const lowestOffers = new Map<string, Order>();
  for (const order of orders) {
    const best = order.side === 'bid' ? highestBids : lowestOffers;
    const known = best.get(order.participant);
    if (!known || isMorePressing(order, known)) best.set(order.participant, order);
  }
  let culprit: readonly [Order, Order] | undefined;
  for (const [participant, bid] of highestBids) {
    const offer = lowestOffers.get(participant);
    if (!offer || bid.priceMicroPerKwh < offer.priceMicroPerKwh) continue;
    if (!culprit || compareIds(bid.id, culprit[0].id) < 0) culprit = [bid, offer];
  }
  if (culprit) throw selfTrade(...culprit);
}

/** The bid that pays more, the offer that asks less; the smaller id among equals, so that the error never depends on the input's order. */
function isMorePressing(order: Order, known: Order): boolean {
  const difference = order.priceMicroPerKwh - known.priceMicroPerKwh;
  if (difference !== 0) return order.side === 'bid' ? difference > 0 : difference < 0;
  return compareIds(order.id, known.id) < 0;
}

function selfTrade(bid: Order, offer: Order): CommonwattError {
  const rule = 'every bid of a participant is priced below every one of its offers';
  return new CommonwattError(
    'self-trade',
    `order ${bid.id}: priceMicroPerKwh: ${bid.participant} bids ${bid.priceMicroPerKwh} and offers (${offer.id}) at ${offer.priceMicroPerKwh}: ${rule}`,
    { record: bid.id, field: 'priceMicroPerKwh', rule, remedy: 'lower the bid or raise the offer' },
  );
}

/** A CommonwattError in the one form every refusal of a book has. */
export function broken(
  code: 'malformed' | 'out-of-range' | 'duplicate' | 'too-large',
  record: string,
  field: string,
  rule: string,
  value: unknown,
): CommonwattError {
  return new CommonwattError(code, `${record}: ${field} ${rule}, got ${shownValue(value, 80)}`, {
    record,
    field,
    rule,
  });
}
