import type { MechanismName } from './rules.ts';
import type { SlotId } from './slot.ts';

export type Side = 'bid' | 'offer';

/** An order of a book. Energy 1 to 10^9 Wh, limit price 0 to 10^8 micro/kWh. */
export interface Order {
  readonly id: string;
  readonly participant: string;
  readonly side: Side;
  readonly energyWh: number;
  readonly priceMicroPerKwh: number;
}

/** What a participant signs to place or, with a higher revision, replace an order. */
export interface OrderPayload extends Order {
  readonly type: 'order';
  readonly community: string;
  readonly slot: SlotId;
  /** 0 for a new order; each replacement is higher. */
  readonly revision: number;
}

/** What a participant signs to take an order back before the gate closes. */
export interface CancelPayload {
  readonly type: 'cancel';
  readonly community: string;
  readonly slot: SlotId;
  readonly id: string;
  readonly participant: string;
  /** Higher than the revision of the order it takes back. */
  readonly revision: number;
}

export interface Book {
  readonly slot: SlotId;
  /** 0 to 100; 50 when left out. */
  readonly kPercent: number;
  readonly orders: readonly Order[];
}

export interface Fill {
  readonly orderId: string;
  readonly energyWh: number;
}

export interface Trade {
  readonly bidId: string;
  readonly offerId: string;
  readonly buyer: string;
  readonly seller: string;
  readonly energyWh: number;
  /** What the buyer pays; the seller gets the same unless the mechanism is `mcafee` (see `sellerPriceMicroPerKwh`). */
  readonly priceMicroPerKwh: number;
  /** Only where it differs from the buyer's price; the difference goes to the community fund. */
  readonly sellerPriceMicroPerKwh?: number;
}

export interface Clearing {
  readonly slot: SlotId;
  readonly mechanism: MechanismName;
  /** SHA-256 of the frozen book's canonical JSON. */
  readonly bookHash: string;
  readonly volumeWh: number;
  readonly priceMicroPerKwh: number | null;
  readonly priceInterval: readonly [lo: number, hi: number] | null;
  readonly fills: readonly Fill[];
  readonly trades: readonly Trade[];
}
