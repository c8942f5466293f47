/** A delivery interval, named by its start in UTC: `2026-06-01T12:00:00Z`. */
export type SlotId = string;
export type SlotMinutes = 15 | 30 | 60;

export const SLOT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:(00|15|30|45):00Z$/;

const MS_PER_MINUTE = 60_000;

export function slotMs(minutes: SlotMinutes): number {
  return minutes * MS_PER_MINUTE;
}

/** The name of the slot that starts at this instant. Throws RangeError when the instant is no whole quarter of an hour. */
export function slotIdAt(startMs: number): SlotId {
  if (!Number.isSafeInteger(startMs) || startMs % slotMs(15) !== 0) {
    throw new RangeError(`a slot starts on a quarter of an hour, not at ${startMs} ms`);
  }
  return `${new Date(startMs).toISOString().slice(0, 19)}Z`;
}

/** The slot that holds this instant. */
export function slotHolding(nowMs: number, minutes: SlotMinutes): SlotId {
  return slotIdAt(Math.floor(nowMs / slotMs(minutes)) * slotMs(minutes));
}

/** Start of a slot, ms since 1970. Throws RangeError on anything that is no slot's name. */
export function slotStartMs(slot: SlotId): number {
  const startMs = SLOT_PATTERN.test(slot) ? Date.parse(slot) : Number.NaN;
  if (Number.isNaN(startMs) || slotIdAt(startMs) !== slot) {
    throw new RangeError(`not a slot: ${JSON.stringify(slot)} (expected like 2026-06-01T12:00:00Z)`);
  }
  return startMs;
}

/** End of a slot, which is the start of the next, ms since 1970. */
export function slotEndMs(slot: SlotId, minutes: SlotMinutes): number {
  return slotStartMs(slot) + slotMs(minutes);
}

/** The slot `count` slots later (earlier when negative). */
export function slotAfter(slot: SlotId, minutes: SlotMinutes, count = 1): SlotId {
  return slotIdAt(slotStartMs(slot) + count * slotMs(minutes));
}
