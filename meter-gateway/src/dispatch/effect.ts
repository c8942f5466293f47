import type { DispatchRecord } from './record.ts';

/** What the battery was seen doing, W, positive on discharge, and when. */
export interface SeenPower {
  readonly batteryW: number;
  readonly atMs: number;
}

/** A battery delivers when it is this near to what was written: 150 W, or a fifth of it. */
const NEAR_W = 150;
const NEAR_SHARE = 0.2;

/**
 * Compares what the battery does with what it acknowledged, once it had the time to (`settleMs` after the written value last changed).
 * The record with what was measured, or the same record when there is nothing new to say.
 */
export function withEffect(
  record: DispatchRecord,
  seen: SeenPower,
  changedAtMs: number,
  settleMs: number,
): DispatchRecord {
  if (seen.atMs - changedAtMs < settleMs) return record;
  // Near its end the device's own timer may have come first: that is no failure to deliver.
  if (record.delivers !== null && seen.atMs > record.expiresAtMs - settleMs) return record;
  const writtenW = record.writtenW ?? 0;
  const measuredW = Math.round(seen.batteryW);
  const delivers = Math.abs(measuredW - writtenW) <= Math.max(NEAR_W, Math.abs(writtenW) * NEAR_SHARE);
  if (delivers === record.delivers) return record;
  return { ...record, measuredW, measuredAtMs: seen.atMs, delivers };
}
