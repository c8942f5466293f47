import { parseAmount, type BundleRecord, type HeldAmount, type SettlementRecord } from '@commonwatt/domain';
import type { Fault } from '../bundle/read.ts';
import { claimsAfter, type Claim } from '../settlement/claims.ts';

export interface BatchToCheck {
  readonly record: SettlementRecord;
  readonly records: readonly BundleRecord[];
}

/**
 * What the settlement account keeps for receivers, from batch to batch in the order of the chain: nothing is released that was not kept,
 * who is paid gets all that is kept for it, to an account of its own, oldest first; and nobody both gets and is kept something.
 * `unseen`: batches that are on the chain and cannot be looked into here; what was kept since then is taken on trust.
 * Returns what is still kept.
 */
export function checkClaims(
  batches: readonly BatchToCheck[],
  unseen: (batchId: string) => boolean,
): {
  faults: (Fault & { readonly batchId: string })[];
  kept: readonly Claim[];
} {
  const faults: (Fault & { batchId: string })[] = [];
  const seen: SettlementRecord[] = [];
  let kept: readonly Claim[] = [];
  for (const { record, records } of batches) {
    const { batchId } = record;
    const fault = (entry: string, what: string): void =>
      void faults.push({ batchId, record: `settlement ${entry}`, what });
    const before = kept;
    seen.push(record);
    const after = claimsAfter(seen);
    kept = after.claims;
    for (const { participant, batchId: since } of after.overdrawn.filter(
      (entry) => (record.released ?? []).includes(entry) && !unseen(entry.batchId),
    )) {
      fault(`released ${participant}`, `was not kept since batch ${since}`);
    }
    checkOrder(record, before, fault);
    const paid = new Map(
      record.payments.flatMap(({ participant, direction, accountKey }) =>
        direction === 'out' ? [[participant, accountKey] as const] : [],
      ),
    );
    for (const { participant } of kept.filter((claim) => claim.batchId !== batchId)) {
      if (paid.has(participant)) fault(`payment ${participant}`, 'leaves out what is kept for it');
    }
    for (const { participant } of record.held ?? []) {
      if (paid.has(participant)) fault(`held ${participant}`, 'is kept though it is paid in the same batch');
    }
    const withNet = new Set(record.nets.map(({ participant }) => participant));
    for (const [participant, accountKey] of paid) {
      if (withNet.has(participant) || accountsOf(participant, records, before).includes(accountKey)) continue;
      fault(`payment ${participant}`, 'goes to an account that is not its own');
    }
    if (accountsDiffer(record.held ?? [], record)) fault('held', 'names an account that is not in the nets');
  }
  return { faults, kept };
}

/** Oldest first: a younger claim is used only when the older ones of the same participant are used up. */
function checkOrder(
  record: SettlementRecord,
  before: readonly Claim[],
  fault: (entry: string, what: string) => void,
): void {
  const used = new Map<string, bigint>();
  for (const { participant, batchId, amountMicro } of record.released ?? []) {
    const key = `${participant} ${batchId}`;
    if (used.has(key)) fault(`released ${participant}`, `is there twice for batch ${batchId}`);
    used.set(key, parseAmount(amountMicro));
  }
  const open = new Set<string>();
  for (const { participant, batchId, amountMicro } of before) {
    const part = used.get(`${participant} ${batchId}`) ?? 0n;
    if (part > 0n && open.has(participant))
      fault(`released ${participant}`, `batch ${batchId} came before an older claim`);
    if (part < amountMicro) open.add(participant);
  }
}

function accountsOf(
  participant: string,
  records: readonly BundleRecord[],
  claims: readonly Claim[],
): string[] {
  const listed = records.flatMap((record) =>
    record.type === 'participant' && record.participant.id === participant
      ? [record.participant.accountKey]
      : [],
  );
  if (listed.length > 0) return listed;
  return claims.flatMap((claim) => (claim.participant === participant ? [claim.accountKey] : []));
}

function accountsDiffer(held: readonly HeldAmount[], record: SettlementRecord): boolean {
  return held.some(
    (entry) =>
      record.nets.find(({ participant }) => participant === entry.participant)?.accountKey !==
      entry.accountKey,
  );
}
