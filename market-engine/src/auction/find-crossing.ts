import { crossingByDepth } from './crossing-by-depth.ts';
import { crossingBySort } from './crossing-by-sort.ts';
import type { Crossing } from './crossing.ts';
import type { FrozenBook } from './freeze-book.ts';

/** Up to this many orders sorting is quicker than counting. */
const SORT_MAX = 200;

/** The crossing of a book, or null when no bid reaches an offer. */
export function crossingOf(book: FrozenBook): Crossing | null {
  if (book.bids.count === 0 || book.offers.count === 0) return null;
  return book.count <= SORT_MAX
    ? crossingBySort(book.bids, book.offers)
    : crossingByDepth(book.bids, book.offers);
}
