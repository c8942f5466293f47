import type { Book, BundleRecord, Clearing, MechanismName } from '@commonwatt/domain';
import { freezeBook } from '../auction/freeze-book.ts';
import { clearBook } from '../auction/mechanisms.ts';
import { buildSlotRecords, type SlotInputs } from '../statement/slot-records.ts';

/** The pure part of the market, as the service uses it. */
export interface Core {
  clear(book: Book, mechanism: MechanismName): Clearing;
  records(inputs: SlotInputs): BundleRecord[];
}

export const core: Core = {
  clear: (book, mechanism) => clearBook(freezeBook(book), mechanism),
  records: buildSlotRecords,
};
