import type { MarketState } from './market-state.ts';
import type { SlotFilter, SlotSummary } from './ports.ts';

/** The slots that the filter lets through, oldest first. */
export function findSlots(state: MarketState, filter: SlotFilter): SlotSummary[] {
  const { from, to, after, state: wanted, limit = Number.POSITIVE_INFINITY } = filter;
  const found: SlotSummary[] = [];
  for (const entry of state.slots.values()) {
    if (found.length >= limit) break;
    if (from !== undefined && entry.slot < from) continue;
    if (to !== undefined && entry.slot > to) continue;
    if (after !== undefined && entry.slot <= after) continue;
    const summary = state.summary(entry);
    if (wanted === undefined || summary.state === wanted) found.push(summary);
  }
  return found;
}
