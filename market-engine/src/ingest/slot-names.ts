import { SLOT_PATTERN, slotStartMs } from '@commonwatt/domain';

/** Names that were found right; there are few at a time, and checking one means making a date of it. */
const known = new Set<string>();
const KNOWN_MAX = 1024;

/** True for the name of a slot, like `2026-06-01T12:00:00Z`; false for 31 June. */
export function isSlotName(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (known.has(value)) return true;
  if (!SLOT_PATTERN.test(value)) return false;
  try {
    if (slotStartMs(value) < 0) return false;
  } catch {
    return false;
  }
  if (known.size >= KNOWN_MAX) known.clear();
  known.add(value);
  return true;
}
