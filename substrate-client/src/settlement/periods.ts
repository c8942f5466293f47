import { slotIdAt, slotMs, slotStartMs, type SlotId, type SlotMinutes } from '@commonwatt/domain';

/** Which settlement period a slot belongs to: its number since 1970 in slots, divided by the slots of a period. */
export function periodOf(slot: SlotId, periodSlots: number, slotMinutes: SlotMinutes): number {
  return Math.floor(slotStartMs(slot) / slotMs(slotMinutes) / periodSlots);
}

function slotsOf(period: number, periodSlots: number, slotMinutes: SlotMinutes): SlotId[] {
  const first = period * periodSlots;
  return Array.from({ length: periodSlots }, (_, index) => slotIdAt((first + index) * slotMs(slotMinutes)));
}

/**
 * The batches that can be formed: per period, all slots that wait, once every slot of it from `expectFrom` on is there or settled before.
 * With `flush` a period counts as complete with what it has. In order of time.
 */
export function completeBatches(input: {
  readonly waiting: readonly SlotId[];
  readonly batched: (slot: SlotId) => boolean;
  readonly expectFrom: SlotId | null;
  readonly periodSlots: number;
  readonly slotMinutes: SlotMinutes;
  readonly flush: boolean;
}): SlotId[][] {
  const { waiting, batched, expectFrom, periodSlots, slotMinutes, flush } = input;
  const present = new Set(waiting);
  const byPeriod = new Map<number, SlotId[]>();
  for (const slot of [...waiting].sort()) {
    const period = periodOf(slot, periodSlots, slotMinutes);
    const slots = byPeriod.get(period) ?? [];
    slots.push(slot);
    byPeriod.set(period, slots);
  }
  const complete = ([period]: [number, SlotId[]]): boolean =>
    flush ||
    slotsOf(period, periodSlots, slotMinutes).every(
      (slot) => present.has(slot) || batched(slot) || (expectFrom !== null && slot < expectFrom),
    );
  return [...byPeriod]
    .sort(([a], [b]) => a - b)
    .filter(complete)
    .map(([, slots]) => slots);
}
