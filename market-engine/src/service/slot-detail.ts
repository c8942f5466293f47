import {
  agentKeyOf,
  CommonwattError,
  canonicalJson,
  parseAmount,
  type BundleRecord,
  type Clearing,
  type GatewayRegistration,
  type MarketRules,
  type MeterReading,
  type Participant,
  type RegistryPoint,
  type Signed,
  type SlotId,
  type Statement,
} from '@commonwatt/domain';
import { SlotOrders } from '../ingest/slot-orders.ts';
import { SlotReadings } from '../ingest/slot-readings.ts';
import type { Journal } from '../journal/journal.ts';
import { readingKey, type Decision, type Intake, type ReadingName } from '../journal/rows.ts';
import type { SlotInputs } from '../statement/slot-records.ts';
import type { Core } from './core.ts';

export type FixedRow = Extract<Decision, { type: 'fixed' }>;

/** Who takes part. */
export interface Registry {
  /** The finalized block that said so, when a chain did. */
  readonly asOf?: RegistryPoint;
  readonly participants: readonly Participant[];
  readonly gateways: readonly Signed<GatewayRegistration>[];
}

/** What is known of one slot besides its machine's state. */
export class SlotDetail {
  readonly slot: SlotId;
  readonly rules: MarketRules;
  readonly orders: SlotOrders;
  readonly readings: SlotReadings;
  clearing: Clearing | null = null;
  fixed: FixedRow | null = null;
  /** Participants whose late reading waits for a statement or is in one. */
  readonly late = new Map<string, ReadingName>();
  #records: BundleRecord[] | null = null;

  constructor(slot: SlotId, rules: MarketRules) {
    this.slot = slot;
    this.rules = rules;
    this.orders = new SlotOrders(slot, rules);
    this.readings = new SlotReadings(slot);
  }

  takeIn(row: Intake): void {
    if (row.type === 'order') this.orders.applyOrder(row.signed);
    else if (row.type === 'cancel') this.orders.applyCancel(row.signed);
    else this.readings.apply(row.signed);
  }

  decide(row: Decision): void {
    if (row.type === 'cleared') this.clearing = row.clearing;
    else if (row.type === 'fixed') this.fixed = row;
    else if (row.type === 'late') this.late.set(row.estimate.participant, row.reading);
  }

  /**
   * The public records, once the slot is fixed. Pure in what the journal holds, so they come out the same after a restart.
   * Throws CommonwattError `internal` when they do not add up.
   */
  records(core: Core, registries: Registries, journal: Journal): BundleRecord[] | null {
    if (this.fixed === null) return null;
    this.#records ??= checked(core.records(this.#inputs(this.fixed, registries, journal)), this.clearing);
    return this.#records;
  }

  #inputs(fixed: FixedRow, registries: Registries, journal: Journal): SlotInputs {
    const { asOf, participants, gateways } = registries.at(fixed.registrySeq);
    const counts = countsIn({ participants });
    const find = (name: ReadingName): Signed<MeterReading> => {
      const here = name.slot === this.slot ? this.readings.taken(name.gateway, name.sequence) : null;
      const row = here === null ? journal.intakeByKey(readingKey(name))?.row : undefined;
      const signed = here ?? (row?.type === 'reading' ? row.signed : undefined);
      if (signed !== undefined) return signed;
      throw new CommonwattError(
        'internal',
        `the journal lacks reading ${name.sequence} of ${name.gateway} for ${name.slot}`,
      );
    };
    return {
      rules: this.rules,
      slot: this.slot,
      registry: asOf,
      participants: [...participants, ...(fixed.formers ?? [])],
      gateways,
      orders: this.orders.live().filter(counts),
      cancels: this.orders.cancels().filter(counts),
      readings: fixed.readings.map(find),
      estimates: fixed.estimates,
      trueUps: fixed.trueUps.map(({ estimate, reading, tradedWh }) => ({
        estimate,
        reading: find(reading),
        tradedWh,
        ...oldRegistration(reading, registries, gateways),
      })),
      carries: fixed.carries,
    };
  }
}

/** The registries of the journal: by row, and the one that held for a slot whose gate has closed. */
export interface Registries {
  at(seq: number): Registry;
  of(slot: SlotId): Registry | null;
}

/** Whether what a participant has signed counts for a slot with these members: it is one of them, and it is its key. */
export function countsIn({
  participants,
}: Pick<Registry, 'participants'>): (signed: Signed<{ readonly participant: string }>) => boolean {
  const keys = new Map(
    participants.filter(({ role }) => role === 'household').map((one) => [one.id, agentKeyOf(one)]),
  );
  return ({ payload, key }) => keys.get(payload.participant) === key;
}

/** The registration under which a late reading was taken, unless it still is one of this slot's. */
function oldRegistration(
  { gateway, slot }: ReadingName,
  registries: Registries,
  now: Registry['gateways'],
): { registration?: Signed<GatewayRegistration> } {
  const ofGateway = ({ payload }: Signed<GatewayRegistration>): boolean => payload.gateway === gateway;
  const registration = registries.of(slot)?.gateways.find(ofGateway);
  const same = canonicalJson(now.find(ofGateway) ?? null) === canonicalJson(registration ?? null);
  return registration === undefined || same ? {} : { registration };
}

/** The statement that a slot's records hold. */
export function statementOf(slot: SlotId, records: readonly BundleRecord[]): Statement {
  return {
    slot,
    positions: records.flatMap((record) => (record.type === 'position' ? [record.position] : [])),
    lines: records.flatMap((record) => (record.type === 'line' ? [record.line] : [])),
  };
}

/** Reads a slot back from the journal. */
export function loadSlotDetail(journal: Journal, slot: SlotId, rules: MarketRules): SlotDetail {
  const detail = new SlotDetail(slot, rules);
  for (const { row } of journal.intakeOf(slot)) detail.takeIn(row);
  for (const { row } of journal.decisionsOf(slot)) detail.decide(row);
  return detail;
}

/** The last check before money moves: the clearing is the journaled one, energy adds up for everyone, cash sums to zero. */
function checked(records: BundleRecord[], clearing: Clearing | null): BundleRecord[] {
  let cash = 0n;
  for (const record of records) {
    if (record.type === 'clearing' && canonicalJson(record.clearing) !== canonicalJson(clearing)) {
      throw new CommonwattError('internal', 'the book clears differently than at gate closure');
    }
    if (record.type === 'line') cash += parseAmount(record.line.amountNano);
    if (record.type === 'position') {
      const { participant, meteredWh, tradedWh, imbalanceWh } = record.position;
      if (tradedWh + imbalanceWh !== meteredWh) {
        throw new CommonwattError(
          'internal',
          `traded and imbalance of ${participant} are not its metered energy`,
        );
      }
    }
  }
  if (cash !== 0n)
    throw new CommonwattError('internal', `the statement's cash sums to ${cash} nano, not to zero`);
  return records;
}
