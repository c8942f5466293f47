import { CommonwattError, type Carry, type SlotId } from '@commonwatt/domain';
import { batchRoot, slotRoot } from '../bundle/roots.ts';
import { claimsAfter, type Claim } from '../settlement/claims.ts';
import type { Ledger, Sighting } from '../settlement/ledger.ts';
import type { SlotRecords } from '../verify/meters.ts';
import { parseRecord, parseRecords, type ProposalSource } from './proposal.ts';

const HOUR_MS = 3_600_000;

/**
 * What a cosigner remembers of settled batches: which slots, with which records. The chain says which batches there are and what their roots
 * are; whoever has the records may give them, they are taken by their roots.
 */
export class Settled {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Takes in every batch the chain has carried out since. Throws `unavailable` when nobody gives the records of one. */
  async learn(sources: readonly ProposalSource[]): Promise<void> {
    for (const sighting of this.#ledger.unknownBatches()) await this.#learnBatch(sighting, sources);
  }

  async #learnBatch(sighting: Sighting, sources: readonly ProposalSource[]): Promise<void> {
    const ledger = this.#ledger;
    const { partId: batchId, root } = sighting;
    const record = await firstOf(sources, `batch ${batchId}`, async (source) => {
      const found = parseRecord(await source.record(root));
      return batchRoot(found) === root && found.batchId === batchId ? found : null;
    });
    for (const { slot, root: wanted } of record.slots) {
      if (ledger.recordsWithRoot(wanted) === null)
        ledger.putSlot(slot, await recordsOf(sources, slot, wanted));
    }
    const slots = record.slots.map(({ slot }) => slot);
    if (slots.some((slot) => ledger.batchIdOf(slot) === null)) ledger.formBatch(batchId, slots);
    for (const slot of slots) {
      const carries = ledger.slot(slot).records.flatMap((one) => (one.type === 'carry' ? [one.carry] : []));
      if (carries.length > 0) ledger.setMeta(`carries:${slot}`, JSON.stringify(carries));
    }
    ledger.setRecord(batchId, record, root, Math.max(1, record.payments.length), 1);
    ledger.setFinal(batchId, sighting, sighting.feeNative);
  }

  /** Debts that were charged so far. */
  carries(): Carry[] {
    return [...this.#ledger.metas('carries:').values()].flatMap((text) => JSON.parse(text) as Carry[]);
  }

  /** What the settlement account keeps for receivers, after all settled batches. */
  claims(): Claim[] {
    const records = this.#ledger
      .batches()
      .flatMap(({ state, record }) => (state === 'final' && record !== null ? [record] : []));
    return claimsAfter(records).claims;
  }

  /** Settled slots from this long before `slot` on. */
  history(before: SlotId, trueUpLimitMs: number): SlotRecords[] {
    const fromMs = Date.parse(before) - trueUpLimitMs - 2 * HOUR_MS;
    const slots = this.#ledger
      .batches()
      .filter(({ state }) => state === 'final')
      .flatMap((batch) => batch.slots)
      .filter((slot) => Date.parse(slot) >= fromMs);
    return slots.map((slot) => this.#ledger.slot(slot));
  }
}

/** A slot's records from whoever has them, with the root that was asked for. Throws `unavailable`. */
export function recordsOf(sources: readonly ProposalSource[], slot: SlotId, root: string) {
  return firstOf(sources, `slot ${slot}`, async (source) => {
    const records = parseRecords(await source.records(root));
    return slotRoot(records) === root ? records : null;
  });
}

async function firstOf<T>(
  sources: readonly ProposalSource[],
  what: string,
  ask: (source: ProposalSource) => Promise<T | null>,
): Promise<T> {
  let why = '';
  for (const source of sources) {
    try {
      const found = await ask(source);
      if (found !== null) return found;
      why = `${source.name} gives other records than those with the root`;
    } catch (error) {
      why = `${source.name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  throw new CommonwattError('unavailable', `the records of ${what} are not to be had: ${why}`);
}
