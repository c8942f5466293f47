import type { Carry, Clearing, MarketRules, Participant, SlotId, TrueUp } from '@commonwatt/domain';

/** Energy at a participant's connection point in the slot; unsigned Wh. */
export interface Metered {
  readonly participant: string;
  readonly importWh: number;
  readonly exportWh: number;
  readonly source: 'reading' | 'estimate';
}

/** All that a slot's statement follows from. */
export interface StatementInput {
  readonly rules: MarketRules;
  readonly slot: SlotId;
  readonly participants: readonly Participant[];
  readonly clearing: Clearing;
  /** One for every household, and one for whoever else trades. */
  readonly metered: readonly Metered[];
  readonly trueUps: readonly TrueUp[];
  readonly carries: readonly Carry[];
}

/** No connection point moves more in a slot: keeps sums of 10^6 homes exact. */
export const METERED_WH_MAX = 1_000_000_000;
