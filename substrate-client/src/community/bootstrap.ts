import { CommonwattError, type Participant, type Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { CommunityChain } from '../chain/types.ts';
import { id, toHex } from './batch-call.ts';
import { checkPallets, DECIMALS } from './check.ts';
import { communityChain } from './community-chain.ts';
import { ensure, POOL_MAX, type Step } from './ensure.ts';
import type { Call } from './extrinsics.ts';
import { readMany } from './read-many.ts';
import { multisigCost } from '../multisig/cost.ts';
import { multisigKey, type MultisigTerms } from '../multisig/account.ts';
import { inspectChain, requireReady } from './inspect.ts';
import { provision } from './provide.ts';

export interface BootstrapOptions {
  readonly chain: Chain;
  readonly community: string;
  /** The settlement account; on the embedded chain it also issues the asset. */
  readonly treasury: Signer;
  /** When the settlement account is another than the treasury: a multisig of these signatories, who pay the fees. */
  readonly multisig?: MultisigTerms;
  readonly participants: readonly { readonly participant: Participant; readonly signer: Signer }[];
  readonly assetId: number;
  /** What each participant is given once, at its first start. */
  readonly balanceMicro: bigint;
  /** What each participant lets the settlement account draw; renewed when less than half of it is left. */
  readonly approvalMicro: bigint;
  /** A development chain: accounts are funded out of nothing and the asset is created. Else no `dev_` call is made and both must be there already. */
  readonly dev: boolean;
  /** Without `dev`: who gives accounts what they lack; the settlement account when left out. */
  readonly funder?: Signer;
  /** Without `dev`: what accounts need for other things besides (deposits and fees, smallest native units), in the state after a block. */
  readonly extraNative?: (blockHash: string) => Promise<ReadonlyMap<string, bigint>>;
  readonly onProgress?: (text: string) => void;
  /** Real time all of it may take. */
  readonly deadlineMs?: number;
}

const NATIVE_FUNDS = 1_000_000_000_000_000n;
const DEADLINE_MS = 180_000;
/** Elsewhere finality takes a minute a step. */
const PUBLIC_DEADLINE_MS = 900_000;

/**
 * Brings a community's accounts, asset, balances and approvals into being, whatever of it is there already.
 * Every step looks at the finalized state, does what is missing, and looks again: it may be cut off anywhere and called again.
 */
export async function bootstrapCommunity(options: BootstrapOptions): Promise<CommunityChain> {
  const { chain, community, assetId, treasury } = options;
  const untilMs =
    performance.now() + (options.deadlineMs ?? (options.dev ? DEADLINE_MS : PUBLIC_DEADLINE_MS));
  checkPallets(chain);
  // A feeder meter registers itself, for which it needs deposits; it has no part in the money.
  const paying = {
    ...options,
    participants: options.participants.filter(({ participant }) => participant.role !== 'feeder'),
  };
  const keys = options.participants.map(({ participant }) => participant.accountKey);
  if (options.dev) {
    options.onProgress?.('accounts are funded');
    const signatories = options.multisig?.signatories ?? [];
    await fundNative(chain, [
      ...new Set([treasury.publicKey, settlementKeyOf(options), ...signatories, ...keys]),
    ]);
    await ensure(options, untilMs, `the asset ${assetId} is created`, async (hash) =>
      createAsset(options, hash),
    );
    await ensure(options, untilMs, 'participants get their first balance', async (hash) =>
      mint(paying, hash),
    );
  } else {
    requireReady(chain, await inspectChain(chain, { assetId, settlementKey: treasury.publicKey }));
    await ensure(options, untilMs, 'accounts get what they need', async (hash) => provide(options, hash));
  }
  await ensure(options, untilMs, 'participants approve the settlement account', async (hash) =>
    approve(paying, hash),
  );
  return communityChain({ chain, community, assetId, treasury, dev: options.dev });
}

async function provide(options: BootstrapOptions, blockHash: string): Promise<Step[]> {
  const { chain, community, multisig, extraNative } = options;
  const signer = options.funder ?? options.treasury;
  const others = (multisig?.signatories ?? [])
    .map((accountKey, index) => ({ who: `signatory ${index + 1}`, accountKey }))
    .filter(({ accountKey }) => accountKey !== signer.publicKey);
  const call = await provision(
    {
      ...options,
      settlementKey: settlementKeyOf(options),
      others,
      extraNative: async (hash) => {
        const all = new Map((await extraNative?.(hash)) ?? []);
        if (multisig === undefined) return all;
        for (const [key, cost] of await multisigCost(chain, community, multisig, hash))
          all.set(key, (all.get(key) ?? 0n) + cost);
        return all;
      },
    },
    signer,
    blockHash,
  );
  return call === null ? [] : [{ call, signer }];
}

function settlementKeyOf({ treasury, multisig }: BootstrapOptions): string {
  return multisig === undefined ? treasury.publicKey : multisigKey(multisig);
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
      [query['assets']!['approvals']!, [assetId, id(participant.accountKey), id(settlementKeyOf(options))]],
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
  const { chain, assetId, approvalMicro, participants } = options;
  const settlementKey = settlementKeyOf(options);
  const { query, tx } = chain.api;
  const found = await readMany(
    chain,
    participants.map(({ participant }) => [
      query['assets']!['approvals']!,
      [assetId, id(participant.accountKey), id(settlementKeyOf(options))],
    ]),
    blockHash,
  );
  return participants.flatMap(({ signer }, index) => {
    const approval = found[index] as { amount: { toString(): string } } | null;
    const left = approval === null ? 0n : BigInt(approval.amount.toString());
    if (left * 2n >= approvalMicro || signer.publicKey === settlementKey) return [];
    // Approvals add up: only the difference is asked for.
    const call = tx['assets']!['approveTransfer']!(assetId, id(settlementKey), approvalMicro - left);
    return [{ call, signer }];
  });
}
