import {
  CommonwattError,
  canonicalJson,
  compareIds,
  slotMs,
  type MarketRules,
  type MeterReading,
  type Signed,
  type SlotId,
} from '@commonwatt/domain';

/** Power that no home's connection carries; a reading above it is a broken meter. */
export const CONNECTION_POWER_W_MAX = 100_000;
/** The largest transformers of low-voltage feeders carry about this. */
export const FEEDER_POWER_W_MAX = 2_500_000;

/**
 * The readings of one slot, by participant. A later sequence for the same slot corrects an earlier one as long as the slot is not
 * fixed. Readings of a gateway whose clock is not synchronised are kept and acknowledged, but not settled on.
 */
export class SlotReadings {
  readonly slot: SlotId;
  readonly #taken = new Map<string, Signed<MeterReading>>();

  constructor(slot: SlotId) {
    this.slot = slot;
  }

  /** The reading already taken under this gateway and sequence. */
  taken(gateway: string, sequence: number): Signed<MeterReading> | null {
    return this.#taken.get(keyOf(gateway, sequence)) ?? null;
  }

  apply(signed: Signed<MeterReading>): void {
    this.#taken.set(keyOf(signed.payload.gateway, signed.payload.sequence), signed);
  }

  /** The reading to settle on for each participant that has one. */
  usable(): Map<string, Signed<MeterReading>> {
    const best = new Map<string, Signed<MeterReading>>();
    for (const signed of this.#taken.values()) {
      const { participant, sequence, gateway, clockSynchronised } = signed.payload;
      if (!clockSynchronised) continue;
      const held = best.get(participant)?.payload;
      const newer =
        held === undefined ||
        (held.gateway === gateway ? sequence > held.sequence : compareIds(gateway, held.gateway) > 0);
      if (newer) best.set(participant, signed);
    }
    return best;
  }

  /** Participants that have delivered a reading, usable or not. */
  delivered(): ReadonlySet<string> {
    return new Set([...this.#taken.values()].map((signed) => signed.payload.participant));
  }
}

/** Throws `duplicate` for the same reading again and `conflict` for another one under the same key. */
export function checkAgainstTaken(signed: Signed<MeterReading>, taken: Signed<MeterReading> | null): void {
  if (taken === null) return;
  const { gateway, sequence, slot } = signed.payload;
  const record = `${gateway} ${sequence}`;
  if (canonicalJson(taken) === canonicalJson(signed)) {
    throw new CommonwattError('duplicate', `reading ${sequence} of ${gateway} for ${slot} was taken before`, {
      record,
      field: 'payload.sequence',
      remedy: 'treat it as delivered',
    });
  }
  throw new CommonwattError(
    'conflict',
    `${gateway} has delivered another reading ${sequence} for ${slot} before`,
    { record, field: 'payload.sequence', rule: 'one reading per gateway, slot and sequence' },
  );
}

/** Throws `out-of-range` with the field for values that no meter can have counted in one slot. */
export function checkPlausible(
  payload: MeterReading,
  rules: MarketRules,
  powerWMax = CONNECTION_POWER_W_MAX,
): void {
  const record = `${payload.gateway} ${payload.sequence}`;
  const energyWhMax = Math.floor((powerWMax * slotMs(rules.slotMinutes)) / 3_600_000);
  const range = (field: keyof MeterReading, min: number, max: number): void => {
    const value = payload[field] as number | null;
    if (value === null || (value >= min && value <= max)) return;
    const rule =
      max === energyWhMax
        ? `0 to ${energyWhMax} Wh in a slot (a connection of ${powerWMax} W)`
        : `${min} to ${max}`;
    throw new CommonwattError('out-of-range', `payload.${field} is ${value}; possible is ${rule}`, {
      record,
      field: `payload.${field}`,
      rule,
    });
  };
  for (const field of ['importWh', 'exportWh', 'pvWh', 'batteryChargedWh', 'batteryDischargedWh'] as const) {
    range(field, 0, energyWhMax);
  }
  for (const field of ['sequence', 'importCounterWh', 'exportCounterWh', 'epoch', 'gatewayTimeMs'] as const) {
    range(field, 0, Number.MAX_SAFE_INTEGER);
  }
  range('deviceTimeMs', 0, Number.MAX_SAFE_INTEGER);
  range('stateOfChargePermille', 0, 1000);
}

function keyOf(gateway: string, sequence: number): string {
  return `${gateway} ${sequence}`;
}
