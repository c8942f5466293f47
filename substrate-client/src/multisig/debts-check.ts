import { type BundleRecord, type Carry, type SettlementRecord, type SlotId } from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';
import type { SlotFault } from '../verify/meters.ts';

/**
 * A debt that is charged must be one: the batch it names left exactly that unpaid, it was not charged before, and what goes to claims was cut
 * there and not paid before. Amounts in micro-units.
 */
export function checkCarries(
  slots: readonly { readonly slot: SlotId; readonly records: readonly BundleRecord[] }[],
  earlier: readonly Carry[],
  recordOf: (batchId: string) => SettlementRecord | null,
): SlotFault[] {
  const charged = new Set(earlier.map(nameOf));
  const paid = new Map<string, bigint>();
  for (const { claims } of earlier) for (const claim of claims) add(paid, claim);
  const faults: SlotFault[] = [];
  for (const { slot, records } of slots) {
    records.forEach((record, index) => {
      if (record.type !== 'carry') return;
      const what = problemOf(record.carry, charged, paid, recordOf);
      if (what !== null) faults.push({ slot, record: recordLabel(index, record), what });
      charged.add(nameOf(record.carry));
      for (const claim of record.carry.claims) add(paid, claim);
    });
  }
  return faults;
}

function problemOf(
  carry: Carry,
  charged: ReadonlySet<string>,
  paid: ReadonlyMap<string, bigint>,
  recordOf: (batchId: string) => SettlementRecord | null,
): string | null {
  const batch = recordOf(carry.batchId);
  if (batch === null) return `there is no batch ${carry.batchId} on the chain`;
  const owed = batch.unpaid.find(({ participant }) => participant === carry.debtor);
  if (owed?.amountMicro !== carry.amountMicro)
    return `batch ${carry.batchId} left ${owed?.amountMicro ?? '0'} unpaid`;
  if (charged.has(nameOf(carry))) return 'was charged before';
  for (const claim of carry.claims) {
    const cut = recordOf(claim.batchId)?.cuts.find(({ participant }) => participant === claim.participant);
    const left = BigInt(cut?.amountMicro ?? '0') - (paid.get(claimName(claim)) ?? 0n);
    if (left < BigInt(claim.amountMicro))
      return `${claim.participant} has ${left} left to claim from batch ${claim.batchId}`;
  }
  return null;
}

type Claim = Carry['claims'][number];

function nameOf({ debtor, batchId }: Carry): string {
  return `${debtor} ${batchId}`;
}

function claimName({ participant, batchId }: Claim): string {
  return `${participant} ${batchId}`;
}

function add(paid: Map<string, bigint>, claim: Claim): void {
  paid.set(claimName(claim), (paid.get(claimName(claim)) ?? 0n) + BigInt(claim.amountMicro));
}
