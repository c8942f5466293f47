import { CommonwattError, type Clearing } from '@commonwatt/domain';
import { priceIn, type Crossing } from '../auction/crossing.ts';
import type { FrozenBook } from '../auction/freeze-book.ts';
import { commonPrice } from '../auction/mcafee.ts';
import { pairPrice } from '../auction/pay-as-bid.ts';
import { textReader } from '../auction/text-table.ts';
import { checkLevel, checkNobodyBetter, checkShares, winners } from './check-shares.ts';
import { checkTrades, type TradePrices } from './check-trades.ts';
import { parseCertificate } from './parse-certificate.ts';
import { survey, Unfounded, type Survey } from './survey.ts';

export type CertificateVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** The order at fault, where there is one. */
      readonly record?: string;
    };

/**
 * Checks a certificate without clearing again: one pass over the book and its fills, one over its trades. It holds when the hash is the
 * book's, no order gets more than it asked for, as much is bought as sold, nothing more could trade, nobody better is left out, only
 * the marginal level is cut and shared by the rules, the interval and the price follow, and the trades are the fills' pairs at their
 * prices - which together leave no room for any other clearing. Never throws.
 */
export function checkCertificate(json: unknown): CertificateVerdict {
  try {
    const parsed = parseCertificate(json);
    if (typeof parsed === 'string') return { ok: false, reason: parsed };
    check(
      parsed.book,
      parsed.certificate.clearing,
      parsed.certificate.marginal,
      parsed.certificate.book.orders,
    );
    return { ok: true };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const record =
      error instanceof Unfounded
        ? error.record
        : error instanceof CommonwattError
          ? error.place.record
          : undefined;
    return { ok: false, reason, ...(record === undefined ? {} : { record }) };
  }
}

type Marginal = Parameters<typeof survey>[2];

function check(
  book: FrozenBook,
  clearing: Clearing,
  marginal: Marginal,
  orders: readonly { readonly id: string }[],
): void {
  const idAt = textReader(book.ids);
  const misplaced = orders.findIndex(({ id }, rank) => id !== idAt(rank));
  if (misplaced >= 0) throw new Unfounded('the book is not in canonical order', orders[misplaced]?.id);
  claim(clearing.slot === book.slot, `the clearing is for slot ${clearing.slot}, the book for ${book.slot}`);
  claim(clearing.bookHash === book.bookHash, `the book's hash is ${book.bookHash}, not ${clearing.bookHash}`);

  const found = survey(book, clearing.fills, marginal, idAt);
  const { bids, offers } = found;
  claim(
    bids.totalFilledWh === offers.totalFilledWh,
    `${bids.totalFilledWh} Wh are bought, but ${offers.totalFilledWh} Wh are sold`,
  );
  claim(
    clearing.volumeWh === bids.totalFilledWh,
    `the volume is ${bids.totalFilledWh} Wh, not ${clearing.volumeWh}`,
  );
  const crossing = confirmCrossing(book, found, marginal);
  if (!crossing) {
    checkNothingTraded(clearing, 'no bid reaches an offer');
    return;
  }
  const prices =
    clearing.mechanism === 'mcafee'
      ? checkMcafee(book, clearing, crossing, found)
      : checkEfficient(book, clearing, crossing, found);
  if (prices) checkTrades(book, clearing, bids.filledWh, offers.filledWh, prices, idAt);
}

/** The crossing that the marginal limits claim, once one pass has shown that it is the crossing. */
function confirmCrossing(book: FrozenBook, { bids, offers }: Survey, marginal: Marginal): Crossing | null {
  if (!marginal) {
    const best = bids.bestUnfilled;
    claim(bids.totalFilledWh === 0, 'no bid reaches an offer, says the certificate, yet there are fills');
    claim(
      book.bids.count === 0 || book.offers.count === 0 || best < offers.bestUnfilled,
      `a bid at ${best} reaches an offer at ${offers.bestUnfilled}, yet the certificate names no marginal limits`,
    );
    return null;
  }
  const { bidMicroPerKwh: bidLimit, offerMicroPerKwh: offerLimit } = marginal;
  claim(bids.atLimitWh > 0, `no bid has the marginal limit ${bidLimit}`);
  claim(offers.atLimitWh > 0, `no offer has the marginal limit ${offerLimit}`);
  claim(
    bidLimit >= offerLimit,
    `the marginal bid at ${bidLimit} does not reach the marginal offer at ${offerLimit}`,
  );
  const demandWh = bids.beforeLimitWh + bids.atLimitWh;
  const supplyWh = offers.beforeLimitWh + offers.atLimitWh;
  const volumeWh = Math.min(demandWh, supplyWh);
  const nextBid = demandWh > volumeWh ? bidLimit : bids.afterLimit;
  const nextOffer = supplyWh > volumeWh ? offerLimit : offers.afterLimit;
  claim(bids.beforeLimitWh < volumeWh, `the bid at ${bidLimit} is not the marginal one`);
  claim(offers.beforeLimitWh < volumeWh, `the offer at ${offerLimit} is not the marginal one`);
  claim(nextBid < nextOffer, `more could trade: a bid at ${nextBid} and an offer at ${nextOffer} are left`);
  return {
    volumeWh,
    bidLimit,
    offerLimit,
    nextBid,
    nextOffer,
    bidsAboveWh: bids.beforeLimitWh,
    bidsAtLimitWh: bids.atLimitWh,
    offersBelowWh: offers.beforeLimitWh,
    offersAtLimitWh: offers.atLimitWh,
  };
}

