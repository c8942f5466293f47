import type { Order } from '@commonwatt/domain';
import { ENERGY_WH_MAX, ENERGY_WH_MIN, PRICE_MICRO_PER_KWH_MAX } from './book-rules.ts';
import { IdNumbers } from './id-numbers.ts';
import { IdWriter, type TextTable } from './text-table.ts';

/** Numbers of an order side by side, so that fetching them in another order costs one look into memory. */
export const ROW = 4;
export const ROW_PARTICIPANT = 0;
export const ROW_IS_OFFER = 1;
export const ROW_ENERGY = 2;
export const ROW_PRICE = 3;

/** Orders as they came, without objects. */
export interface ArrivedOrders {
  readonly ids: TextTable;
  /** Four numbers an order: index of its participant, 1 for an offer, Wh, micro/kWh. */
  readonly rows: Int32Array;
  /** In order of first appearance. */
  readonly participants: readonly string[];
  readonly participantTable: TextTable;
}

/** The orders as columns, or null when a value of one of them breaks a rule. Says nothing about duplicates or self-trade. */
export function arrivedOrders(orders: readonly Order[]): ArrivedOrders | null {
  const count = orders.length;
  const ids = new IdWriter(count);
  const names = new IdNumbers(count);
  const participants: string[] = [];
  const rows = new Int32Array(count * ROW);
  for (let index = 0; index < count; index++) {
    const { id, participant, side, energyWh, priceMicroPerKwh } = orders[index] as Order;
    if (side !== 'bid' && side !== 'offer') return null;
    if ((energyWh | 0) !== energyWh || energyWh < ENERGY_WH_MIN || energyWh > ENERGY_WH_MAX) return null;
    if ((priceMicroPerKwh | 0) !== priceMicroPerKwh) return null;
    if (priceMicroPerKwh < 0 || priceMicroPerKwh > PRICE_MICRO_PER_KWH_MAX) return null;
    if (!ids.add(id)) return null;
    const number = names.numberOf(participant);
    if (number < 0) return null;
    if (number === participants.length) participants.push(participant);
    const row = index * ROW;
    rows[row + ROW_PARTICIPANT] = number;
    rows[row + ROW_IS_OFFER] = side === 'offer' ? 1 : 0;
    rows[row + ROW_ENERGY] = energyWh;
    rows[row + ROW_PRICE] = priceMicroPerKwh;
  }
  return { ids: ids.table(), rows, participants, participantTable: names.table() };
}

/** True when a participant bids at or above one of its own offers. */
export function hasSelfTrade({ rows, participants }: ArrivedOrders): boolean {
  const highestBid = new Int32Array(participants.length).fill(-1);
  const lowestOffer = new Int32Array(participants.length).fill(PRICE_MICRO_PER_KWH_MAX + 1);
  for (let row = 0; row < rows.length; row += ROW) {
    const participant = rows[row + ROW_PARTICIPANT] as number;
    const price = rows[row + ROW_PRICE] as number;
    if (rows[row + ROW_IS_OFFER] === 1) {
      if (price < (lowestOffer[participant] as number)) lowestOffer[participant] = price;
    } else if (price > (highestBid[participant] as number)) highestBid[participant] = price;
  }
  return highestBid.some((price, participant) => price >= (lowestOffer[participant] as number));
}
