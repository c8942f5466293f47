import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommonwattError, type Signer } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { Chain } from '../chain/connect.ts';
import { communityChain } from '../community/community-chain.ts';
import type { EmbeddedChain } from '../embedded/start.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { findAnchors } from '../verify/anchors.ts';
import { checkOnce, closeQuietly, Crash, wrap, wrapSync } from './crash-run.ts';
import { randomFrom, sampleSlot, slotsFrom, type Member } from './sample.ts';

export interface RealRunCounts {
  crashes: number;
  droppedAnswers: number;
  reorganisations: number;
  chainKills: number;
}

const SLOTS = 4;
const TROUBLED_TURNS = 25;

/**
 * As `crashRun`, on the real runtime: the client is killed before and after any call, answers are lost, the chain's process is killed
 * and goes on from its file, and its head is set back. Each seed is a community of its own, so one chain serves many runs.
 */
export async function realCrashRun(
  seed: number,
  place: {
    readonly embedded: EmbeddedChain;
    readonly chain: Chain;
    readonly treasury: Signer;
    readonly assetId: number;
    readonly people: readonly Member[];
  },
): Promise<RealRunCounts> {
  const { embedded, chain, treasury, assetId, people } = place;
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-real-crash-'));
  const name = `soak-${seed}-${Date.now().toString(36)}`;
  const real = communityChain({ chain, community: name, assetId, treasury, dev: true });
  const counts: RealRunCounts = { crashes: 0, droppedAnswers: 0, reorganisations: 0, chainKills: 0 };
  const start = await chain.finalizedBlock();
  const slots = slotsFrom('2026-06-01T12:00:00Z', SLOTS).map((slot) => sampleSlot(slot, people, random));
  const bundles = new Map<string, Bundle>();
  let troubled = true;
  let lastTrouble = '';

  const maybeCrash = (): void => {
    if (troubled && random(60) === 0) {
      counts.crashes += 1;
      throw new Crash('killed');
    }
  };
  const shaky = wrap(real, async (call) => {
    maybeCrash();
    const answer = await call();
    if (troubled && random(30) === 0) {
      counts.droppedAnswers += 1;
      throw new CommonwattError('unavailable', 'the answer was lost');
    }
    maybeCrash();
    return answer;
  });
  const disturb = async (): Promise<void> => {
    if (random(40) === 0) {
      try {
        process.kill(embedded.pid, 'SIGKILL');
        counts.chainKills += 1;
      } catch {
        // It is still down from the last time.
      }
    } else if (random(8) === 0) {
      const head = await chain.finalizedBlock();
      const above = head.number - start.number;
      if (above === 0) return;
      counts.reorganisations += 1;
      await chain.rpc.call('dev_setHead', [head.number - Math.min(above, 1 + random(3))]);
      await chain.rpc.call('dev_newBlock');
    }
  };
  const open = (): { ledger: Ledger; worker: Worker } => {
    const ledger = wrapSync(new Ledger(join(folder, 'ledger.sqlite')), maybeCrash);
    const worker = new Worker({
      chain: shaky,
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

  try {
    let client: ReturnType<typeof open> | null = null;
    const untilMs = performance.now() + 60_000;
    for (let turn = 0; ; turn += 1) {
      troubled = turn < TROUBLED_TURNS;
      if (performance.now() > untilMs) {
        const head = await chain.finalizedBlock();
        const nonce = await real.nonceAt(head.hash);
        throw new Error(
          `settlement does not come to an end: finalized ${head.number}, nonce ${nonce}, ${lastTrouble}, ${JSON.stringify(
            client?.ledger
              .batches()
              .map(({ batchId, state }) => [
                batchId,
                state,
                client?.ledger.attempts(batchId).map((attempt) => ({ ...attempt, bytes: undefined })),
                client?.ledger.sightings(batchId).map(({ success, error }) => [success, error]),
              ]),
          )}`,
        );
      }
      try {
        if (troubled) await disturb();
        if (client === null) {
          client = open();
          await client.worker.reconcile();
        }
        for (const { slot, records } of slots) client.ledger.putSlot(slot, records);
        const result = await client.worker.turn(!troubled);
        if (result === 'waiting') await sleep(60);
        if (result === 'idle' && !troubled) break;
      } catch (error) {
        if (error instanceof Crash) {
          closeQuietly(client?.ledger);
          client = null;
        } else if (!(error instanceof CommonwattError) || error.code !== 'unavailable') {
          throw error;
        } else {
          lastTrouble = error.message;
        }
      }
    }
    const { anchors } = await findAnchors(chain, name, treasury.publicKey, {
      fromBlock: start.number - 3,
    });
    const carriedOut = anchors.map(
      ({ payments, assetIds, community, batchId, firstSlot, slotCount, root }) => ({
        payments,
        assetIds,
        remark: `commonwatt:1:${community}:${batchId}:${firstSlot}:${slotCount}:${root}`,
      }),
    );
    checkOnce(carriedOut, client.ledger.batches(), bundles, SLOTS);
    client.ledger.close();
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
