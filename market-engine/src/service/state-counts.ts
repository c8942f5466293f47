import { SLOT_STATES } from '../slot/machine.ts';
import type { MarketState } from './market-state.ts';

/** How many slots are in each state; every state is named, so that a metric does not vanish at zero. */
export function stateCounts(state: MarketState): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(SLOT_STATES.map((name) => [name, 0]));
  for (const { stored } of state.slots.values()) {
    const name = stored?.state ?? 'open';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
