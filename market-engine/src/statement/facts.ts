import type {
  BundleRecord,
  CancelPayload,
  Carry,
  Estimate,
  GatewayRegistration,
  MarketRules,
  MeterReading,
  OrderPayload,
  Participant,
  RegistryPoint,
  Signed,
  SlotId,
  TrueUp,
} from '@commonwatt/domain';

export interface RecordProblem {
  /** Of the record at fault. */
  index: number;
  problem: string;
}

/** A fact and where it was published. */
export interface Fact<T> {
  readonly index: number;
  readonly value: T;
}

/** The input records of a slot, by kind. */
export interface Facts {
  readonly slot: SlotId;
  readonly rules: Fact<MarketRules>;
  readonly registry: Fact<RegistryPoint> | null;
  readonly participants: Fact<Participant>[];
  readonly gateways: Fact<Signed<GatewayRegistration>>[];
  readonly orders: Fact<Signed<OrderPayload>>[];
  readonly cancels: Fact<Signed<CancelPayload>>[];
  readonly readings: Fact<Signed<MeterReading>>[];
  readonly estimates: Fact<Estimate>[];
  readonly trueUps: Fact<TrueUp>[];
  readonly carries: Fact<Carry>[];
}

/** Sorts well-formed records by kind; null, with a problem, when there are no rules to go by. */
export function factsOf(
  records: readonly { readonly index: number; readonly record: BundleRecord }[],
  problems: RecordProblem[],
): Facts | null {
  const facts: Omit<Facts, 'slot' | 'rules' | 'registry'> = {
    participants: [],
    gateways: [],
    orders: [],
    cancels: [],
    readings: [],
    estimates: [],
    trueUps: [],
    carries: [],
  };
  let rules: Fact<MarketRules> | undefined;
  let registry: Fact<RegistryPoint> | null = null;
  let slot = '';
  for (const { index, record } of records) {
    switch (record.type) {
      case 'rules':
        if (rules) problems.push({ index, problem: 'there are rules already' });
        else {
          rules = { index, value: record.rules };
          slot = record.slot;
        }
        break;
      case 'registry':
        if (registry) problems.push({ index, problem: 'there is a block of the registry already' });
        else registry = { index, value: record.registry };
        break;
      case 'participant':
        facts.participants.push({ index, value: record.participant });
        break;
      case 'gateway':
        facts.gateways.push({ index, value: record.registration });
        break;
      case 'order':
        facts.orders.push({ index, value: record.order });
        break;
      case 'cancel':
        facts.cancels.push({ index, value: record.cancel });
        break;
      case 'reading':
        facts.readings.push({ index, value: record.reading });
        break;
      case 'estimate':
        facts.estimates.push({ index, value: record.estimate });
        break;
      case 'true-up':
        facts.trueUps.push({ index, value: record.trueUp });
        break;
      case 'carry':
        facts.carries.push({ index, value: record.carry });
        break;
      default:
      // Derived records are what the caller compares.
    }
  }
  if (!rules) {
    problems.push({ index: 0, problem: 'there is no sound record of the rules, so nothing can be rebuilt' });
    return null;
  }
  return { slot, rules, registry, ...facts };
}
