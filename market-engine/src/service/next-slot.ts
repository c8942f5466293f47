import { slotAfter, type SlotId } from '@commonwatt/domain';
import type { MarketState } from './market-state.ts';
import type { MarketOptions } from './ports.ts';

/** The slot after the last that was opened, or null when there is to be none. */
export function nextSlotToOpen(
  { lastOpened, journal }: MarketState,
  { firstSlot, lastSlot, rules }: MarketOptions,
): SlotId | null {
  const next =
    lastOpened === null ? (journal?.firstSlot ?? firstSlot) : slotAfter(lastOpened, rules.slotMinutes);
  return lastSlot !== undefined && next > lastSlot ? null : next;
}
