import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommonwattError } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import { communityChain } from '../community/community-chain.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { findAnchors } from '../verify/anchors.ts';
import { checkOnce } from './check-once.ts';
import { closeQuietly, Crash, wrap, wrapSync } from './faults.ts';
import { outcomes } from './outcomes.ts';
import { disturbChain, healApprovals, type ChainTroubles } from './real-disturb.ts';
import type { RealPlace } from './real-place.ts';
import { randomFrom, sampleSlot, slotsFrom } from './sample.ts';
import type { Passage } from './shaky-socket.ts';

export interface RealRunResult extends ChainTroubles {
  readonly crashes: number;
  readonly cutSockets: number;
  readonly swallowedMessages: number;
  readonly delayedMessages: number;
  readonly attempts: number;
  readonly failedOnChain: number;
  readonly expiredEras: number;
  readonly batches: number;
}

const SLOTS = 4;
const TROUBLED_TURNS = 25;
/** The shortest there are, so that they pass quickly. */
const ERA_BLOCKS = 4;
const DEADLINE_MS = 240_000;

/**
 * As `crashRun`, on the real runtime: the client is killed before and after any call and any step on its disk, the socket is cut at any
 * message, messages are lost, delayed and reordered, the chain's process is killed and goes on from its file, its head is set back by
 * one or many blocks, eras pass, approvals are taken away. Each seed is a community of its own, so one chain serves many runs.
 */
export async function realCrashRun(seed: number, place: RealPlace): Promise<RealRunResult> {
  const random = randomFrom(seed);
  let submissionLost = false;
  return realLife(place, `soak-${seed}-${Date.now().toString(36)}`, {
    random,
    slotCount: SLOTS,
    troubledTurns: TROUBLED_TURNS,
    crashes: () => random(90) === 0,
    passage: (direction, text) => {
      const passage = randomPassage(random, direction === 'question' && text.includes(SUBMIT));
      if (text.includes(SUBMIT)) submissionLost = passage === 'swallow' || passage === 'cut-before';
      return passage;
    },
    disturbs: {
      quiet: () => {
        const lost = submissionLost;
        submissionLost = false;
        return lost;
      },
    },
  });
}

const SUBMIT = 'author_submitExtrinsic';

function randomPassage(random: (below: number) => number, submits: boolean): Passage {
  if (submits && random(2) === 0) return random(6) === 0 ? 'swallow' : 'cut-before';
  const what = random(120);
  if (what === 0) return 'cut-before';
  if (what === 1) return 'cut-after';
  if (what === 2 && random(3) === 0) return 'swallow';
  return what < 12 ? { delayMs: 10 + random(300) } : 'pass';
}

