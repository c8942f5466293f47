import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommonwattError } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { Chain } from '../chain/connect.ts';
import type { EmbeddedChain } from '../embedded/start.ts';
import type { MultisigTerms } from '../multisig/account.ts';
import { Cosigner } from '../multisig/cosigner.ts';
import { ProposalDesk } from '../multisig/desk.ts';
import type { ProposalSource } from '../multisig/proposal.ts';
import { stepProposal } from '../multisig/propose.ts';
import { signatoryChain } from '../multisig/signatory-chain.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { findAnchors } from '../verify/anchors.ts';
import { checkOnce } from './check-once.ts';
import { closeQuietly, Crash, wrap, wrapSync } from './faults.ts';
import { agreedSlot } from './multisig-crash-run.ts';
import { randomFrom, sampleSlot, signerNamed, slotsFrom, type Member } from './sample.ts';

export interface MultisigPlace {
  readonly embedded: EmbeddedChain;
  readonly chain: Chain;
  readonly assetId: number;
  readonly people: readonly Member[];
}

export interface MultisigRealResult {
  crashes: number;
  lostAnswers: number;
  reorganisations: number;
  chainKills: number;
}

export const REAL_SIGNERS = ['a', 'b', 'c'].map((name) => signerNamed(`real signatory ${name}`));
export const REAL_TERMS: MultisigTerms = {
  signatories: REAL_SIGNERS.map(({ publicKey }) => publicKey),
  threshold: 2,
};
const SLOTS = 3;
const TROUBLED_TURNS = 60;
const DEADLINE_MS = 180_000;

/**
 * As `multisigCrashRun`, on the real runtime: the proposing node and the signatories are killed before and after any call, answers are lost, the
 * chain's process is killed and goes on from its file, and its head is set back. Each seed is a community of its own.
 */
