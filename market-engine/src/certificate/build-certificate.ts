import type { Book, Clearing } from '@commonwatt/domain';
import { crossingOf } from '../auction/find-crossing.ts';
import { frozenOrders, type FrozenBook } from '../auction/freeze-book.ts';

/**
 * A clearing with the book it follows from, for anyone to check in one pass. `marginal` names the limits of the last Wh of demand and of
 * supply that could trade (null when no bid reaches an offer): with them the check need not search for the crossing, only confirm it.
 */
export interface Certificate {
  readonly type: 'clearing-certificate';
  readonly version: 1;
  /** In canonical order. */
  readonly book: Book;
  readonly marginal: { readonly bidMicroPerKwh: number; readonly offerMicroPerKwh: number } | null;
  readonly clearing: Clearing;
}

/** The certificate of a clearing of this book. */
export function buildCertificate(frozen: FrozenBook, clearing: Clearing): Certificate {
  const crossing = crossingOf(frozen);
  return {
    type: 'clearing-certificate',
    version: 1,
    book: { slot: frozen.slot, kPercent: frozen.kPercent, orders: frozenOrders(frozen) },
    marginal: crossing && { bidMicroPerKwh: crossing.bidLimit, offerMicroPerKwh: crossing.offerLimit },
    clearing,
  };
}
