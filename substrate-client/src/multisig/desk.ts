import {
  canonicalJson,
  CommonwattError,
  signatureHolds,
  type SettlementRecord,
  type Signed,
} from '@commonwatt/domain';
import type { BundleRecord } from '@commonwatt/domain';
import type { SignatoryChain } from '../chain/types.ts';
import type { Ledger } from '../settlement/ledger.ts';
import type { Proposal, ProposalSource, Verdict } from './proposal.ts';
import { partOfProposal } from './proposal.ts';

const FAULTS_MAX = 10;
const FIELD_MAX = 300;

/** What the signatory said last. */
export interface HeardVerdict {
  readonly signatory: string;
  readonly verdict: Signed<Verdict>;
}

/** How far a proposal is, for status and log. */
export interface Waiting {
  readonly partId: string;
  readonly callHash: string;
  readonly threshold: number;
  readonly signatories: readonly {
    readonly key: string;
    readonly said: 'approved' | 'refused' | 'nothing';
    readonly faults: Verdict['faults'];
  }[];
}

/**
 * The proposing node's public desk: what it offers now, the records behind it and behind earlier batches by their roots, and the signatories'
 * verdicts. The ledger is the truth; this holds only what can be made from it again.
 */
export class ProposalDesk implements ProposalSource {
  readonly name = 'this node';
  readonly #chain: SignatoryChain;
  readonly #ledger: Ledger;
  readonly #log: (line: string) => void;
  readonly #verdicts = new Map<string, HeardVerdict>();
  #offer: Proposal | null = null;

  constructor(chain: SignatoryChain, ledger: Ledger, log: (line: string) => void) {
    this.#chain = chain;
    this.#ledger = ledger;
    this.#log = log;
  }

  /** What is offered from now on; null for nothing. */
  offer(proposal: Proposal | null): void {
    const changed = proposal?.callHash !== this.#offer?.callHash;
    this.#offer = proposal;
    if (!changed || proposal === null) return;
    this.#verdicts.clear();
    const { record } = proposal;
    this.#log(
      `batch ${record.batchId} is proposed to the signatories (turn ${proposal.turn}, ${partOfProposal(proposal).payments.length} payments)`,
    );
  }

  get current(): Proposal | null {
    return this.#offer;
  }

  async proposals(): Promise<readonly Proposal[]> {
    return this.#offer === null ? [] : [this.#offer];
  }

  async record(root: string): Promise<SettlementRecord> {
    const record = this.#ledger.recordWithRoot(root);
    if (record === null) throw notFound('batch', root);
    return record;
  }

  async records(slotRoot: string): Promise<readonly BundleRecord[]> {
    const records = this.#ledger.recordsWithRoot(slotRoot);
    if (records === null) throw notFound('slot', slotRoot);
    return records;
  }

  /** Takes a signatory's verdict on what is offered. Throws `malformed`, `bad-signature`, `forbidden`, `conflict` (not what is offered now). */
  async report(signed: Signed<Verdict>): Promise<void> {
    const verdict = checkedVerdict(signed);
    if (!this.#chain.signatories.includes(signed.key) || verdict.community !== this.#chain.community) {
      throw new CommonwattError('forbidden', `${signed.key} is no signatory of ${this.#chain.community}`);
    }
    if (verdict.callHash !== this.#offer?.callHash) {
      throw new CommonwattError('conflict', `${verdict.partId} with this call is not proposed now`, {
        field: 'payload.callHash',
      });
    }
    const known = this.#verdicts.get(signed.key);
    this.#verdicts.set(signed.key, { signatory: signed.key, verdict: signed });
    if (known && canonicalJson(said(known.verdict.payload)) === canonicalJson(said(verdict))) return;
    const who = `signatory ${this.#chain.signatories.indexOf(signed.key) + 1} (${signed.key.slice(0, 8)})`;
    if (verdict.verdict === 'approved') this.#log(`${who} approves ${verdict.partId}`);
    for (const fault of verdict.faults) this.#log(`${who} refuses ${verdict.partId}: ${faultText(fault)}`);
  }

  verdicts(): readonly Signed<Verdict>[] {
    return [...this.#verdicts.values()].map(({ verdict }) => verdict);
  }

  /** Who has not approved what is offered, or null when nothing is. */
  waiting(): Waiting | null {
    const offer = this.#offer;
    if (offer === null) return null;
    return {
      partId: partOfProposal(offer).id,
      callHash: offer.callHash,
      threshold: this.#chain.threshold,
      signatories: this.#chain.signatories.map((key) => {
        const heard = this.#verdicts.get(key)?.verdict.payload;
        return { key, said: heard?.verdict ?? 'nothing', faults: heard?.faults ?? [] };
      }),
    };
  }
}

/** `2026-06-01T12:00:00Z record 12 (order o-17): the signature does not hold` */
export function faultText({ slot, record, what }: Verdict['faults'][number]): string {
  return `${slot === null ? '' : `${slot} `}${record}: ${what}`;
}

/** One line for people: what is waited for and for whom. */
export function waitingText(waiting: Waiting): string {
  const approved = waiting.signatories.filter((signatory) => signatory.said === 'approved').length;
  const others = waiting.signatories.flatMap(({ said: word, faults }, index) => {
    if (word === 'approved') return [];
    const why = faults[0] === undefined ? '' : ` (${faultText(faults[0])})`;
    return [`signatory ${index + 1} ${word === 'refused' ? `refused${why}` : 'has not answered'}`];
  });
  return `${waiting.partId} has ${approved} of ${waiting.threshold} approvals; ${others.join(', ')}`;
}

function said(verdict: Verdict): unknown {
  return { verdict: verdict.verdict, faults: verdict.faults };
}

function checkedVerdict(signed: Signed<Verdict>): Verdict {
  const verdict = signed?.payload;
  const faults = verdict?.faults;
  const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= FIELD_MAX;
  const sound =
    verdict?.type === 'settlement-verdict' &&
    (verdict.verdict === 'approved' || verdict.verdict === 'refused') &&
    [verdict.community, verdict.batchId, verdict.partId, verdict.callHash].every(isText) &&
    Number.isSafeInteger(verdict.blockNumber) &&
    Array.isArray(faults) &&
    faults.length <= FAULTS_MAX &&
    faults.every(
      ({ slot, record, what }) => (slot === null || isText(slot)) && isText(record) && isText(what),
    );
  if (!sound)
    throw new CommonwattError('malformed', 'this is no verdict on a settlement batch', { field: 'payload' });
  if (!signatureHolds(signed))
    throw new CommonwattError('bad-signature', 'the signature of the verdict does not hold');
  return verdict;
}

/** Faults as a verdict may carry them. */
export function shortFaults(faults: Verdict['faults']): Verdict['faults'] {
  return faults.slice(0, FAULTS_MAX).map(({ slot, record, what }) => ({
    slot,
    record: record.slice(0, FIELD_MAX),
    what: what.slice(0, FIELD_MAX),
  }));
}

function notFound(what: string, root: string): CommonwattError {
  return new CommonwattError('not-found', `no ${what} here has the root ${root.slice(0, 64)}`);
}
