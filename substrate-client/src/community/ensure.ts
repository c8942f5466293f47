import { setTimeout as sleep } from 'node:timers/promises';
import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { AccountSigner } from '../keystore/account-signer.ts';
import { id } from './batch-call.ts';
import { readMany } from './read-many.ts';
import { signCall, submitBytes, type Call } from './extrinsics.ts';

/** A pool that makes no block for so long has lost what was in it. */
const QUIET_MS = 6_000;
const PUBLIC_QUIET_MS = 12_000;
const BLOCK_DEADLINE_MS = 60_000;
/** Extrinsics sent at a time. */
export const POOL_MAX = 50;

/** A call that an account has to make. */
export interface Step {
  readonly call: Call;
  readonly signer: AccountSigner;
}

export interface EnsureTerms {
  readonly chain: Chain;
  /** A development chain takes the extrinsics straight into a block. */
  readonly dev: boolean;
  readonly onProgress?: (text: string) => void;
  /** An extrinsic that the chain carries out without success ends it: it would fail again, and cost a fee again. */
  readonly strict?: boolean;
}

/**
 * Runs what `missing` finds missing in the finalized state until nothing is. Nonces come from that state, so nothing is done twice.
 * Throws `unavailable` at the deadline, `conflict` when `strict` and a step fails.
 */
export async function ensure(
  options: EnsureTerms,
  untilMs: number,
  what: string,
  missing: (blockHash: string) => Promise<Step[]>,
): Promise<void> {
  const { chain } = options;
  let refusal = '';
  for (;;) {
    const birth = await chain.finalizedBlock();
    const steps = (await missing(birth.hash)).slice(0, POOL_MAX);
    if (steps.length === 0) return;
    options.onProgress?.(`${what}${steps.length > 1 ? ` (${steps.length})` : ''}`);
    const nonces = await noncesAt(chain, steps, birth.hash);
    const signed = steps.map(({ call, signer }, index) =>
      signCall(chain.api, call, signer, nonces[index]!, birth),
    );
    if (options.dev && chain.isDevelopment) {
      // Straight into a block: the pool would check each of them first, which takes this chain as long as running it.
      const transactions = signed.map(({ bytes }) => bytes);
      await chain.rpc.call('dev_newBlock', [{ transactions }], { once: true, deadlineMs: BLOCK_DEADLINE_MS });
      const left = await missing((await chain.finalizedBlock()).hash);
      if (left.length === 0) return;
      if (performance.now() <= untilMs) continue;
    } else {
      for (const { bytes } of signed) {
        await submitBytes(chain.rpc, bytes).catch((error: unknown) => {
          refusal = `; last refusal: ${String(error)}`;
        });
      }
    }
    const hashes = options.strict === true ? signed.map(({ hash }) => hash) : [];
    const done = async (hash: string): Promise<boolean> => (await missing(hash)).length === 0;
    if (await settles(options, birth.number, untilMs, hashes, done)) return;
    if (performance.now() > untilMs) {
      throw new CommonwattError(
        'unavailable',
        `${what}: not done in time, ${steps.length} missing${refusal}`,
      );
    }
  }
}

/** Waits while the chain moves: true once the condition holds in a finalized state, false when no block came for a while. */
async function settles(
  { chain, dev }: EnsureTerms,
  fromNumber: number,
  untilMs: number,
  mustSucceed: readonly string[],
  done: (blockHash: string) => Promise<boolean>,
): Promise<boolean> {
  let number = fromNumber;
  let movedMs = performance.now();
  const quietMs = dev ? QUIET_MS : PUBLIC_QUIET_MS;
  while (performance.now() - movedMs < quietMs && performance.now() < untilMs) {
    await sleep(100);
    const head = await chain.finalizedBlock();
    if (head.number === number) continue;
    if (await done(head.hash)) return true;
    for (let height = number + 1; height <= head.number; height += 1)
      await refuseFailed(chain, height, mustSucceed);
    number = head.number;
    movedMs = performance.now();
  }
  return false;
}

async function noncesAt(chain: Chain, steps: readonly Step[], blockHash: string): Promise<number[]> {
  const entry = chain.api.query['system']!['account']!;
  const accounts = await readMany(
    chain,
    steps.map(({ signer }) => [entry, [id(signer.publicKey)]]),
    blockHash,
  );
  return accounts.map((account) => Number((account as { nonce: { toNumber(): number } }).nonce));
}

/** Throws `conflict` when one of these extrinsics stands in the block and was not carried out. */
async function refuseFailed(chain: Chain, number: number, hashes: readonly string[]): Promise<void> {
  const hash = hashes.length === 0 ? null : await chain.blockHashAt(number);
  if (hash === null) return;
  const failed = (await chain.block(hash)).extrinsics.find(
    (one) => !one.success && hashes.includes(one.hash),
  );
  if (failed === undefined) return;
  throw new CommonwattError('conflict', `the chain refuses it: ${failed.error ?? 'the call failed'}`, {
    record: failed.hash,
  });
}