/** One life on the real runtime, until everything is settled; then the check. */
export async function realLife(
  place: RealPlace,
  name: string,
  options: {
    readonly random: (below: number) => number;
    readonly slotCount: number;
    readonly troubledTurns: number;
    readonly crashes: () => boolean;
    readonly passage: (direction: 'question' | 'answer', text: string) => Passage;
    /** The chain has troubles of its own; `quiet` says when an era may pass without a payment. */
    readonly disturbs: { readonly quiet: () => boolean } | null;
  },
): Promise<RealRunResult> {
  const { chain, socket, shaky, treasury, assetId, people } = place;
  const { random, slotCount, troubledTurns } = options;
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-real-crash-'));
  const throughSocket = communityChain({
    chain: shaky,
    community: name,
    assetId,
    treasury,
    eraBlocks: ERA_BLOCKS,
    dev: true,
  });
  const troubles: ChainTroubles = {
    reorganisations: 0,
    deepReorganisations: 0,
    chainKills: 0,
    quietEras: 0,
    poorAccounts: 0,
  };
  let crashes = 0;
  const before = { ...socket.counts };
  const start = await chain.finalizedBlock();
  const slots = slotsFrom('2026-06-01T12:00:00Z', slotCount).map((slot) => sampleSlot(slot, people, random));
  const bundles = new Map<string, Bundle>();
  let troubled = true;
  let lastTrouble = '';

  const maybeCrash = (): void => {
    if (!troubled || !options.crashes()) return;
    crashes += 1;
    throw new Crash('killed');
  };
  const client = wrap(throughSocket, async (call) => {
    maybeCrash();
    const answer = await call();
    maybeCrash();
    return answer;
  });
  const open = (): { ledger: Ledger; worker: Worker } => {
    const ledger = wrapSync(new Ledger(join(folder, 'ledger.sqlite')), maybeCrash);
    const worker = new Worker({
      chain: client,
      ledger,
      periodSlots: 2,
      slotMinutes: 15,
      resubmitMs: 1500,
      log: () => {},
      nowMs: () => performance.now(),
      publish: (bundle) => void bundles.set(bundle.slot, bundle),
      isPublished: (slot) => bundles.has(slot),
      onBatch: () => {},
    });
    return { ledger, worker };
  };

  socket.decide = (direction, text) => (troubled ? options.passage(direction, text) : 'pass');
  try {
    let running: ReturnType<typeof open> | null = null;
    const untilMs = performance.now() + DEADLINE_MS;
    for (let turn = 0; ; turn += 1) {
      if (turn === troubledTurns) {
        troubled = false;
        if (options.disturbs) await healApprovals(place);
      }
      if (performance.now() > untilMs) {
        throw new Error(`settlement does not come to an end: ${lastTrouble}, ${describe(running?.ledger)}`);
      }
      try {
        if (troubled && options.disturbs)
          await disturbChain(place, random, {
            floor: start.number,
            eraBlocks: ERA_BLOCKS,
            counts: troubles,
            quiet: options.disturbs.quiet(),
          });
        if (running === null) {
          running = open();
          await running.worker.reconcile();
        }
        for (const { slot, records } of slots) running.ledger.putSlot(slot, records);
        const result = await running.worker.turn(!troubled || !options.disturbs);
        if (result === 'waiting') await sleep(options.disturbs ? 60 : 500);
        if (result === 'idle' && (!troubled || !options.disturbs)) break;
      } catch (error) {
        if (error instanceof Crash) {
          closeQuietly(running?.ledger);
          running = null;
        } else if (!(error instanceof CommonwattError) || error.code !== 'unavailable') {
          throw error;
        } else {
          lastTrouble = error.message;
        }
      }
    }
    troubled = false;
    await running.worker.reconcile();
    const { anchors } = await findAnchors(chain, name, treasury.publicKey, {
      fromBlock: Math.max(0, start.number - 3),
    });
    const carriedOut = anchors.map(
      ({ payments, assetIds, community, batchId, firstSlot, slotCount: count, root }) => ({
        payments,
        assetIds,
        remark: `commonwatt:1:${community}:${batchId}:${firstSlot}:${count}:${root}`,
      }),
    );
    const batches = running.ledger.batches();
    checkOnce(carriedOut, batches, bundles, slotCount);
    const { attempts, failedOnChain, expiredEras } = outcomes(running.ledger);
    running.ledger.close();
    return {
      ...troubles,
      crashes,
      cutSockets: socket.counts.cuts - before.cuts,
      swallowedMessages: socket.counts.swallowed - before.swallowed,
      delayedMessages: socket.counts.delayed - before.delayed,
      attempts,
      failedOnChain,
      expiredEras,
      batches: batches.length,
    };
  } finally {
    socket.decide = () => 'pass';
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Cuts the socket before and after every message of a short life, one life for each. Returns how many messages and lives there were. */
export async function socketSweep(
  place: RealPlace,
  options: { readonly stride?: number; readonly onLife?: (life: number, of: number) => void } = {},
): Promise<{ messages: number; lives: number }> {
  let messages = 0;
  const life = async (passage: () => Passage): Promise<void> => {
    await realLife(place, `cut-${Date.now().toString(36)}`, {
      random: randomFrom(1),
      slotCount: 1,
      troubledTurns: Number.MAX_SAFE_INTEGER,
      crashes: () => false,
      passage,
      disturbs: null,
    });
  };
  await life(() => {
    messages += 1;
    return 'pass';
  });
  const stride = options.stride ?? 1;
  let lives = 0;
  for (let at = 0; at < messages; at += stride) {
    for (const cut of ['cut-before', 'cut-after'] as const) {
      let message = 0;
      await life(() => (message++ === at ? cut : 'pass')).catch((error: unknown) => {
        throw new Error(`${cut} message ${at}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      });
      lives += 1;
    }
    options.onLife?.(at, messages);
  }
  return { messages, lives };
}

function describe(ledger: Ledger | undefined): string {
  return JSON.stringify(
    ledger?.batches().map(({ batchId, state }) => ({
      batchId,
      state,
      attempts: ledger.attempts(batchId).map((attempt) => ({ ...attempt, bytes: undefined })),
      sightings: ledger.sightings(batchId).map(({ success, error }) => [success, error]),
    })),
  );
}
