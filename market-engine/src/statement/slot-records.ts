import {
  CommonwattError,
  compareIds,
  type BundleRecord,
  type CancelPayload,
  type Carry,
  type Estimate,
  type GatewayRegistration,
  type MarketRules,
  type MeterReading,
  type Order,
  type OrderPayload,
  type Participant,
  type RegistryPoint,
  type Signed,
  type SlotId,
  type TrueUp,
} from '@commonwatt/domain';
import { freezeBook } from '../auction/freeze-book.ts';
import { clearBook } from '../auction/mechanisms.ts';
import { checkFeeder, feederOf } from '../feeder/check.ts';
import { buildStatement } from './build-statement.ts';
import type { Metered } from './statement-input.ts';

/** Everything a slot's records follow from: signed facts and what the community agreed. */
export interface SlotInputs {
  readonly rules: MarketRules;
  readonly slot: SlotId;
  /** The block whose registry said who takes part, when a chain said so. */
  readonly registry?: RegistryPoint | undefined;
  readonly participants: readonly Participant[];
  /** Every registration that a reading of this slot relies on; a true-up brings its own where it is another. */
  readonly gateways: readonly Signed<GatewayRegistration>[];
  /** The orders of the frozen book: the last valid revision of each. */
  readonly orders: readonly Signed<OrderPayload>[];
  /** Orders taken back. */
  readonly cancels: readonly Signed<CancelPayload>[];
  readonly readings: readonly Signed<MeterReading>[];
  readonly estimates: readonly Estimate[];
  readonly trueUps: readonly TrueUp[];
  readonly carries: readonly Carry[];
}

/**
 * The records of a settled slot, complete and in the one order `docs/market-rules.md` fixes (section "The records of a slot"):
 * the same inputs, in whatever order they come, give the same records. Signatures are checked by `rebuildRecords`, not here.
 * Throws CommonwattError when the book or the statement's input breaks a rule.
 */
export function buildSlotRecords(input: SlotInputs): BundleRecord[] {
  const { rules, slot } = input;
  const orders = sorted(input.orders, ({ payload }) => [payload.id]);
  const book = freezeBook({ slot, kPercent: rules.kPercent, orders: orders.map(orderOf) });
  const clearing = clearBook(book, rules.mechanism);
  const readings = sorted(input.readings, ({ payload }) => [payload.participant, payload.gateway]);
  const estimates = sorted(input.estimates, ({ participant }) => [participant]);
  const trueUps = sorted(input.trueUps, ({ estimate }) => [estimate.slot, estimate.participant]);
  const carries = sorted(input.carries, ({ batchId, debtor }) => [batchId, debtor]);
  const participants = sorted(input.participants, ({ id }) => [id]);
  refuseStrangeSlot(slot, estimates);
  const statement = buildStatement({
    rules,
    slot,
    participants,
    clearing,
    metered: meteredOf(readings, estimates, feederOf(participants)),
    trueUps,
    carries,
  });
  const check = checkFeeder({
    rules,
    slot,
    participants,
    readings: readings.map(({ payload }) => payload),
    estimates,
  });
  return [
    { type: 'rules', slot, rules },
    ...(input.registry === undefined ? [] : [{ type: 'registry' as const, registry: input.registry }]),
    ...participants.map((participant): BundleRecord => ({ type: 'participant', participant })),
    ...sorted(input.gateways, ({ payload }) => [payload.participant, payload.gateway]).map(
      (registration): BundleRecord => ({ type: 'gateway', registration }),
    ),
    ...orders.map((order): BundleRecord => ({ type: 'order', order })),
    ...sorted(input.cancels, ({ payload }) => [payload.id]).map((cancel): BundleRecord => ({
      type: 'cancel',
      cancel,
    })),
    ...readings.map((reading): BundleRecord => ({ type: 'reading', reading })),
    ...estimates.map((estimate): BundleRecord => ({ type: 'estimate', estimate })),
    ...trueUps.map((trueUp): BundleRecord => ({ type: 'true-up', trueUp })),
    ...carries.map((carry): BundleRecord => ({ type: 'carry', carry })),
    { type: 'clearing', clearing },
    ...statement.positions.map((position): BundleRecord => ({ type: 'position', position })),
    ...statement.lines.map((line): BundleRecord => ({ type: 'line', line })),
    ...(check === null ? [] : [{ type: 'feeder', check } as const]),
  ];
}

/** What a book holds of a signed order. */
export function orderOf({ payload }: Signed<OrderPayload>): Order {
  const { id, participant, side, energyWh, priceMicroPerKwh } = payload;
  return { id, participant, side, energyWh, priceMicroPerKwh };
}

/** The feeder's reading is for the check alone: it has no position and no lines. */
function meteredOf(
  readings: readonly Signed<MeterReading>[],
  estimates: readonly Estimate[],
  feeder: string | null,
): Metered[] {
  return [
    ...readings
      .map(({ payload }) => payload)
      .filter(({ participant }) => participant !== feeder)
      .map((reading) => ({ ...pick(reading), source: 'reading' as const })),
    ...estimates.map((estimate) => ({ ...pick(estimate), source: 'estimate' as const })),
  ];
}

function pick({ participant, importWh, exportWh }: Estimate | MeterReading): Omit<Metered, 'source'> {
  return { participant, importWh, exportWh };
}

function refuseStrangeSlot(slot: SlotId, estimates: readonly Estimate[]): void {
  for (const estimate of estimates) {
    if (estimate.slot === slot) continue;
    const record = `estimate ${estimate.participant}`;
    throw new CommonwattError('conflict', `${record}: slot is ${slot}, got ${estimate.slot}`, {
      record,
      field: 'slot',
    });
  }
}

/** A sorted copy, ascending by the keys' bytes, the first key first. */
function sorted<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): T[] {
  return [...items].sort((a, b) => {
    const keysB = keysOf(b);
    for (const [index, key] of keysOf(a).entries()) {
      const order = compareIds(key, keysB[index] as string);
      if (order !== 0) return order;
    }
    return 0;
  });
}
