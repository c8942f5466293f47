import type { Fill } from '@commonwatt/domain';
import { NO_BID, NO_OFFER } from '../auction/crossing.ts';
import type { FrozenBook } from '../auction/freeze-book.ts';

/** A claim that does not hold: why, and the order at fault where there is one. */
export class Unfounded extends Error {
  override readonly name = 'Unfounded';
  readonly record: string | undefined;

  constructor(reason: string, record?: string) {
    super(reason);
    this.record = record;
  }
}

/** What one pass over a side finds, in terms of how good an order is for the other side (bids: the higher, offers: the lower). */
export interface SideSurvey {
  /** Energy of each order that the clearing gives, Wh. */
  readonly filledWh: Uint32Array;
  readonly totalFilledWh: number;
  /** Limit of the worst order with a fill, and of the best one with something unfilled; NO_BID or NO_OFFER when there is none. */
  readonly worstFilled: number;
  readonly bestUnfilled: number;
  /** The orders at the claimed marginal limit, and the energy of those before, at, and the best limit after it. */
  readonly levelIndices: readonly number[];
  readonly beforeLimitWh: number;
  readonly atLimitWh: number;
  readonly afterLimit: number;
}

export interface Survey {
  readonly bids: SideSurvey;
  readonly offers: SideSurvey;
}

/** One pass over the orders and the fills, which come in the same order. Throws Unfounded when a fill has no order or exceeds it. */
export function survey(
  book: FrozenBook,
  fills: readonly Fill[],
  marginal: { readonly bidMicroPerKwh: number; readonly offerMicroPerKwh: number } | null,
  idAt: (rank: number) => string,
): Survey {
  const filledByRank = new Uint32Array(book.count);
  let rank = 0;
  for (const { orderId, energyWh } of fills) {
    while (rank < book.count && idAt(rank) !== orderId) rank++;
    if (rank === book.count) {
      throw new Unfounded(
        'a fill names no order of the book, or the fills are not in canonical order',
        orderId,
      );
    }
    filledByRank[rank++] = energyWh;
  }
  return {
    bids: surveySide(book, 'bids', filledByRank, marginal?.bidMicroPerKwh, idAt),
    offers: surveySide(book, 'offers', filledByRank, marginal?.offerMicroPerKwh, idAt),
  };
}

function surveySide(
  book: FrozenBook,
  which: 'bids' | 'offers',
  filledByRank: Uint32Array,
  limit: number | undefined,
  idAt: (rank: number) => string,
): SideSurvey {
  const side = book[which];
  const none = which === 'bids' ? NO_BID : NO_OFFER;
  const isBetter = which === 'bids' ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
  const filledWh = new Uint32Array(side.count);
  const levelIndices: number[] = [];
  let totalFilledWh = 0;
  let worstFilled: number | undefined;
  let bestUnfilled = none;
  let beforeLimitWh = 0;
  let atLimitWh = 0;
  let afterLimit = none;
  for (let index = 0; index < side.count; index++) {
    const price = side.priceMicroPerKwh[index] as number;
    const energyWh = side.energyWh[index] as number;
    const filled = filledByRank[side.rank[index] as number] as number;
    if (filled > energyWh) {
      throw new Unfounded(
        `an order of ${energyWh} Wh cannot get ${filled} Wh`,
        idAt(side.rank[index] as number),
      );
    }
    filledWh[index] = filled;
    totalFilledWh += filled;
    if (filled > 0 && (worstFilled === undefined || isBetter(worstFilled, price))) worstFilled = price;
    if (filled < energyWh && isBetter(price, bestUnfilled)) bestUnfilled = price;
    if (limit === undefined) continue;
    if (isBetter(price, limit)) beforeLimitWh += energyWh;
    else if (price === limit) {
      atLimitWh += energyWh;
      levelIndices.push(index);
    } else if (isBetter(price, afterLimit)) afterLimit = price;
  }
  return {
    filledWh,
    totalFilledWh,
    worstFilled: worstFilled ?? none,
    bestUnfilled,
    levelIndices,
    beforeLimitWh,
    atLimitWh,
    afterLimit,
  };
}
