import { ID, SLOT, TEXT, WHOLE, WHOLE_OR_NULL, list, object } from './schema-parts.ts';

/** Schemas of the homes against the feeder meter. */

const WH = { type: 'integer' } as const;

const FEEDER_CHECK = object({
  slot: SLOT,
  feeder: ID,
  importWh: WHOLE_OR_NULL,
  exportWh: WHOLE_OR_NULL,
  homesImportWh: WHOLE,
  homesExportWh: WHOLE,
  homes: WHOLE,
  homesInDoubt: WHOLE,
  differenceWh: { type: ['integer', 'null'], description: 'Wh that came in and no home accounts for' },
  lossWhMax: WHOLE,
  toleranceWh: WHOLE,
  verdict: { enum: ['normal', 'loss', 'gain', 'unknown'] },
});

export const FEEDER = object({
  feeder: { type: ['string', 'null'], description: 'Null in a community without a feeder meter' },
  slots: { ...WHOLE, description: 'Slots that were looked at for suspects' },
  from: { type: ['string', 'null'] },
  to: { type: ['string', 'null'] },
  suspects: list(
    object({
      participant: ID,
      fault: { enum: ['scale', 'swapped', 'stuck', 'tap'] },
      showsPermille: { ...WHOLE_OR_NULL, description: 'Of what flows, in permille' },
      missingWh: WH,
      confidencePermille: { type: 'integer', minimum: 0, maximum: 1000 },
      text: TEXT,
    }),
  ),
  checks: list(FEEDER_CHECK),
  next: { type: ['string', 'null'], description: 'The `before` of the following page' },
});

export const FEEDER_QUERY = object(
  {
    before: { ...SLOT, description: 'The `next` of the page before' },
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  },
  ['before', 'limit'],
);
