import type { Market } from '@commonwatt/market-engine';
import type { Household } from './household.ts';
import type { ClearingBoard } from './outlook.ts';
import type { Tally } from './tally.ts';

/** On a restart: what earlier runs cleared and settled. */
export function replay(market: Market, board: ClearingBoard, tally: Tally): void {
  for (const { slot, state } of market.slots()) {
    const clearing = market.clearing(slot);
    if (clearing) board.add(clearing);
    if (state === 'settled') tally.add(slot, state, market.records(slot) ?? []);
  }
}

/** On a restart: the forecasters learn from the readings that the market already has. */
export function teach(market: Market, households: readonly Household[]): void {
  const byId = new Map(households.map((household) => [household.spec.id, household]));
  for (const { slot } of market.slots()) {
    for (const record of market.records(slot) ?? []) {
      if (record.type === 'reading')
        byId.get(record.reading.payload.participant)?.learn(record.reading.payload);
    }
  }
}
