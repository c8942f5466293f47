import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommonwattError, parseAmount } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import type { BatchOnChain } from '../chain/types.ts';
import { claimsAfter } from '../settlement/claims.ts';
import { Ledger, type LedgerBatch } from '../settlement/ledger.ts';
import { partOf } from '../settlement/parts.ts';
import { parseRemark } from '../settlement/remark.ts';
import { Worker } from '../settlement/worker.ts';
import { FakeChain } from './fake-chain.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom, type Member } from './sample.ts';

/** The process is gone, here and now. */
export class Crash extends Error {}

export interface CrashRunResult {
  readonly crashes: number;
  readonly droppedAnswers: number;
  readonly reorganisations: number;
  readonly attempts: number;
  readonly failedOnChain: number;
  readonly batches: number;
}

const SLOTS = 9;
const PERIOD = 3;

/**
 * One randomised life of settlement on the fake chain, from its seed: the client is killed before and after any call, answers are lost
 * or come twice, others use the account, payers lose their money, the chain reorganises and forgets its pool and its tail, eras pass.
 * Then the trouble ends, and everything must be there exactly once. Throws an Error that says what is not.
 */
export async function crashRun(seed: number): Promise<CrashRunResult> {
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'commonwatt-crash-'));
  try {
    return await live(random, join(folder, 'ledger.sqlite'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function live(random: (below: number) => number, path: string): Promise<CrashRunResult> {
  const people = members(4);
  const treasury = signerNamed('crash treasury').publicKey;
  const rich = (): { balanceMicro: bigint; approvalMicro: bigint } => ({
    balanceMicro: BigInt(4000 + random(20_000)),
    approvalMicro: BigInt(4000 + random(20_000)),
  });
  const chain = new FakeChain(treasury, new Map(people.map(({ signer }) => [signer.publicKey, rich()])));
  chain.perBatch = 1 + random(8);
  if (random(3) === 0) {
    // An asset with a minimum: the settlement account has its own share of it.
    chain.minBalanceMicro = BigInt(1 + random(600));
    chain.setAccount(treasury, { balanceMicro: chain.minBalanceMicro });
  }
  const counts = { crashes: 0, droppedAnswers: 0, reorganisations: 0 };
  const trouble = { on: true };
  const slots = slotsFrom('2026-06-01T12:00:00Z', SLOTS).map((slot) => sampleSlot(slot, people, random));
  const bundles = new Map<string, Bundle>();
  let nowMs = 0;

  const maybeCrash = (): void => {
    if (trouble.on && random(70) === 0) {
      counts.crashes += 1;
      throw new Crash('killed');
    }
  };
  const shaky = wrap(chain, async (call) => {
    maybeCrash();
    if (trouble.on && random(30) === 0) throw new CommonwattError('unavailable', 'the question was lost');
    if (random(4) === 0) chain.build();
    if (random(3) === 0) chain.finalize(random(3));
    const answer = await call();
    if (trouble.on && random(30) === 0) {
      counts.droppedAnswers += 1;
      throw new CommonwattError('unavailable', 'the answer was lost');
    }
    maybeCrash();
    return answer;
  });
  const disturb = (): void => {
    if (!trouble.on) return;
    if (random(12) === 0) chain.dropPool();
    if (random(40) === 0) chain.useNonce();
    if (random(15) === 0) {
      counts.reorganisations += 1;
      chain.reorganise(1 + random(4), random(3) === 0);
    }
    if (random(30) === 0) for (let count = random(12); count > 0; count -= 1) chain.build();
    if (random(12) === 0) disturbAccount(chain, people, random);
  };

  const handedIn = new Set<number>();
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

  let client: ReturnType<typeof open> | null = null;
  for (let turn = 0; ; turn += 1) {
    if (turn === 200) {
      trouble.on = false;
      healAccounts(chain, people);
    }
    if (turn > 3000) throw new Error('settlement does not come to an end');
    nowMs += 1;
    disturb();
    try {
      if (client === null) {
        client = open();
        await client.worker.reconcile();
      }
      // Slots come in any order; an answer that was lost is asked for again.
      const next = random(SLOTS);
      if (random(3) === 0 || !trouble.on) {
        for (const index of trouble.on ? [next] : slots.keys()) {
          client.ledger.putSlot(slots[index]!.slot, slots[index]!.records);
          handedIn.add(index);
        }
      }
      const result = await client.worker.turn(!trouble.on);
      if (result === 'waiting' && !trouble.on) {
        chain.build();
        chain.finalize(0);
      }
      if (result === 'idle' && !trouble.on && handedIn.size === SLOTS) break;
    } catch (error) {
      if (error instanceof Crash) {
        closeQuietly(client?.ledger);
        client = null;
      } else if (!(error instanceof CommonwattError) || error.code !== 'unavailable') {
        throw error;
      }
    }
  }
  const ledger = client.ledger;
  // The last look: the chain is quiet now, and what it lost is put back.
  await client.worker.reconcile();
  const batches = ledger.batches();
  checkOnce(
    chain.carriedOut.map(({ batch }) => batch),
    batches,
    bundles,
    SLOTS,
  );
  const claims = claimsAfter(batches.flatMap(({ record }) => (record === null ? [] : [record])));
  if (claims.overdrawn.length > 0)
    throw new Error(`released and never kept: ${JSON.stringify(claims.overdrawn)}`);
  const attempts = batches.reduce((sum, { batchId }) => sum + ledger.attempts(batchId).length, 0);
  const failedOnChain = batches.reduce(
    (sum, { batchId }) => sum + ledger.sightings(batchId).filter(({ success }) => !success).length,
    0,
  );
  ledger.close();
  return { ...counts, attempts, failedOnChain, batches: batches.length };
}

export function closeQuietly(ledger: Ledger | undefined): void {
  try {
    ledger?.close();
  } catch {
    // A crash inside close: the file is left as it is, which is the point.
  }
}

/** Something happens to an account: its money or approval is gone, it is frozen, closed, or cannot be opened; and comes back. */
function disturbAccount(
  chain: FakeChain,
  people: readonly Member[],
  random: (below: number) => number,
): void {
  const { publicKey } = people[random(people.length)]!.signer;
  const has = chain.accounts().get(publicKey)!;
  const balanceMicro = BigInt(4000 + random(20_000));
  switch (random(8)) {
    case 0:
      return chain.setAccount(publicKey, { balanceMicro: chain.minBalanceMicro });
    case 1:
      return chain.setAccount(publicKey, { approvalMicro: null });
    case 2:
      return chain.setAccount(publicKey, { frozen: !has.frozen });
    case 3:
      return chain.setAccount(publicKey, { balanceMicro: null, canOpen: random(2) === 0 });
    case 4:
      return chain.setAccount(publicKey, { balanceMicro, approvalMicro: balanceMicro, canOpen: true });
    case 5:
      return void chain.secretRefusals.set(publicKey, 'Token.Blocked');
    case 6:
      return chain.secretRefusals.clear();
    default:
      return chain.freezeAsset(random(3) === 0);
  }
}

/** All can pay and be paid again. */
function healAccounts(chain: FakeChain, people: readonly Member[]): void {
  chain.freezeAsset(false);
  chain.secretRefusals.clear();
  for (const { signer } of people) chain.setAccount(signer.publicKey, { canOpen: true, frozen: false });
}

/** Each slot in one batch, each batch once on chain, with the payments and the root that ledger and bundles say. */
export function checkOnce(
  carriedOut: readonly (BatchOnChain | null)[],
  batches: readonly LedgerBatch[],
  bundles: ReadonlyMap<string, Bundle>,
  slotCount: number,
): void {
  const onChain = new Map<string, { root: string; payments: string }>();
  const seen = new Set<string>();
  let earlier: string[][] = [];
  for (const batch of carriedOut) {
    const remark = batch && parseRemark(batch.remark);
    if (!remark) throw new Error(`a batch without a remark: ${batch?.remark}`);
    if (seen.has(remark.batchId)) throw new Error(`batch ${remark.batchId} was paid twice`);
    seen.add(remark.batchId);
    for (const { direction, accountKey, amountMicro } of batch.payments ?? []) {
      earlier.push([direction, accountKey, String(amountMicro)]);
    }
    const { batchId, part } = partOf(remark.batchId);
    if (part !== null) continue;
    onChain.set(batchId, { root: remark.root, payments: JSON.stringify(earlier) });
    earlier = [];
  }
  const slots = batches.flatMap((batch) => batch.slots);
  if (slots.length !== slotCount || new Set(slots).size !== slotCount) {
    throw new Error(`slots in batches: ${slots.join(', ')}`);
  }
  if (onChain.size !== batches.length) {
    throw new Error(`${onChain.size} batches on chain, ${batches.length} in the ledger`);
  }
  for (const batch of batches) {
    const paid = onChain.get(batch.batchId);
    if (batch.state !== 'final' || !paid) throw new Error(`batch ${batch.batchId} is ${batch.state}`);
    if (paid.root !== batch.root) throw new Error(`batch ${batch.batchId} has another root on chain`);
    const said = batch.record!.payments.map(({ direction, accountKey, amountMicro }) => [
      direction,
      accountKey,
      String(parseAmount(amountMicro)),
    ]);
    if (JSON.stringify(said) !== paid.payments)
      throw new Error(
        `batch ${batch.batchId} paid something else: ${paid.payments}, not ${JSON.stringify(said)}`,
      );
    for (const slot of batch.slots) {
      const bundle = bundles.get(slot);
      if (!bundle) throw new Error(`the bundle of ${slot} is missing`);
      if (JSON.stringify(bundle.settlement) !== JSON.stringify(batch.record)) {
        throw new Error(`the bundle of ${slot} holds another settlement record`);
      }
    }
  }
}

/** Runs every method of an object through `around`. */
export function wrap<T extends object>(
  target: T,
  around: (call: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get: (object, name) => {
      const value = Reflect.get(object, name, object) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => around(async () => (await value.apply(object, args)) as unknown);
    },
  });
}

export function wrapSync<T extends object>(target: T, around: () => void): T {
  return new Proxy(target, {
    get: (object, name) => {
      const value = Reflect.get(object, name, object) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        around();
        const result: unknown = value.apply(object, args);
        if (name !== 'close') around();
        return result;
      };
    },
  });
}
