import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommonwattError, type SlotToSettle } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import { Ledger } from '../settlement/ledger.ts';
import { Worker } from '../settlement/worker.ts';
import { checkOnce } from './check-once.ts';
import { disturbAccount, healAccounts } from './disturb-accounts.ts';
import { FakeChain } from './fake-chain.ts';
import {
  closeQuietly,
  Crash,
  FAULTS,
  faultsBy,
  wrap,
  wrapSync,
  type FaultCounts,
  type Faults,
} from './faults.ts';
import { outcomes } from './outcomes.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from './sample.ts';

export { checkOnce } from './check-once.ts';
export { closeQuietly, Crash, wrap, wrapSync } from './faults.ts';

export interface CrashRunResult extends FaultCounts {
  readonly reorganisations: number;
  /** Reorganisations that took final blocks back. */
  readonly finalTakenBack: number;
  readonly chainRestarts: number;
  /** Extrinsics whose era passed before they were included. */
  readonly expiredEras: number;
  readonly attempts: number;
  readonly failedOnChain: number;
  readonly heldReceivers: number;
  readonly batches: number;
}

const SLOTS = 9;
const PERIOD = 3;
const TROUBLED_TURNS = 200;
const PEOPLE = members(4);
const TREASURY = signerNamed('crash treasury').publicKey;

type Random = (below: number) => number;

/**
 * One randomised life of settlement on the fake chain, from its seed: the client is killed before and after any call and any step on its
 * disk, messages are lost or come late and in another order, others use the account, accounts lose their money or cannot be paid, the
 * chain reorganises, forgets its pool and its tail, restarts, and lets eras pass. Then the trouble ends, and everything must be there
 * exactly once. Throws an Error that says what is not.
 */
export async function crashRun(seed: number): Promise<CrashRunResult> {
  const random = randomFrom(seed);
  const faults = faultsBy((call) => {
    if (random(call ? 24 : 140) !== 0) return null;
    return FAULTS[random(FAULTS.length)]!;
  });
  return inFolder((path) => live({ random, path, faults, chain: randomChain(random), disturbed: true }));
}

/** Runs something with a path for a ledger that is gone afterwards; in memory where the machine has a folder there. */
export async function inFolder<T>(work: (ledgerPath: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'commonwatt-crash-'));
  try {
    return await work(join(folder, 'ledger.sqlite'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function randomChain(random: Random): FakeChain {
  const rich = (): { balanceMicro: bigint; approvalMicro: bigint } => ({
    balanceMicro: BigInt(4000 + random(20_000)),
    approvalMicro: BigInt(4000 + random(20_000)),
  });
  const chain = new FakeChain(TREASURY, new Map(PEOPLE.map(({ signer }) => [signer.publicKey, rich()])));
  chain.perBatch = 1 + random(8);
  if (random(3) === 0) {
    // An asset with a minimum: the settlement account has its own share of it.
    chain.minBalanceMicro = BigInt(1 + random(600));
    chain.setAccount(TREASURY, { balanceMicro: chain.minBalanceMicro });
  }
  return chain;
}

/** One life, until everything is settled; then the check. `disturbed`: the chain has troubles of its own for the first turns. */
export async function live(options: {
  readonly random: Random;
  readonly path: string;
  readonly faults: Faults;
  readonly chain: FakeChain;
  readonly disturbed: boolean;
}): Promise<CrashRunResult> {
  const { random, path, faults, chain, disturbed } = options;
  const counts = { reorganisations: 0, finalTakenBack: 0, chainRestarts: 0 };
  const slots = slotsFrom('2026-06-01T12:00:00Z', SLOTS).map((slot) => sampleSlot(slot, PEOPLE, random));
  const bundles = new Map<string, Bundle>();
  let troubled = true;
  let nowMs = 0;

  const maybeCrash = (): void => {
    if (troubled) faults.maybeCrash();
  };
  const shaky = wrap(chain, async (call) => {
    if (disturbed && random(4) === 0) chain.build();
    if (disturbed && random(3) === 0) chain.finalize(random(3));
    return troubled ? faults.around(call) : call();
  });
  const reorganise = (depth: number, evenFinal: boolean): void => {
    const before = chain.finalNumber;
    chain.reorganise(depth, evenFinal);
    counts.reorganisations += 1;
    if (chain.finalNumber < before) counts.finalTakenBack += 1;
  };
  const disturb = async (): Promise<void> => {
    if (!troubled || !disturbed) return;
    if (random(3) === 0) await faults.deliverLate();
    if (random(12) === 0) chain.dropPool();
    if (random(40) === 0) chain.useNonce();
    if (random(15) === 0) reorganise(1 + random(random(4) === 0 ? 20 : 4), random(3) === 0);
    if (random(30) === 0) {
      // It goes on at the last block on its disk: the final one.
      counts.chainRestarts += 1;
      chain.restart();
    }
    if (random(30) === 0) for (let count = random(12); count > 0; count -= 1) chain.build();
    if (random(12) === 0) disturbAccount(chain, PEOPLE, random);
  };
  const open = (): { ledger: Ledger; worker: Worker } => {
    const ledger = wrapSync(new Ledger(path), maybeCrash);
    const worker = new Worker({
      chain: shaky,
      ledger,
      periodSlots: PERIOD,
      slotMinutes: 15,
      resubmitMs: 3,
      log: () => {},
      nowMs: () => nowMs,
      publish: (bundle) => {
        maybeCrash();
        bundles.set(bundle.slot, bundle);
      },
      isPublished: (slot) => bundles.has(slot),
      onBatch: () => {},
    });
    return { ledger, worker };
  };

  const handedIn = new Set<number>();
  let client: ReturnType<typeof open> | null = null;
  const handIn = (ledger: Ledger, { slot, records }: SlotToSettle, index: number): void => {
    ledger.putSlot(slot, records);
    handedIn.add(index);
  };
  for (let turn = 0; ; turn += 1) {
    if (disturbed && turn === TROUBLED_TURNS) {
      troubled = false;
      await faults.deliverLate();
      healAccounts(chain, PEOPLE);
    }
    if (turn > 3000) throw new Error('settlement does not come to an end');
    nowMs += 1;
    await disturb();
    try {
      if (client === null) {
        client = open();
        await client.worker.reconcile();
      }
      // Slots come in any order; an answer that was lost is asked for again.
      const all = !disturbed || !troubled;
      const next = random(SLOTS);
      if (all) for (const [index, slot] of slots.entries()) handIn(client.ledger, slot, index);
      else if (random(3) === 0) handIn(client.ledger, slots[next]!, next);
      const result = await client.worker.turn(all);
      if (result === 'waiting' && all) {
        await faults.deliverLate();
        await chain.nudge();
      }
      if (result === 'idle' && all && handedIn.size === SLOTS) break;
    } catch (error) {
      if (error instanceof Crash) {
        closeQuietly(client?.ledger);
        client = null;
      } else if (!(error instanceof CommonwattError) || error.code !== 'unavailable') {
        throw error;
      }
    }
  }
  troubled = false;
  // The last look: the chain is quiet now, and what it lost is put back.
  await client.worker.reconcile();
  const batches = client.ledger.batches();
  checkOnce(
    chain.carriedOut.map(({ batch }) => batch),
    batches,
    bundles,
    SLOTS,
  );
  const result = { ...faults.counts, ...counts, ...outcomes(client.ledger), batches: batches.length };
  client.ledger.close();
  return result;
}
