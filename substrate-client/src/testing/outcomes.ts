import type { Ledger } from '../settlement/ledger.ts';
import { partsOf } from '../settlement/parts.ts';

/** What a ledger went through, counted from what it holds at the end. */
export function outcomes(ledger: Ledger): {
  attempts: number;
  failedOnChain: number;
  expiredEras: number;
  heldReceivers: number;
} {
  const total = { attempts: 0, failedOnChain: 0, expiredEras: 0, heldReceivers: 0 };
  for (const { batchId, record, partSize, partsMin } of ledger.batches()) {
    total.heldReceivers += record?.held?.length ?? 0;
    for (const { id } of partsOf(batchId, record?.payments ?? [], partSize ?? 1000, partsMin)) {
      const attempts = ledger.attempts(id);
      const sightings = ledger.sightings(id);
      total.attempts += attempts.length;
      total.failedOnChain += sightings.filter(({ success }) => !success).length;
      // Signed anew at or after the height at which the one before could no longer be included.
      total.expiredEras += attempts.filter((attempt, index) => {
        const next = attempts[index + 1];
        const seen = sightings.some(({ extrinsicHash }) => extrinsicHash === attempt.hash);
        return !seen && next !== undefined && next.birth.number >= attempt.deathNumber;
      }).length;
    }
  }
  return total;
}
