import {
  compareIds,
  type Carry,
  type Estimate,
  type MeterReading,
  type Participant,
} from '@commonwatt/domain';
import { checkFeeder, feederOf } from '../feeder/check.ts';
import type { PendingTrueUp, ReadingName } from '../journal/rows.ts';
import type { EstimatePort } from './ports.ts';
import type { FixedRow, Registry, SlotDetail } from './slot-detail.ts';

/**
 * Decides what a slot's statement is made from: for each household its reading or, when none came in time, an estimate; the true-ups
 * of earlier slots that wait; the debts to charge; and who of these takes part no more. Journaled as one row, so that it is decided once.
 */
export function fixSlot(
  detail: SlotDetail,
  registry: Registry & { readonly seq: number },
  estimate: EstimatePort,
  trueUps: readonly PendingTrueUp[],
  carries: readonly Carry[],
  lastKnown: (participant: string) => Participant | undefined,
): FixedRow {
  const usable = detail.readings.usable();
  const readings: ReadingName[] = [];
  const estimates: Estimate[] = [];
  for (const participant of households(registry)) {
    const reading = usable.get(participant)?.payload;
    if (reading === undefined) estimates.push(estimated(participant, detail, estimate));
    else readings.push(nameOf(reading));
  }
  // The feeder's reading is never estimated: without it the slot's check is unknown.
  const feeder = feederOf(registry.participants);
  const atFeeder = feeder === null ? undefined : usable.get(feeder)?.payload;
  if (atFeeder !== undefined) readings.push(nameOf(atFeeder));
  const check = checkFeeder({
    rules: detail.rules,
    slot: detail.slot,
    participants: registry.participants,
    readings: readings.flatMap(
      ({ gateway, sequence }) => detail.readings.taken(gateway, sequence)?.payload ?? [],
    ),
    estimates,
  });
  const members = new Set(registry.participants.map(({ id }) => id));
  const gone = new Set<string>();
  for (const { estimate: late } of trueUps) gone.add(late.participant);
  for (const { debtor, claims } of carries)
    for (const id of [debtor, ...claims.map((claim) => claim.participant)]) gone.add(id);
  const formers = [...gone]
    .filter((id) => !members.has(id))
    .sort(compareIds)
    .flatMap((id) => lastKnown(id) ?? [])
    .map((participant): Participant => ({ ...participant, role: 'former' }));
  return {
    type: 'fixed',
    slot: detail.slot,
    registrySeq: registry.seq,
    ...(formers.length === 0 ? {} : { formers }),
    readings,
    estimates,
    trueUps: [...trueUps],
    carries: [...carries],
    ...(check === null ? {} : { check }),
  };
}

function nameOf({ gateway, slot, sequence }: MeterReading): ReadingName {
  return { gateway, slot, sequence };
}

/** True when every household that has a gateway, and the feeder if it has one, has delivered for the slot. */
export function allDelivered(detail: SlotDetail, registry: Registry): boolean {
  const delivered = detail.readings.delivered();
  const withGateway = new Set(registry.gateways.map(({ payload }) => payload.participant));
  const homes = households(registry).filter((participant) => withGateway.has(participant));
  const feeder = feederOf(registry.participants);
  const expected = feeder !== null && withGateway.has(feeder) ? [...homes, feeder] : homes;
  return homes.length > 0 && expected.every((participant) => delivered.has(participant));
}

export function households(registry: Registry): string[] {
  return registry.participants
    .filter((participant) => participant.role === 'household')
    .map((participant) => participant.id)
    .sort(compareIds);
}

function estimated(participant: string, detail: SlotDetail, port: EstimatePort): Estimate {
  const { slot } = detail;
  try {
    const { importWh, exportWh, basis } = port.estimate(participant, slot);
    if (Number.isSafeInteger(importWh) && Number.isSafeInteger(exportWh) && importWh >= 0 && exportWh >= 0) {
      return { participant, slot, importWh, exportWh, basis };
    }
  } catch {
    // Fall through: a statement must be made, and the true-up corrects it.
  }
  return { participant, slot, importWh: 0, exportWh: 0, basis: 'nothing: there was no forecast' };
}
