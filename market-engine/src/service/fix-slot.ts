import { compareIds, type Carry, type Estimate } from '@commonwatt/domain';
import type { PendingTrueUp, ReadingName } from '../journal/rows.ts';
import type { EstimatePort } from './ports.ts';
import type { FixedRow, Registry, SlotDetail } from './slot-detail.ts';

/**
 * Decides what a slot's statement is made from: for each household its reading or, when none came in time, an estimate; the true-ups
 * of earlier slots that wait; the debts to charge. Journaled as one row, so that it is decided once.
 */
export function fixSlot(
  detail: SlotDetail,
  registry: Registry & { readonly seq: number },
  estimate: EstimatePort,
  trueUps: readonly PendingTrueUp[],
  carries: readonly Carry[],
): FixedRow {
  const usable = detail.readings.usable();
  const readings: ReadingName[] = [];
  const estimates: Estimate[] = [];
  for (const participant of households(registry)) {
    const reading = usable.get(participant)?.payload;
    if (reading === undefined) estimates.push(estimated(participant, detail, estimate));
    else readings.push({ gateway: reading.gateway, slot: reading.slot, sequence: reading.sequence });
  }
  return {
    type: 'fixed',
    slot: detail.slot,
    registrySeq: registry.seq,
    readings,
    estimates,
    trueUps: [...trueUps],
    carries: [...carries],
  };
}

/** True when every household that has a gateway has delivered for the slot. */
export function allDelivered(detail: SlotDetail, registry: Registry): boolean {
  const delivered = detail.readings.delivered();
  const withGateway = new Set(registry.gateways.map(({ payload }) => payload.participant));
  const expected = households(registry).filter((participant) => withGateway.has(participant));
  return expected.length > 0 && expected.every((participant) => delivered.has(participant));
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
