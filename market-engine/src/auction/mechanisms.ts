import { CommonwattError, type Clearing, type MechanismName } from '@commonwatt/domain';
import type { FrozenBook } from './freeze-book.ts';
import { mcafee } from './mcafee.ts';
import { payAsBid } from './pay-as-bid.ts';
import { uniform } from './uniform.ts';

/** A mechanism is one pure function of the frozen book: same book, same clearing, byte for byte. */
export type Mechanism = (book: FrozenBook) => Clearing;

/** Every mechanism there is; adding one is its file and its line here. */
export const MECHANISMS: Readonly<Record<MechanismName, Mechanism>> = {
  uniform,
  'pay-as-bid': payAsBid,
  mcafee,
};

/** Clears a frozen book. Throws CommonwattError `malformed` for a mechanism that does not exist. */
export function clearBook(book: FrozenBook, mechanism: MechanismName): Clearing {
  if (!Object.hasOwn(MECHANISMS, mechanism)) {
    const rule = `is one of ${Object.keys(MECHANISMS).join(', ')}`;
    throw new CommonwattError('malformed', `mechanism ${rule}, got ${JSON.stringify(mechanism)}`, {
      field: 'mechanism',
      rule,
    });
  }
  return MECHANISMS[mechanism](book);
}
