import type { SlotId } from './slot.ts';

/**
 * Why money moves. `bought`, `sold`: a trade; `short`, `surplus`: imbalance against the supplier; `supplier-sold`, `supplier-bought`:
 * the supplier's side of it; `fund-share`: what never left the neighbourhood; `network-fee`, `levy`: per metered kWh drawn; `true-up`:
 * a correction of an earlier slot; `debt`, `claim`: a payment that failed before, and those it is owed to; `price-gap`: a mechanism's surplus.
 */
export type LineReason =
  | 'bought'
  | 'sold'
  | 'short'
  | 'surplus'
  | 'supplier-sold'
  | 'supplier-bought'
  | 'fund-share'
  | 'network-fee'
  | 'levy'
  | 'true-up'
  | 'debt'
  | 'claim'
  | 'price-gap';

/** One line. Energy is positive towards the market (sold, exported), negative from it. Money is positive when received. */
export interface StatementLine {
  readonly participant: string;
  readonly reason: LineReason;
  readonly energyWh: number;
  readonly priceMicroPerKwh: number;
  /** Decimal string of nano-units. */
  readonly amountNano: string;
  /** What it refers to: the trade's `bidId/offerId`, an earlier slot, a batch. */
  readonly reference?: string;
  readonly text: string;
}

/** A participant's energy in the slot. All signed: positive is net export, sold, surplus. tradedWh + imbalanceWh = meteredWh. */
export interface EnergyPosition {
  readonly participant: string;
  readonly meteredWh: number;
  readonly tradedWh: number;
  readonly imbalanceWh: number;
  readonly source: 'reading' | 'estimate';
}

export interface Statement {
  readonly slot: SlotId;
  readonly positions: readonly EnergyPosition[];
  readonly lines: readonly StatementLine[];
}
