import {
  CommonwattError,
  parseAmount,
  sum,
  type BatchView,
  type SettlementReceipt,
  type SlotId,
  type SlotMinutes,
  type SlotToSettle,
} from '@commonwatt/domain';
import { bundleExists, writeBundle } from '../bundle/files.ts';
import { makeBundle } from '../bundle/layout.ts';
import type { CommunityChain } from '../chain/types.ts';
import { followChain } from './follower.ts';
import { Ledger, type LedgerBatch } from './ledger.ts';
import { completeBatches } from './periods.ts';
import { batchIdOf } from './remark.ts';
import { resubmit, stepBatch } from './step.ts';

export interface SettlementOptions {
  readonly chain: CommunityChain;
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
  receipts(): readonly SettlementReceipt[];
  /** Fees of all batches so far, in the chain's smallest native unit. */
  feesNative(): bigint;
  subscribe(listener: (batch: BatchView) => void): () => void;
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
/** Without a new block for so long, a chain on demand is asked for one. */
const NUDGE_MS = 6_000;

/** Opens the ledger, puts back what the chain lost since, and goes on with every batch that is not final. */
export async function openSettlement(options: SettlementOptions): Promise<Settlement> {
  const { chain, bundleDir, periodSlots, slotMinutes, log } = options;
  if (!Number.isInteger(periodSlots) || periodSlots < 1) {
    throw new CommonwattError('out-of-range', `a settlement period has 1 slot or more, not ${periodSlots}`);
  }
  const ledger = new Ledger(options.ledgerPath);
  checkOwner(ledger, chain);
  const pollMs = options.pollMs ?? POLL_MS;
  const resubmitMs = options.resubmitMs ?? RESUBMIT_MS;
  const waiters = new Map<SlotId, Set<Waiter>>();
  const listeners = new Set<(batch: BatchView) => void>();
  const stopping = new AbortController();
  let flushing = false;
  let stopResting = (): void => {};
  let woken = false;
  const wake = (): void => {
    woken = true;
    stopResting();
  };
  const idleWaiters = new Set<() => void>();

  const announce = (batchId: string): void => {
    const view = toView(ledger, ledger.batch(batchId));
    for (const listener of listeners) listener(view);
  };

  const form = (): void => {
    const ready = completeBatches({
      waiting: ledger.waitingSlots(),
      batched: (slot) => ledger.batchIdOf(slot) !== null,
      expectFrom: ledger.meta('expect-from'),
      periodSlots,
      slotMinutes,
      flush: flushing,
    });
    for (const slots of ready) {
      const batchId = batchIdOf(slots[0]!);
      ledger.formBatch(batchId, slots);
      announce(batchId);
    }
  };

  const publish = (batch: LedgerBatch, onlyMissing: boolean): void => {
    const settlement = batch.record;
    if (settlement === null) return;
    for (const slot of batch.slots) {
      if (onlyMissing && bundleExists(bundleDir, slot)) continue;
      const head = {
        community: chain.community,
        slot,
        genesisHash: chain.genesisHash,
        settlementAccount: chain.settlementKey,
        assetId: chain.assetId,
      };
      writeBundle(bundleDir, makeBundle(head, ledger.slot(slot).records, settlement));
    }
  };

  const finish = (batchId: string): void => {
    const batch = ledger.batch(batchId);
    publish(batch, false);
    announce(batchId);
    const receipt = toReceipt(batch);
    for (const slot of batch.slots) {
      for (const waiter of waiters.get(slot) ?? []) waiter.resolve(receipt);
      waiters.delete(slot);
    }
  };

  const follow = async (): Promise<Awaited<ReturnType<typeof followChain>>> => {
    const followed = await followChain(chain, ledger);
    for (const batchId of followed.undone) {
      log(`the chain took batch ${batchId} back: it is handed in again`);
    }
    return followed;
  };

  const reconcile = async (): Promise<void> => {
    await follow();
    for (const batch of ledger.batches()) if (batch.state === 'final') publish(batch, true);
    wake();
  };

  let submittedMs = 0;
  let movedMs = 0;
  let lastHead = -1;
  /** Takes the oldest unfinished batch one step further. Returns how long to rest. */
  const work = async (): Promise<number> => {
    form();
    const { head } = await follow();
    const batch = ledger.nextBatch();
    if (batch === null) {
      for (const resolve of idleWaiters) resolve();
      idleWaiters.clear();
      return IDLE_LOOK_MS;
    }
    if (head.number !== lastHead) {
      lastHead = head.number;
      movedMs = performance.now();
    }
    const result = await stepBatch(chain, ledger, batch, head).catch((error: unknown) => {
      if (!(error instanceof CommonwattError) || error.code !== 'conflict' || batch.state !== 'signed')
        throw error;
      // Refused at the first try: it may be in the pool already. What becomes of it shows on the chain.
      log(`batch ${batch.batchId}: ${error.message}`);
      ledger.setState(batch.batchId, 'submitted');
      return 'moved' as const;
    });
    if (result === 'final') {
      finish(batch.batchId);
      return 0;
    }
    if (result === 'moved') {
      submittedMs = performance.now();
      movedMs = submittedMs;
      if (ledger.batch(batch.batchId).state !== batch.state) announce(batch.batchId);
      return 0;
    }
    if (batch.state === 'submitted' && (await isIncluded(chain, ledger, batch.batchId, head.number))) {
      ledger.setState(batch.batchId, 'included');
      announce(batch.batchId);
    }
    const nowMs = performance.now();
    if (nowMs - submittedMs >= resubmitMs) {
      submittedMs = nowMs;
      await resubmit(chain, ledger, batch);
    } else if (nowMs - movedMs >= NUDGE_MS) {
      movedMs = nowMs;
      await chain.nudge();
    }
    return pollMs;
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
    let lastTrouble = '';
    while (!stopping.signal.aborted) {
      try {
        const restMs = await work();
        lastTrouble = '';
        if (restMs > 0 && !stopping.signal.aborted) await rest(restMs);
      } catch (error) {
        const trouble = error instanceof Error ? error.message : String(error);
        if (trouble !== lastTrouble) log(`settlement is held up: ${trouble}`);
        lastTrouble = trouble;
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
    receipts: () =>
      ledger
        .batches()
        .filter(({ state }) => state === 'final')
        .map((batch) => toReceipt(batch)),
    feesNative: () => ledger.feesNative(),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
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

/** Whether one of the batch's extrinsics stands in a block above the finalized head. */
async function isIncluded(
  chain: CommunityChain,
  ledger: Ledger,
  batchId: string,
  final: number,
): Promise<boolean> {
  const best = await chain.bestBlock();
  const hashes = new Set(ledger.attempts(batchId).map(({ hash }) => hash));
  for (let number = best.number; number > final && number > best.number - 16; number -= 1) {
    const hash = await chain.blockHashAt(number);
    if (hash === null) continue;
    const block = await chain.block(hash);
    if (block.extrinsics.some((extrinsic) => hashes.has(extrinsic.hash) && extrinsic.success)) return true;
  }
  return false;
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function toReceipt(batch: LedgerBatch): SettlementReceipt {
  if (batch.record === null || batch.block === null || batch.extrinsicHash === null) {
    throw new CommonwattError('internal', `batch ${batch.batchId} is final without a block`);
  }
  return {
    batchId: batch.batchId,
    slots: batch.slots,
    blockNumber: batch.block.number,
    blockHash: batch.block.hash,
    extrinsicHash: batch.extrinsicHash,
    root: batch.root ?? '',
    feeNative: String(batch.feeNative),
    record: batch.record,
  };
}

function toView(ledger: Ledger, batch: LedgerBatch): BatchView {
  const payments = batch.record?.payments ?? [];
  const paid = payments.filter(({ direction }) => direction === 'in');
  const status = batch.state === 'planned' || batch.state === 'signed' ? 'pending' : batch.state;
  return {
    batchId: batch.batchId,
    slots: batch.slots,
    status,
    blockNumber: batch.block?.number ?? null,
    extrinsicHash: batch.extrinsicHash ?? ledger.attempts(batch.batchId).at(-1)?.hash ?? null,
    root: batch.root ?? '',
    payments: payments.length,
    amountMicro: String(sum(paid.map(({ amountMicro }) => parseAmount(amountMicro)))),
  };
}
