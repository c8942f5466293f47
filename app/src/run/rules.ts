import { CommonwattError, DEFAULT_RULES, type MarketRules } from '@commonwatt/domain';

/** Rules that a community sets for itself; the slot's length is an option of its own. */
export type RuleChanges = Partial<Omit<MarketRules, 'community' | 'slotMinutes'>>;

const HOUR_MS = 3_600_000;
const RANGES: Record<
  keyof Omit<MarketRules, 'community' | 'slotMinutes' | 'mechanism'>,
  readonly [number, number]
> = {
  kPercent: [0, 100],
  retailMicroPerKwh: [0, 100_000_000],
  feedInMicroPerKwh: [0, 100_000_000],
  networkFeeMicroPerKwh: [0, 100_000_000],
  levyMicroPerKwh: [0, 100_000_000],
  gateClosureMs: [0, 24 * HOUR_MS],
  openSlotsAhead: [1, 96],
  meteringDeadlineMs: [60_000, 24 * HOUR_MS],
  trueUpLimitMs: [0, 366 * 24 * HOUR_MS],
  ordersMaxPerParticipant: [1, 1000],
  orderEnergyWhMax: [1, 1_000_000_000],
  feederLossPermille: [0, 1000],
  feederLossW: [0, 1_000_000],
  feederToleranceWh: [0, 1_000_000],
};

/** Checks a JSON object of changed rules. Errors: `malformed` and `out-of-range`, with the field and the range. */
export function readRuleChanges(value: unknown, file: string): RuleChanges {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommonwattError('malformed', `${file} holds no object of rules`, { record: file });
  }
  const fields = value as Record<string, unknown>;
  for (const [field, given] of Object.entries(fields)) {
    const place = { record: file, field };
    if (field === 'mechanism') {
      if (given === 'uniform' || given === 'pay-as-bid' || given === 'mcafee') continue;
      throw new CommonwattError(
        'out-of-range',
        `mechanism is uniform, pay-as-bid or mcafee, not ${JSON.stringify(given)}`,
        place,
      );
    }
    const range = Object.hasOwn(RANGES, field) ? RANGES[field as keyof typeof RANGES] : undefined;
    if (range === undefined) {
      throw new CommonwattError('malformed', `there is no rule ${JSON.stringify(field)}`, {
        ...place,
        remedy: `the rules are ${['mechanism', ...Object.keys(RANGES)].join(', ')}`,
      });
    }
    if (!Number.isSafeInteger(given) || (given as number) < range[0] || (given as number) > range[1]) {
      throw new CommonwattError(
        'out-of-range',
        `${field} is a whole number from ${range[0]} to ${range[1]}, not ${JSON.stringify(given)}`,
        place,
      );
    }
  }
  const changes = fields as RuleChanges;
  const { feedInMicroPerKwh, retailMicroPerKwh } = { ...DEFAULT_RULES, ...changes };
  if (feedInMicroPerKwh > retailMicroPerKwh) {
    throw new CommonwattError(
      'out-of-range',
      `the feed-in price ${feedInMicroPerKwh} is above the retail price ${retailMicroPerKwh}`,
      {
        record: file,
        field: 'feedInMicroPerKwh',
      },
    );
  }
  return changes;
}
