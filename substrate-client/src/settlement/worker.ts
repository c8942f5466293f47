import { CommonwattError, type SlotMinutes } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import { makeBundle } from '../bundle/layout.ts';
import type { CommunityChain } from '../chain/types.ts';
import { followChain } from './follower.ts';
import type { Ledger, LedgerBatch } from './ledger.ts';
import { completeBatches } from './periods.ts';
import { batchIdOf } from './remark.ts';
import { currentAttempt, resubmit, stepBatch } from './step.ts';

export interface WorkerOptions {
  readonly chain: CommunityChain;
  readonly ledger: Ledger;
  readonly periodSlots: number;
  readonly slotMinutes: SlotMinutes;
  readonly resubmitMs: number;
  readonly log: (line: string) => void;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  readonly publish: (bundle: Bundle) => void;
  readonly isPublished: (slot: string) => boolean;
  /** Takes a batch one step further where the account is a multisig; without it the account's own key signs. */
  readonly step?: typeof stepBatch;
  /** Called after every durable change of a batch. */
  readonly onBatch: (batchId: string) => void;
}

/** `idle`: nothing to do; `waiting`: the chain's turn; `moved`: go on at once. */
export type Turn = 'idle' | 'waiting' | 'moved';

/** Without a new block for so long, a chain on demand is asked for one. */
const NUDGE_MS = 6_000;

/**
 * Drives batches to finality, one at a time and in order, so that every nonce is known. Holds nothing that the ledger does not:
 * it may be dropped anywhere and a new one goes on.
 */
export class Worker {
  readonly #options: WorkerOptions;
  #submittedMs: number;
  #movedMs: number;
  #headNumber = -1;
  readonly #unpublished: string[] = [];
  #following: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#submittedMs = Number.NEGATIVE_INFINITY;
    this.#movedMs = options.nowMs();
  }

  /** Puts back what the chain lost and publishes what is missing. */
  async reconcile(): Promise<void> {
    const { ledger } = this.#options;
    await this.#follow();
    for (const batch of ledger.batches()) if (batch.state === 'final') this.#publish(batch);
  }

  /** Takes the oldest batch that is not final one step further. */
  async turn(flush: boolean): Promise<Turn> {
    const { chain, ledger, log, onBatch, nowMs } = this.#options;
    this.#publishAll();
    this.#form(flush);
    const head = await this.#follow();
    const batch = ledger.nextBatch();
    if (batch === null) return 'idle';
    if (head.number !== this.#headNumber) {
      this.#headNumber = head.number;
      this.#movedMs = nowMs();
    }
    const step = this.#options.step ?? stepBatch;
    const result = await step(chain, ledger, batch, head).catch((error: unknown) => {
      if (!(error instanceof CommonwattError) || error.code !== 'conflict' || batch.state !== 'signed')
        throw error;
      // Refused at the first try: it may be in the pool already. What becomes of it shows on the chain.
      log(`batch ${batch.batchId}: ${error.message}`);
      ledger.setState(batch.batchId, 'submitted');
      return 'moved' as const;
    });
    if (result === 'final') {
      this.#unpublished.push(batch.batchId);
      this.#publishAll();
      return 'moved';
    }
    if (result === 'moved') {
      this.#submittedMs = nowMs();
      this.#movedMs = this.#submittedMs;
    }
    if (result !== 'waiting') {
      onBatch(batch.batchId);
      return 'moved';
    }
    await this.#wait(batch, head.number);
    return 'waiting';
  }

  /** A batch counts as settled once its bundles are public; what cannot be written now is tried again at the next turn. */
  #publishAll(): void {
    for (;;) {
      const batchId = this.#unpublished[0];
      if (batchId === undefined) return;
      this.#publish(this.#options.ledger.batch(batchId));
      this.#unpublished.shift();
      this.#options.onBatch(batchId);
    }
  }

  async #wait(batch: LedgerBatch, headNumber: number): Promise<void> {
    const { chain, ledger, onBatch, nowMs, resubmitMs } = this.#options;
    if (batch.state === 'submitted' && (await isIncluded(chain, ledger, batch, headNumber))) {
      ledger.setState(batch.batchId, 'included');
      onBatch(batch.batchId);
    }
    if (nowMs() - this.#submittedMs >= resubmitMs) {
      this.#submittedMs = nowMs();
      await resubmit(chain, ledger, batch);
    } else if (nowMs() - this.#movedMs >= NUDGE_MS) {
      this.#movedMs = nowMs();
      await chain.nudge();
    }
  }

  #form(flush: boolean): void {
    const { ledger, periodSlots, slotMinutes, onBatch } = this.#options;
    const ready = completeBatches({
      waiting: ledger.waitingSlots(),
      batched: (slot) => ledger.batchIdOf(slot) !== null,
      expectFrom: ledger.meta('expect-from'),
      periodSlots,
      slotMinutes,
      flush,
    });
    for (const slots of ready) {
      const batchId = batchIdOf(slots[0]!);
      ledger.formBatch(batchId, slots);
      onBatch(batchId);
    }
  }

  /** One at a time: a start reconciles while the turns have begun, and both would add the same block. */
  #follow(): Promise<{ number: number; hash: string }> {
    const next = this.#following.then(() => this.#followNow());
    this.#following = next.catch(() => {});
    return next;
  }

  async #followNow(): Promise<{ number: number; hash: string }> {
    const { chain, ledger, log, onBatch } = this.#options;
    const { head, undone } = await followChain(chain, ledger);
    for (const batchId of undone) {
      log(`the chain took batch ${batchId} back: it is handed in again`);
      onBatch(batchId);
    }
    return head;
  }

  /** Writes the bundles that are missing, or that hold a record which a reorganisation has made void. */
  #publish(batch: LedgerBatch): void {
    const { chain, ledger, publish, isPublished } = this.#options;
    if (batch.record === null || batch.root === null) return;
    const current = batch.publishedRoot === batch.root;
    for (const slot of batch.slots) {
      if (current && isPublished(slot)) continue;
      const head = {
        community: chain.community,
        slot,
        genesisHash: chain.genesisHash,
        settlementAccount: chain.settlementKey,
      };
      publish(makeBundle(head, ledger.slot(slot).records, batch.record));
    }
    if (!current) ledger.setPublished(batch.batchId, batch.root);
  }
}

/** Whether the batch's extrinsic stands in a block above the finalized head. */
async function isIncluded(
  chain: CommunityChain,
  ledger: Ledger,
  batch: LedgerBatch,
  finalNumber: number,
): Promise<boolean> {
  const best = await chain.bestBlock();
  const attempt = currentAttempt(ledger, batch);
  for (let number = best.number; number > finalNumber && number > best.number - 16; number -= 1) {
    const hash = await chain.blockHashAt(number);
    if (hash === null) continue;
    const block = await chain.block(hash);
    if (block.extrinsics.some((extrinsic) => extrinsic.hash === attempt?.hash && extrinsic.success))
      return true;
  }
  return false;
}
