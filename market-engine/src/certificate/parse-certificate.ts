import { isId } from '@commonwatt/domain';
import { ENERGY_WH_MAX, PRICE_MICRO_PER_KWH_MAX } from '../auction/book-rules.ts';
import { freezeBook, type FrozenBook } from '../auction/freeze-book.ts';
import { MECHANISMS } from '../auction/mechanisms.ts';
import { parseBook } from '../auction/parse-book.ts';
import { list, nullable, object, oneOf, text, whole, type Shape } from '../statement/shape.ts';
import type { Certificate } from './build-certificate.ts';

const id = text('an id', isId);
const price = whole(0, PRICE_MICRO_PER_KWH_MAX);
const energyWh = whole(1, ENERGY_WH_MAX);

const interval: Shape = (value, path) =>
  Array.isArray(value) && value.length === 2
    ? (price(value[0], `${path}[0]`) ?? price(value[1], `${path}[1]`))
    : `${path} is not a pair [lo, hi]`;

const SHAPE = object({
  type: oneOf('clearing-certificate'),
  version: oneOf(1),
  book: () => undefined,
  marginal: nullable(object({ bidMicroPerKwh: price, offerMicroPerKwh: price })),
  clearing: object({
    slot: text('a text', () => true),
    mechanism: oneOf(...Object.keys(MECHANISMS)),
    bookHash: text('a hash of 64 hex digits', (value) => /^[0-9a-f]{64}$/.test(value)),
    volumeWh: whole(0),
    priceMicroPerKwh: nullable(price),
    priceInterval: nullable(interval),
    fills: list(object({ orderId: id, energyWh })),
    trades: list(
      object(
        {
          bidId: id,
          offerId: id,
          buyer: id,
          seller: id,
          energyWh,
          priceMicroPerKwh: price,
          sellerPriceMicroPerKwh: price,
        },
        ['sellerPriceMicroPerKwh'],
      ),
    ),
  }),
});

/** A certificate's parts, or what is wrong with its form. Throws CommonwattError when the book inside breaks a rule. */
export function parseCertificate(
  json: unknown,
): { readonly certificate: Certificate; readonly book: FrozenBook } | string {
  const problem = SHAPE(json, 'certificate');
  if (problem) return problem;
  const certificate = json as Certificate;
  return { certificate, book: freezeBook(parseBook(certificate.book)) };
}