export async function multisigRealRun(seed: number, place: MultisigPlace): Promise<MultisigRealResult> {
  const { embedded, chain, assetId, people } = place;
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-multisig-real-'));
  const community = `multisig-${seed}-${Date.now().toString(36)}`;
  const result: MultisigRealResult = { crashes: 0, lostAnswers: 0, reorganisations: 0, chainKills: 0 };
  const start = await chain.finalizedBlock();
  const slots = slotsFrom('2026-06-01T12:00:00Z', SLOTS).map((slot) =>
    agreedSlot(sampleSlot(slot, people, random), community),
  );
  const bundles = new Map<string, Bundle>();
  let troubled = true;
  let lastTrouble = '';
  const maybeCrash = (): void => {
    if (!troubled || random(120) !== 0) return;
    result.crashes += 1;
    throw new Crash('killed');
  };
  const shaky = (index: number) =>
    wrap(
      signatoryChain({
        chain,
        community,
        assetId,
        terms: REAL_TERMS,
        signer: REAL_SIGNERS[index]!,
        dev: true,
      }),
      async (call) => {
        maybeCrash();
        const answer = await call();
        if (troubled && random(60) === 0) {
          result.lostAnswers += 1;
          throw new CommonwattError('unavailable', 'the answer was lost');
        }
        maybeCrash();
        return answer;
      },
    );
  let desk: ProposalDesk | null = null;
  const up = (): ProposalDesk => {
    if (desk === null) throw new CommonwattError('unavailable', 'the proposing node is down');
    return desk;
  };
  const source: ProposalSource = {
    name: 'the proposing node',
    proposals: async () => up().proposals(),
    record: async (root) => up().record(root),
    records: async (root) => up().records(root),
    report: async (verdict) => up().report(verdict),
  };
  let book = null as Ledger | null;
  const openProposer = () => {
    const ledger = wrapSync(new Ledger(join(folder, 'settlement.sqlite')), maybeCrash);
    const own = shaky(0);
    const shown = new ProposalDesk(own, ledger, () => {});
    [desk, book] = [shown, ledger];
    const worker = new Worker({
      chain: own,
      ledger,
      periodSlots: 1,
      slotMinutes: 15,
      resubmitMs: 1500,
      log: () => {},
      nowMs: () => performance.now(),
      publish: (bundle) => void bundles.set(bundle.slot, bundle),
      isPublished: (slot) => bundles.has(slot),
      onBatch: () => {},
      step: (_chain, batches, batch, head) => stepProposal(own, batches, batch, head, shown),
    });
    let looked = false;
    const turn = async (): Promise<string> => {
      if (!looked) await worker.reconcile();
      looked = true;
      for (const { slot, records } of slots) ledger.putSlot(slot, records);
      return worker.turn(!troubled);
    };
    const close = (): void => {
      closeQuietly(ledger);
      desk = null;
    };
    return { turn, close };
  };
  const openSigner = (index: number) => {
    const ledger = wrapSync(new Ledger(join(folder, `cosigner-${index}.sqlite`)), maybeCrash);
    const cosigner = new Cosigner({
      chain: shaky(index),
      signer: REAL_SIGNERS[index]!,
      ledger,
      sources: [source],
      rebuild: (records) => ({ records: [...records], problems: [] }),
      agreed: { refresh: async () => {}, check: async () => [] },
      trusting: index === 0,
      standbyMs: 1000,
      resubmitMs: 1500,
      nowMs: () => performance.now(),
      log: () => {},
    });
    return { turn: () => cosigner.turn(), close: () => closeQuietly(ledger) };
  };
  const makers = [openProposer, () => openSigner(0), () => openSigner(1), () => openSigner(2)];
  const nodes: ({ turn(): Promise<string>; close(): void } | null)[] = makers.map(() => null);
  try {
    const untilMs = performance.now() + DEADLINE_MS;
    for (let turn = 0; ; turn += 1) {
      troubled = turn < TROUBLED_TURNS;
      if (performance.now() > untilMs) {
        const states = book?.batches().map(({ batchId, state }) => `${batchId} ${state}`);
        throw new Error(`settlement does not come to an end: ${states?.join()}; ${lastTrouble}`);
      }
      const index = turn % nodes.length;
      try {
        if (troubled) await disturb(chain, embedded, start.number, random, result);
        const node = (nodes[index] ??= makers[index]!());
        const done = await node.turn();
        if (index === 0 && !troubled && done === 'idle') break;
        if (index === 0) await sleep(40);
      } catch (error) {
        if (error instanceof Crash) {
          nodes[index]?.close();
          nodes[index] = null;
        } else if (!(error instanceof CommonwattError) || !['unavailable', 'conflict'].includes(error.code)) {
          throw error;
        } else lastTrouble = error.message;
      }
    }
    const account = shaky(0).settlementKey;
    const { anchors } = await findAnchors(chain, community, account, {
      fromBlock: Math.max(0, start.number - 3),
    });
    const carriedOut = anchors.map(({ payments, assetIds, batchId, firstSlot, slotCount, root }) => ({
      payments,
      assetIds,
      remark: `commonwatt:1:${community}:${batchId}:${firstSlot}:${slotCount}:${root}`,
    }));
    checkOnce(carriedOut, book!.batches(), bundles, SLOTS);
    return result;
  } finally {
    for (const node of nodes) node?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function disturb(
  chain: Chain,
  embedded: EmbeddedChain,
  startNumber: number,
  random: (below: number) => number,
  result: MultisigRealResult,
): Promise<void> {
  if (random(80) === 0) {
    try {
      process.kill(embedded.pid, 'SIGKILL');
      result.chainKills += 1;
    } catch {
      // It is still down from the last time.
    }
  } else if (random(15) === 0) {
    const head = await chain.finalizedBlock();
    const above = head.number - startNumber;
    if (above <= 0) return;
    result.reorganisations += 1;
    await chain.rpc.call('dev_setHead', [head.number - Math.min(above, 1 + random(3))]);
    await chain.rpc.call('dev_newBlock');
  }
}
