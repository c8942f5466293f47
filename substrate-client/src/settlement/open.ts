import {
  CommonwattError,
  type BatchView,
  type SettlementReceipt,
  type SlotId,
  type SlotMinutes,
  type SlotToSettle,
} from '@commonwatt/domain';
import { bundleExists, writeBundle } from '../bundle/files.ts';
import type { CommunityChain, SignatoryChain } from '../chain/types.ts';
import { ProposalDesk } from '../multisig/desk.ts';
import { stepProposal } from '../multisig/propose.ts';
import { Ledger } from './ledger.ts';
import { statusOf, type SettlementStatus } from './status.ts';
import { toReceipt, toView } from './views.ts';
import { Worker } from './worker.ts';

export interface SettlementOptions {
  readonly chain: CommunityChain;
  /** When the settlement account is a multisig: batches are offered to its signatories, of which this node's chain is one. */
  readonly signatory?: CommunityChain & SignatoryChain;
  /** SQLite file of the ledger. */
  readonly ledgerPath: string;
  /** Where the public bundles go, one per settled slot. */
  readonly bundleDir: string;
  /** Slots of a settlement period; periods are aligned to UTC. */
  readonly periodSlots: number;
  readonly slotMinutes: SlotMinutes;
  readonly log: (line: string) => void;
  /** How often the chain is looked at while a batch is on its way, and after how long the same bytes are handed in again. */
  readonly pollMs?: number;
  readonly resubmitMs?: number;
}

export interface Settlement {
  /**
   * Takes a slot (durably, before anything else; again is harmless) and resolves when its batch is final on chain.
   * Rejects with `conflict` when the slot is known with other records, with the signal's reason when aborted (the slot stays taken),
   * with `unavailable` when settlement is stopped.
   */
  settle(input: SlotToSettle, signal?: AbortSignal): Promise<SettlementReceipt>;
  /** The run ends and all its slots are handed in: settles what waits for the rest of its period. Resolves when all is final. */
  flush(): Promise<void>;
  /** The first slot of this run: earlier ones of its period will not come. */
  expectFrom(slot: SlotId): void;
  /** Newest first. */
  batches(limit?: number): BatchView[];
  /** Of all final batches, oldest first. */
  receipts(limit?: number): readonly SettlementReceipt[];
  /** Fees of all batches so far, in the chain's smallest native unit. */
  feesNative(): bigint;
  /** Figures and alarms for the operator; asks the chain. */
  status(): Promise<SettlementStatus>;
  /** Where the signatories of a multisig see what is proposed and say what they think of it; null for a single key. */
  readonly desk: ProposalDesk | null;
  subscribe(listener: (batch: BatchView) => void): () => void;
  /**
   * Every batch that becomes final with its bundles public; again when the chain took it back and carried it out again, then with another
   * block and perhaps another record. What became final before is in `receipts()`.
   */
  subscribeReceipts(listener: (receipt: SettlementReceipt) => void): () => void;
  /** Puts back what the chain lost and writes bundles that are missing. Also done at open. */
  reconcile(): Promise<void>;
  stop(): Promise<void>;
}

interface Waiter {
  resolve(receipt: SettlementReceipt): void;
  reject(error: unknown): void;
}

