import type { BundleRecord, FeederCheck, MeterReading, SlotId } from '@commonwatt/domain';
import { isSound } from './check.ts';

/** One home's part in a slot; whole Wh, unsigned. */
export interface HomeFlow {
  readonly participant: string;
  readonly importWh: number;
  readonly exportWh: number;
  /** What its roof and battery gave less what the battery took, as far as the reading says; signed. */
  readonly ownWh: number;
  readonly sound: boolean;
}

/** A slot as the search for a wrong meter sees it. */
export interface FeederSlot {
  readonly check: FeederCheck;
  readonly homes: readonly HomeFlow[];
}

/** The flows behind a slot's check, from its public records; null for a slot without one. */
export function feederSlotOf(records: readonly BundleRecord[]): FeederSlot | null {
  const check = records.findLast((record) => record.type === 'feeder')?.check;
  if (check === undefined) return null;
  const homes = records.flatMap((record): HomeFlow[] => {
    if (record.type === 'estimate') {
      const { participant, importWh, exportWh } = record.estimate;
      return [{ participant, importWh, exportWh, ownWh: 0, sound: false }];
    }
    if (record.type !== 'reading' || record.reading.payload.participant === check.feeder) return [];
    return [flowOf(record.reading.payload)];
  });
  return { check, homes };
}

function flowOf(reading: MeterReading): HomeFlow {
  const { participant, importWh, exportWh, pvWh, batteryChargedWh, batteryDischargedWh } = reading;
  const ownWh = (pvWh ?? 0) + (batteryDischargedWh ?? 0) - (batteryChargedWh ?? 0);
  return { participant, importWh, exportWh, ownWh, sound: isSound(reading) };
}

/**
 * The slots to look at, oldest first: those whose check says something. A slot after one with a meter in doubt is left out too, because a
 * meter that was silent counts there what it held back.
 */
export function usableSlots(slots: readonly FeederSlot[]): FeederSlot[] {
  const known = new Map<SlotId, FeederSlot>(slots.map((slot) => [slot.check.slot, slot]));
  const inOrder = [...known.values()].sort((a, b) => (a.check.slot < b.check.slot ? -1 : 1));
  return inOrder.filter(({ check }, index) => {
    const before = inOrder[index - 1]?.check;
    return check.verdict !== 'unknown' && before?.verdict !== 'unknown';
  });
}
