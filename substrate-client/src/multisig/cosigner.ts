import {
  canonicalJson,
  CommonwattError,
  sha256Hex,
  type SettlementRecord,
  type Signed,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';
import type { BatchCall, BlockRef, SignatoryChain } from '../chain/types.ts';
import { followChain } from '../settlement/follower.ts';
import type { Ledger } from '../settlement/ledger.ts';
import type { SlotRecords } from '../verify/meters.ts';
import type { CheckTrueUp, Rebuild } from '../verify/verify.ts';
import type { Agreed } from './agreement.ts';
import { stepApproval } from './approve.ts';
import { callOfProposal, checkProposal, type Findings } from './check-proposal.ts';
import { checkCarries } from './debts-check.ts';
import { faultText, shortFaults } from './desk.ts';
import { recordsOf, Settled } from './learn.ts';
import {
  parseProposal,
  partOfProposal,
  type Proposal,
  type ProposalSource,
  type Verdict,
} from './proposal.ts';

export interface CosignerOptions {
  readonly chain: SignatoryChain;
  readonly signer: Signer;
  /** Its own: what it has seen on the chain, settled before, and sent. */
  readonly ledger: Ledger;
  readonly sources: readonly ProposalSource[];
  readonly rebuild: Rebuild;
  readonly checkTrueUp?: CheckTrueUp;
  /** What the community has agreed on. */
  readonly agreed: Agreed;
  /** The node that settles approves what it made itself, without checking it again. */
  readonly trusting?: boolean;
  /** How long a signatory that is not among the first `threshold` waits for those, and every one for the opening by the first. */
  readonly standbyMs: number;
  readonly resubmitMs: number;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  readonly log: (line: string) => void;
}

export type CosignerTurn = 'idle' | 'waiting' | 'moved';

/** More than a source may reasonably propose at a time. */
const PROPOSALS_MAX = 4;

interface Judged {
  readonly verdict: Verdict;
  /** What was checked: this is what gets approved, whatever else is offered under the same hash later. */
  readonly call: BatchCall;
  readonly sinceMs: number;
  reported: boolean;
}

/**
 * One signatory: looks at what is proposed, checks all of it, approves it on chain or refuses it and says why. It holds nothing that the chain
 * and its ledger do not, so it may be dropped anywhere and a new one goes on.
 */
export class Cosigner {
  readonly #options: CosignerOptions;
  readonly #settled: Settled;
  readonly #judged = new Map<string, Judged>();
  #sentMs = Number.NEGATIVE_INFINITY;

  constructor(options: CosignerOptions) {
    this.#options = options;
    this.#settled = new Settled(options.ledger);
  }

  /** What it said last of each proposal, newest last. */
  verdicts(): readonly Verdict[] {
    return [...this.#judged.values()].map(({ verdict }) => verdict);
  }

  async turn(): Promise<CosignerTurn> {
    const { chain, ledger, sources } = this.#options;
    const { head } = await followChain(chain, ledger);
    await this.#settled.learn(sources);
    let result: CosignerTurn = 'idle';
    let failure: unknown = null;
    for (const source of sources) {
      try {
        for (const offered of (await source.proposals()).slice(0, PROPOSALS_MAX)) {
          const turn = await this.#consider(offered, source, head);
          if (turn !== 'idle' && result !== 'moved') result = turn;
        }
      } catch (error) {
        // The other sources may still have something.
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    return result;
  }

  async #consider(offered: unknown, source: ProposalSource, head: BlockRef): Promise<CosignerTurn> {
    const { chain, ledger } = this.#options;
    const proposal = parseProposal(offered);
    const { id: partId } = partOfProposal(proposal);
    if (ledger.sightings(partId).some(({ success }) => success)) return 'idle';
    if (proposal.turn !== (await chain.turnAt(head.hash)) + 1) return 'waiting';
    // An approval is for a call that was checked; a refusal for all that was said, for good or as of a block.
    const content = sha256Hex(canonicalJson({ ...proposal, plannedAt: null }));
    const now = `${content} ${proposal.plannedAt.hash}`;
    let judged = this.#judged.get(proposal.callHash) ?? this.#judged.get(content) ?? this.#judged.get(now);
    if (judged === undefined) {
      const { verdict, lasting } = await this.#judge(proposal, partId, head);
      judged = {
        verdict,
        call: callOfProposal(proposal, chain.settlementKey),
        sinceMs: this.#options.nowMs(),
        reported: false,
      };
      if (this.#judged.size > 256) this.#judged.clear();
      const refused = lasting ? content : now;
      this.#judged.set(verdict.verdict === 'approved' ? proposal.callHash : refused, judged);
    }
    if (!judged.reported) {
      await source.report(this.#options.signer.sign(judged.verdict) as Signed<Verdict>);
      judged.reported = true;
    }
    return judged.verdict.verdict === 'refused' ? 'idle' : this.#approve(judged, head);
  }

  async #judge(
    proposal: Proposal,
    partId: string,
    head: BlockRef,
  ): Promise<{ verdict: Verdict; lasting: boolean }> {
    const { chain, log, trusting } = this.#options;
    const found = trusting === true ? { faults: [], lasting: true } : await this.#check(proposal, head);
    const faults = shortFaults(found.faults);
    const verdict: Verdict = {
      type: 'settlement-verdict',
      community: chain.community,
      batchId: proposal.record.batchId,
      partId,
      callHash: proposal.callHash,
      verdict: faults.length === 0 ? 'approved' : 'refused',
      faults,
      blockNumber: head.number,
    };
    if (faults.length === 0)
      log(
        `approves ${partId}: ${proposal.record.slots.length} slots, ${proposal.record.payments.length} payments`,
      );
    for (const fault of faults) log(`REFUSES ${partId}: ${faultText(fault)}`);
    return { verdict, lasting: found.lasting };
  }

  async #check(proposal: Proposal, head: BlockRef): Promise<Findings> {
    const { chain, ledger, sources, rebuild, checkTrueUp, agreed } = this.#options;
    await agreed.refresh(head);
    const slots: SlotRecords[] = [];
    for (const { slot, root } of proposal.record.slots)
      slots.push({ slot, records: await recordsOf(sources, slot, root) });
    return checkProposal(proposal, slots, {
      chain,
      head,
      lastBatchBlock: ledger.lastSightingBlock(),
      doneRoots: this.#doneRoots(proposal.record),
      claims: this.#settled.claims(),
      settledIn: (slot) => settledIn(ledger, slot),
      history: this.#settled.history(slots[0]!.slot, trueUpLimitMs(slots)),
      checkAgreed: (records) => agreed.check(records),
      checkCarries: (proposed) =>
        checkCarries(proposed, this.#settled.carries(), (batchId) => recordOf(ledger, batchId)),
      rebuild,
      checkTrueUp,
    });
  }

  #doneRoots({ batchId }: SettlementRecord): string[] {
    const roots: string[] = [];
    for (;;) {
      const done = this.#options.ledger
        .sightings(`${batchId}.p${roots.length + 1}`)
        .find(({ success }) => success);
      if (done === undefined) return roots;
      roots.push(done.root);
    }
  }

  async #approve(judged: Judged, head: BlockRef): Promise<CosignerTurn> {
    const { chain, ledger, standbyMs, resubmitMs, nowMs } = this.#options;
    const { signatories, threshold, ownKey } = chain;
    const rank = signatories.indexOf(ownKey);
    const waited = nowMs() - judged.sinceMs >= standbyMs;
    const { callHash } = judged.verdict;
    const opened = (await chain.operation(callHash, head.hash)) !== null;
    const resubmit = nowMs() - this.#sentMs >= resubmitMs;
    const step = await stepApproval(chain, ledger, { call: judged.call, callHash }, head, {
      mayAct: waited || (opened ? rank < threshold : rank === 0),
      mayFinish: waited || rank === 0,
      resubmit,
    });
    if (step === 'sent' || resubmit) this.#sentMs = nowMs();
    return step === 'sent' ? 'moved' : 'waiting';
  }
}

function trueUpLimitMs(slots: readonly SlotRecords[]): number {
  for (const { records } of slots)
    for (const record of records)
      if (record.type === 'rules') return Number(record.rules?.trueUpLimitMs) || 0;
  return 0;
}

function settledIn(ledger: Ledger, slot: SlotId): string | null {
  const batchId = ledger.batchIdOf(slot);
  return batchId !== null && ledger.batch(batchId).state === 'final' ? batchId : null;
}

function recordOf(ledger: Ledger, batchId: string): SettlementRecord | null {
  try {
    const batch = ledger.batch(batchId);
    return batch.state === 'final' ? batch.record : null;
  } catch (error) {
    if (error instanceof CommonwattError && error.code === 'not-found') return null;
    throw error;
  }
}
