import { setTimeout as sleep } from 'node:timers/promises';
import { CommonwattError, type Participant, type Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { CommunityChain } from '../chain/types.ts';
import { id, toHex } from './batch-call.ts';
import { checkMoney, checkPallets, DECIMALS } from './check.ts';
import { communityChain } from './community-chain.ts';
import { readMany } from './read-many.ts';
import { signCall, submitBytes, type Call } from './extrinsics.ts';

export interface BootstrapOptions {
  readonly chain: Chain;
  readonly community: string;
  /** The settlement account; on the embedded chain it also issues the asset. */
  readonly treasury: Signer;
  readonly participants: readonly { readonly participant: Participant; readonly signer: Signer }[];
  readonly assetId: number;
  /** What each participant is given once, at its first start. */
  readonly balanceMicro: bigint;
  /** What each participant lets the settlement account draw; renewed when less than half of it is left. */
  readonly approvalMicro: bigint;
  /** A development chain: accounts are funded and the asset is created. Else both must be there already. */
  readonly dev: boolean;
  readonly onProgress?: (text: string) => void;
  /** Real time all of it may take. */
  readonly deadlineMs?: number;
}

const NATIVE_FUNDS = 1_000_000_000_000_000n;
const DEADLINE_MS = 180_000;
/** A pool that makes no block for so long has lost what was in it. */
const QUIET_MS = 6_000;
/** Extrinsics sent at a time. */
const POOL_MAX = 50;
const BLOCK_DEADLINE_MS = 60_000;

/**
 * Brings a community's accounts, asset, balances and approvals into being, whatever of it is there already.
 * Every step looks at the finalized state, does what is missing, and looks again: it may be cut off anywhere and called again.
 */
export async function bootstrapCommunity(options: BootstrapOptions): Promise<CommunityChain> {
  const { chain, community, assetId, treasury } = options;
  const untilMs = performance.now() + (options.deadlineMs ?? DEADLINE_MS);
  checkPallets(chain);
  const keys = options.participants.map(({ participant }) => participant.accountKey);
  if (options.dev) {
    options.onProgress?.('accounts are funded');
    await fundNative(chain, [...new Set([treasury.publicKey, ...keys])]);
    await ensure(options, untilMs, `the asset ${assetId} is created`, async (hash) =>
      createAsset(options, hash),
    );
    await ensure(options, untilMs, 'participants get their first balance', async (hash) =>
      mint(options, hash),
    );
  } else {
    await checkMoney(chain, assetId, treasury.publicKey);
  }
  await ensure(options, untilMs, 'participants approve the settlement account', async (hash) =>
    approve(options, hash),
  );
  return communityChain({ chain, community, assetId, treasury });
}

interface Step {
  readonly call: Call;
  readonly signer: Signer;
}

/** Runs what `missing` finds missing in the finalized state until nothing is. Nonces come from that state, so nothing is done twice. */
async function ensure(
  options: BootstrapOptions,
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
    if (await settles(chain, birth.number, untilMs, async (hash) => (await missing(hash)).length === 0))
      return;
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
  chain: Chain,
  fromNumber: number,
  untilMs: number,
  done: (blockHash: string) => Promise<boolean>,
): Promise<boolean> {
  let number = fromNumber;
  let movedMs = performance.now();
  while (performance.now() - movedMs < QUIET_MS && performance.now() < untilMs) {
    await sleep(100);
    const head = await chain.finalizedBlock();
    if (head.number === number) continue;
    if (await done(head.hash)) return true;
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

async function fundNative(chain: Chain, keys: readonly string[]): Promise<void> {
  const { query } = chain.api;
  const finalized = await chain.finalizedBlock();
  const accounts = await readMany(
    chain,
    keys.map((key) => [query['system']!['account']!, [id(key)]]),
    finalized.hash,
  );
  const poor: unknown[] = [];
  accounts.forEach((account, index) => {
    const info = account as { toJSON(): AccountInfo };
    const { data, ...rest } = info.toJSON();
    if (BigInt(data.free) * 2n >= NATIVE_FUNDS) return;
    const funded = {
      ...rest,
      providers: Math.max(1, rest.providers),
      data: { ...data, free: NATIVE_FUNDS.toString() },
    };
    poor.push([[id(keys[index]!)], funded]);
  });
  if (poor.length > 0) await chain.rpc.call('dev_setStorage', [{ System: { Account: poor } }]);
}

interface AccountInfo {
  readonly providers: number;
  readonly data: { readonly free: string | number };
}

async function createAsset(
  { chain, assetId, treasury }: BootstrapOptions,
  blockHash: string,
): Promise<Step[]> {
  const { query, tx } = chain.api;
  const [asset, metadata] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['assets']!['metadata']!, [assetId]],
    ],
    blockHash,
  )) as [{ owner: { toHex(): string } } | null, { decimals: { toNumber(): number } }];
  const calls: Call[] = [];
  if (asset === null) {
    calls.push(tx['assets']!['create']!(assetId, id(treasury.publicKey), 1));
  } else if (asset.owner.toHex() !== id(treasury.publicKey)) {
    throw new CommonwattError('conflict', `asset ${assetId} belongs to another account`, {
      remedy: 'choose another asset id',
    });
  }
  if (metadata.decimals.toNumber() !== DECIMALS) {
    calls.push(tx['assets']!['setMetadata']!(assetId, toHex('Community Euro'), toHex('ccEUR'), DECIMALS));
  }
  return calls.length === 0 ? [] : [{ call: tx['utility']!['batchAll']!(calls), signer: treasury }];
}

async function mint(options: BootstrapOptions, blockHash: string): Promise<Step[]> {
  const { chain, assetId, treasury, balanceMicro, participants } = options;
  if (balanceMicro <= 0n) return [];
  const { query, tx } = chain.api;
  const found = await readMany(
    chain,
    participants.flatMap(({ participant }): [unknown, unknown[]][] => [
      [query['assets']!['account']!, [assetId, id(participant.accountKey)]],
      [query['assets']!['approvals']!, [assetId, id(participant.accountKey), id(treasury.publicKey)]],
    ]),
    blockHash,
  );
  // Who has approved was here before and has spent it: it gets nothing again.
  const fresh = participants.filter((_, index) => found[index * 2] === null && found[index * 2 + 1] === null);
  if (fresh.length === 0) return [];
  const calls = fresh
    .slice(0, POOL_MAX)
    .map(({ participant }) => tx['assets']!['mint']!(assetId, id(participant.accountKey), balanceMicro));
  return [{ call: tx['utility']!['batchAll']!(calls), signer: treasury }];
}

async function approve(options: BootstrapOptions, blockHash: string): Promise<Step[]> {
  const { chain, assetId, treasury, approvalMicro, participants } = options;
  const { query, tx } = chain.api;
  const found = await readMany(
    chain,
    participants.map(({ participant }) => [
      query['assets']!['approvals']!,
      [assetId, id(participant.accountKey), id(treasury.publicKey)],
    ]),
    blockHash,
  );
  return participants.flatMap(({ signer }, index) => {
    const approval = found[index] as { amount: { toString(): string } } | null;
    const left = approval === null ? 0n : BigInt(approval.amount.toString());
    if (left * 2n >= approvalMicro || signer.publicKey === treasury.publicKey) return [];
    // Approvals add up: only the difference is asked for.
    const call = tx['assets']!['approveTransfer']!(assetId, id(treasury.publicKey), approvalMicro - left);
    return [{ call, signer }];
  });
}
