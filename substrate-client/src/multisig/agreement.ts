import {
  canonicalJson,
  CommonwattError,
  type BundleRecord,
  type MarketRules,
  type Participant,
} from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';
import type { Fault } from '../bundle/read.ts';
import type { Ledger } from '../settlement/ledger.ts';

/**
 * What the community has agreed on, which no record can prove by itself: its rules, and whose account is whose. Households sign their
 * gateways and orders, but the supplier and the fund sign nothing, and a made-up household could sign everything.
 */
export interface Agreement {
  readonly rules: MarketRules;
  readonly participants: readonly Participant[];
}

/** An agreement from a file. Throws `malformed`. */
export function parseAgreement(value: unknown): Agreement {
  const { rules, participants } = (value ?? {}) as {
    rules?: { community?: unknown };
    participants?: unknown;
  };
  const sound =
    typeof rules?.community === 'string' &&
    Array.isArray(participants) &&
    participants.every(({ id, accountKey, role }) =>
      [id, accountKey, role].every((part) => typeof part === 'string'),
    );
  if (!sound)
    throw new CommonwattError('malformed', 'this is no agreement: {"rules": {...}, "participants": [...]}');
  return value as Agreement;
}

/** Holds the rules and participants of a slot against the agreement; without one, against what was first seen and approved. */
export class AgreedFacts {
  readonly #ledger: Ledger;
  readonly #agreement: Agreement | null;

  constructor(ledger: Ledger, agreement: Agreement | null) {
    this.#ledger = ledger;
    this.#agreement = agreement;
  }

  check(records: readonly BundleRecord[]): Fault[] {
    return records.flatMap((record, index) => {
      const fact = factOf(record);
      if (fact === null) return [];
      const wanted = this.#wanted(fact.name);
      if (wanted === fact.value) return [];
      // Without an agreement a newcomer is taken at his word, and held to it from then on.
      if (wanted === null && this.#agreement === null) return [];
      const what = wanted === null ? 'is not in the agreement' : `is not what was agreed: ${wanted}`;
      return [{ record: recordLabel(index, record), what }];
    });
  }

  /** Keeps what was seen for the first time. */
  learn(records: readonly BundleRecord[]): void {
    if (this.#agreement !== null) return;
    for (const record of records) {
      const fact = factOf(record);
      if (fact !== null && this.#ledger.meta(fact.name) === null) this.#ledger.setMeta(fact.name, fact.value);
    }
  }

  #wanted(name: string): string | null {
    const agreement = this.#agreement;
    if (agreement === null) return this.#ledger.meta(name);
    if (name === 'agreed:rules') return canonicalJson(agreement.rules);
    const participant = agreement.participants.find(({ id }) => `agreed:participant:${id}` === name);
    return participant === undefined ? null : canonicalJson(participant);
  }
}

function factOf(record: BundleRecord): { name: string; value: string } | null {
  if (record.type === 'rules') return { name: 'agreed:rules', value: canonicalJson(record.rules) };
  if (record.type !== 'participant') return null;
  return {
    name: `agreed:participant:${record.participant.id}`,
    value: canonicalJson(record.participant),
  };
}
