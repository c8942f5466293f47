import {
  slotAfter,
  slotHolding,
  slotMs,
  slotStartMs,
  type SlotId,
  type SlotMinutes,
} from '@commonwatt/domain';

/** The first slot that lies wholly in the run. Its gate has closed before anyone could bid: it is settled with the supplier alone. */
export function slotAtOrAfter(startMs: number, slotMinutes: SlotMinutes): SlotId {
  const holding = slotHolding(startMs, slotMinutes);
  return slotStartMs(holding) === startMs ? holding : slotAfter(holding, slotMinutes);
}

/** How many slots end the run: what was asked for, at most what was measured; null for a run without end. */
export function slotsToSettle(
  asked: number | null,
  firstSlot: SlotId,
  endMs: number | null,
  slotMinutes: SlotMinutes,
): number | null {
  if (endMs === null) return asked;
  const measured = Math.floor((endMs - slotStartMs(firstSlot)) / slotMs(slotMinutes));
  return Math.min(asked ?? measured, measured);
}