const POLL_MS = 100;
const RESUBMIT_MS = 3_000;
const IDLE_LOOK_MS = 5_000;
const RETRY_MS = 1_000;
/** Opens the ledger, puts back what the chain lost since, and goes on with every batch that is not final. */
export async function openSettlement(options: SettlementOptions): Promise<Settlement> {
  const { chain, bundleDir, periodSlots, slotMinutes, log } = options;
  if (!Number.isInteger(periodSlots) || periodSlots < 1) {
    throw new CommonwattError('out-of-range', `a settlement period has 1 slot or more, not ${periodSlots}`);
  }
  const ledger = new Ledger(options.ledgerPath);
  checkOwner(ledger, chain);
  const pollMs = options.pollMs ?? POLL_MS;
  const { signatory } = options;
  const desk = signatory === undefined ? null : new ProposalDesk(signatory, ledger, log);
  const waiters = new Map<SlotId, Set<Waiter>>();
  const listeners = new Set<(batch: BatchView) => void>();
  const receiptListeners = new Set<(receipt: SettlementReceipt) => void>();
  const stopping = new AbortController();
  let flushing = false;
  let stopResting = (): void => {};
  let woken = false;
  let trouble: string | null = null;
  const wake = (): void => {
    woken = true;
    stopResting();
  };
  const idleWaiters = new Set<() => void>();

  const worker = new Worker({
    chain,
    ledger,
    periodSlots,
    slotMinutes,
    log,
    resubmitMs: options.resubmitMs ?? RESUBMIT_MS,
    nowMs: () => performance.now(),
    publish: (bundle) => writeBundle(bundleDir, bundle),
    isPublished: (slot) => bundleExists(bundleDir, slot),
    ...(signatory === undefined || desk === null
      ? {}
      : {
          step: (_chain, book, batch, head) => stepProposal(signatory, book, batch, head, desk),
        }),
    onBatch: (batchId) => {
      const batch = ledger.batch(batchId);
      const view = toView(ledger, batch);
      for (const listener of listeners) listener(view);
      if (batch.state !== 'final') return;
      const receipt = toReceipt(batch);
      for (const slot of batch.slots) {
        for (const waiter of waiters.get(slot) ?? []) waiter.resolve(receipt);
        waiters.delete(slot);
      }
      for (const listener of receiptListeners) listener(receipt);
    },
  });

  const reconcile = async (): Promise<void> => {
    await worker.reconcile();
    wake();
  };

  const rest = async (ms: number): Promise<void> => {
    if (!woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        stopResting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    woken = false;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const turn = await worker.turn(flushing);
        trouble = null;
        if (turn === 'idle') {
          for (const resolve of idleWaiters) resolve();
          idleWaiters.clear();
        }
        if (turn !== 'moved' && !stopping.signal.aborted) await rest(turn === 'idle' ? IDLE_LOOK_MS : pollMs);
      } catch (error) {
        const found = error instanceof Error ? error.message : String(error);
        if (found !== trouble) log(`settlement is held up: ${found}`);
        trouble = found;
        if (!stopping.signal.aborted) await rest(RETRY_MS);
      }
    }
  };

  await reconcile();
  const running = run();

  return {
    settle: (input, signal) => {
      signal?.throwIfAborted();
      stopping.signal.throwIfAborted();
      ledger.putSlot(input.slot, input.records);
      const batchId = ledger.batchIdOf(input.slot);
      const batch = batchId === null ? null : ledger.batch(batchId);
      if (batch?.state === 'final') return Promise.resolve(toReceipt(batch));
      const waiter = Promise.withResolvers<SettlementReceipt>();
      const forSlot = waiters.get(input.slot) ?? new Set();
      forSlot.add(waiter);
      waiters.set(input.slot, forSlot);
      signal?.addEventListener('abort', () => {
        forSlot.delete(waiter);
        waiter.reject(signal.reason);
      });
      wake();
      return waiter.promise;
    },
    flush: async () => {
      flushing = true;
      try {
        for (;;) {
          stopping.signal.throwIfAborted();
          const idle = new Promise<void>((resolve) => idleWaiters.add(resolve));
          wake();
          await Promise.race([idle, rejection(stopping.signal)]);
          if (ledger.waitingSlots().length === 0 && ledger.nextBatch() === null) return;
        }
      } finally {
        flushing = false;
      }
    },
    expectFrom: (slot) => {
      ledger.setMeta('expect-from', slot);
      wake();
    },
    batches: (limit) => ledger.batches(limit ?? 1_000_000).map((batch) => toView(ledger, batch)),
    receipts: (limit) =>
      (limit === undefined ? ledger.batches() : ledger.batches(limit).toReversed())
        .filter(({ state }) => state === 'final')
        .map((batch) => toReceipt(batch)),
    feesNative: () => ledger.feesNative(),
    status: async () =>
      statusOf({
        batches: ledger.batchStates(),
        slotsWaiting: ledger.waitingSlots().length,
        finalized: await chain.finalizedBlock(),
        best: await chain.bestBlock(),
        feesNative: ledger.feesNative(),
        fundsNative: await chain.fundsNative(),
        trouble,
        waiting: desk?.waiting() ?? null,
      }),
    desk,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    subscribeReceipts: (listener) => {
      receiptListeners.add(listener);
      return () => receiptListeners.delete(listener);
    },
    reconcile,
    stop: async () => {
      if (stopping.signal.aborted) return;
      const reason = new CommonwattError('unavailable', 'settlement is stopped; what was handed in is kept');
      stopping.abort(reason);
      wake();
      await running;
      for (const forSlot of waiters.values()) for (const waiter of forSlot) waiter.reject(reason);
      waiters.clear();
      ledger.close();
    },
  };
}

/** A ledger belongs to one community and one settlement account; another would make its promises void. */
function checkOwner(ledger: Ledger, chain: CommunityChain): void {
  const owner = `${chain.community} ${chain.settlementKey} ${chain.assetId}`;
  const known = ledger.meta('owner');
  if (known === null) ledger.setMeta('owner', owner);
  if (known !== null && known !== owner) {
    ledger.close();
    throw new CommonwattError(
      'conflict',
      'the ledger belongs to another community, settlement account or asset',
      {
        remedy: 'use another state folder',
      },
    );
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
