import { SIGNED_ORDER } from './message-schemas.ts';
import {
  HEX64,
  ID,
  MONEY,
  ORDER_FIELDS,
  SLOT,
  TEXT,
  WHOLE,
  WHOLE_OR_NULL,
  list,
  object,
} from './schema-parts.ts';

/** Schemas of a slot and what it leaves behind, and of the queries for them. */

export const SLOT_PARAM = object({ slot: SLOT });

export const SLOT_QUERY = object({ slot: SLOT });

export const PAGE_QUERY = object(
  {
    from: SLOT,
    to: SLOT,
    after: { ...SLOT, description: 'The `next` of the page before' },
    state: TEXT,
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  },
  ['from', 'to', 'after', 'state', 'limit'],
);

export const SLOT_SUMMARY = object({
  slot: SLOT,
  state: TEXT,
  gateClosesMs: WHOLE,
  startsMs: WHOLE,
  endsMs: WHOLE,
  meteringEndsMs: WHOLE,
  bids: WHOLE_OR_NULL,
  offers: WHOLE_OR_NULL,
  volumeWh: WHOLE_OR_NULL,
  priceMicroPerKwh: WHOLE_OR_NULL,
  bookHash: { type: ['string', 'null'] },
  readings: WHOLE_OR_NULL,
  estimates: WHOLE_OR_NULL,
  feederVerdict: { enum: ['normal', 'loss', 'gain', 'unknown', null] },
  feederDifferenceWh: { type: ['integer', 'null'] },
  batchId: { type: ['string', 'null'] },
  blockNumber: WHOLE_OR_NULL,
  trouble: { type: ['string', 'null'] },
});

export const SLOT_PAGE = object({ slots: list(SLOT_SUMMARY), next: { type: ['string', 'null'] } });

export const CLEARING = object({
  slot: SLOT,
  mechanism: { enum: ['uniform', 'pay-as-bid', 'mcafee'] },
  bookHash: HEX64,
  volumeWh: WHOLE,
  priceMicroPerKwh: WHOLE_OR_NULL,
  priceInterval: { type: ['array', 'null'], items: WHOLE, minItems: 2, maxItems: 2 },
  fills: list(object({ orderId: ID, energyWh: WHOLE })),
  trades: list(
    object(
      {
        bidId: ID,
        offerId: ID,
        buyer: ID,
        seller: ID,
        energyWh: WHOLE,
        priceMicroPerKwh: WHOLE,
        sellerPriceMicroPerKwh: WHOLE,
      },
      ['sellerPriceMicroPerKwh'],
    ),
  ),
});

export const BOOK = object({ slot: SLOT, kPercent: WHOLE, orders: list(object(ORDER_FIELDS)) });

export const ORDERS = object({ slot: SLOT, orders: list(SIGNED_ORDER) });

export const OWN_STATEMENT = object({
  slot: SLOT,
  participant: ID,
  position: {
    ...object({
      participant: ID,
      meteredWh: { type: 'integer' },
      tradedWh: { type: 'integer' },
      imbalanceWh: { type: 'integer' },
      source: { enum: ['reading', 'estimate'] },
    }),
    type: ['object', 'null'],
  },
  lines: list(
    object(
      {
        participant: ID,
        reason: TEXT,
        energyWh: { type: 'integer' },
        priceMicroPerKwh: { type: 'integer' },
        amountNano: MONEY,
        reference: TEXT,
        text: TEXT,
      },
      ['reference'],
    ),
  ),
  totalNano: MONEY,
});