/** `uniform`, `pay-as-bid`, and `mcafee` at a common price: all of V trades. */
function checkEfficient(
  book: FrozenBook,
  clearing: Clearing,
  crossing: Crossing,
  found: Survey,
  commonPriceMicroPerKwh?: number,
): TradePrices {
  claim(
    clearing.volumeWh === crossing.volumeWh,
    `${crossing.volumeWh} Wh could trade, not ${clearing.volumeWh}`,
  );
  const lo = Math.max(found.offers.worstFilled, found.bids.bestUnfilled);
  const hi = Math.min(found.bids.worstFilled, found.offers.bestUnfilled);
  checkNobodyBetter(book, found);
  checkLevel(book, book.bids, found.bids, crossing.volumeWh);
  checkLevel(book, book.offers, found.offers, crossing.volumeWh);
  checkInterval(clearing, lo, hi);
  if (clearing.mechanism === 'pay-as-bid') {
    claim(clearing.priceMicroPerKwh === null, 'pay-as-bid has no common price');
    return { buyer: pairPrice };
  }
  const price = commonPriceMicroPerKwh ?? priceIn([lo, hi], book.kPercent);
  checkPrice(clearing, price);
  return { buyer: () => price };
}

function checkMcafee(
  book: FrozenBook,
  clearing: Clearing,
  crossing: Crossing,
  found: Survey,
): TradePrices | null {
  const common = commonPrice(crossing);
  if (common !== null) return checkEfficient(book, clearing, crossing, found, common);
  const { bidLimit, offerLimit } = crossing;
  const winningBids = winners(book, book.bids, found.bids, crossing.volumeWh, (price) => price > bidLimit);
  const winningOffers = winners(
    book,
    book.offers,
    found.offers,
    crossing.volumeWh,
    (price) => price < offerLimit,
  );
  const volumeWh = Math.min(winningBids.totalWh, winningOffers.totalWh);
  claim(clearing.volumeWh === volumeWh, `${volumeWh} Wh trade after the reduction, not ${clearing.volumeWh}`);
  if (volumeWh === 0) {
    checkNothingTraded(clearing, 'the reduction leaves nothing');
    return null;
  }
  checkShares(book, book.bids, found.bids, winningBids, volumeWh);
  checkShares(book, book.offers, found.offers, winningOffers, volumeWh);
  checkInterval(clearing, offerLimit, bidLimit);
  checkPrice(clearing, bidLimit);
  return { buyer: () => bidLimit, seller: offerLimit };
}

function checkInterval({ priceInterval }: Clearing, lo: number, hi: number): void {
  claim(
    priceInterval !== null && priceInterval[0] === lo && priceInterval[1] === hi,
    `the price interval is [${lo}, ${hi}], not ${JSON.stringify(priceInterval)}`,
  );
}

function checkPrice({ priceMicroPerKwh }: Clearing, price: number): void {
  claim(priceMicroPerKwh === price, `the price is ${price}, not ${priceMicroPerKwh}`);
}

function checkNothingTraded(clearing: Clearing, why: string): void {
  const { volumeWh, priceMicroPerKwh, priceInterval, fills, trades } = clearing;
  claim(volumeWh === 0 && fills.length === 0 && trades.length === 0, `${why}, yet there are trades`);
  claim(priceMicroPerKwh === null && priceInterval === null, `${why}, yet there is a price`);
}

function claim(holds: boolean, otherwise: string): void {
  if (!holds) throw new Unfounded(otherwise);
}
