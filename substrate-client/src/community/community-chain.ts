import type { Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { RpcError } from '../chain/rpc.ts';
import type { CommunityChain, Holding } from '../chain/types.ts';
import { batchCall, id } from './batch-call.ts';
import { signCall, submitBytes } from './extrinsics.ts';
import { paymentsMax } from './limits.ts';

/** A community's money on a real chain, with the settlement account's signer. */
export function communityChain(options: {
  chain: Chain;
  community: string;
  assetId: number;
  treasury: Signer;
}): CommunityChain {
  const { chain, community, assetId, treasury } = options;
  const settlementKey = treasury.publicKey;
  let limit: Promise<number> | undefined;
  return {
    community,
    assetId,
    settlementKey,
    genesisHash: chain.genesisHash,
    finalizedBlock: chain.finalizedBlock,
    bestBlock: chain.bestBlock,
    blockHashAt: chain.blockHashAt,
    block: chain.block,
    nonceAt: (blockHash) => nonceAt(chain, settlementKey, blockHash),
    holdings: (accountKeys, blockHash) => holdings(chain, assetId, settlementKey, accountKeys, blockHash),
    fundsNative: async () => {
      const entry = chain.api.query['system']!['account']!;
      const { hash } = await chain.finalizedBlock();
      const [account] = await readMany(chain, [[entry, [id(settlementKey)]]], hash);
      return BigInt((account as { data: { free: Amount } }).data.free.toString());
    },
    paymentsMax: () => (limit ??= paymentsMax(chain, assetId, settlementKey)),
    sign: async (call, nonce, birth) =>
      signCall(chain.api, batchCall(chain, assetId, settlementKey, call), treasury, nonce, birth),
    submit: (bytes) => submitBytes(chain.rpc, bytes),
    nudge: async () => {
      if (!chain.isDevelopment) return;
      await chain.rpc.call('dev_newBlock', [], { once: true }).catch((error: unknown) => {
        if (!(error instanceof RpcError)) throw error;
      });
    },
  };
}

export async function nonceAt(chain: Chain, accountKey: string, blockHash: string): Promise<number> {
  const [account] = await readMany(
    chain,
    [[chain.api.query['system']!['account']!, [id(accountKey)]]],
    blockHash,
  );
  return Number((account as { nonce: { toNumber(): number } }).nonce);
}

type StorageEntry = { key(...args: unknown[]): string; creator: unknown };

/** Many storage values of one block in one question. */
export async function readMany(
  chain: Chain,
  queries: readonly (readonly [entry: unknown, args: readonly unknown[]])[],
  blockHash: string,
): Promise<unknown[]> {
  const { registry } = chain.api;
  const keys = queries.map(([entry, args]) =>
    registry.createType('StorageKey', [(entry as StorageEntry).creator, args] as never),
  );
  const values: unknown[] = [];
  for (let start = 0; start < keys.length; start += 500) {
    const chunk = keys.slice(start, start + 500);
    const found = await chain.rpc.call<[{ changes: [string, string | null][] }]>('state_queryStorageAt', [
      chunk.map((key) => key.toHex()),
      blockHash,
    ]);
    const byKey = new Map(found[0]?.changes ?? []);
    for (const key of chunk) {
      const value = byKey.get(key.toHex()) ?? null;
      const { meta, outputType } = key;
      const bytes = value ?? (meta === undefined || meta.modifier.isOptional ? null : meta.fallback.toHex());
      values.push(bytes === null ? null : registry.createType(outputType, bytes));
    }
  }
  return values;
}

interface Amount {
  toString(): string;
}
interface AssetAccount {
  readonly balance: Amount;
  readonly status?: { readonly isLiquid?: boolean };
}

async function holdings(
  chain: Chain,
  assetId: number,
  settlementKey: string,
  accountKeys: readonly string[],
  blockHash: string,
): Promise<ReadonlyMap<string, Holding>> {
  const { query } = chain.api;
  const values = await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      ...accountKeys.flatMap((key): [unknown, unknown[]][] => [
        [query['assets']!['account']!, [assetId, id(key)]],
        [query['assets']!['approvals']!, [assetId, id(key), id(settlementKey)]],
        [query['system']!['account']!, [id(key)]],
      ]),
    ],
    blockHash,
  );
  const asset = values[0] as { minBalance: Amount; isSufficient: { isTrue: boolean } } | null;
  const minBalance = asset === null ? 0n : BigInt(asset.minBalance.toString());
  const found = new Map<string, Holding>();
  accountKeys.forEach((key, index) => {
    const account = values[1 + index * 3] as AssetAccount | null;
    const approval = values[2 + index * 3] as { amount: Amount } | null;
    const native = values[3 + index * 3] as { providers: { toNumber(): number } };
    const free =
      account === null || account.status?.isLiquid === false ? 0n : BigInt(account.balance.toString());
    found.set(key, {
      balanceMicro: free > minBalance ? free - minBalance : 0n,
      approvalMicro: approval === null ? 0n : BigInt(approval.amount.toString()),
      receives: account !== null || native.providers.toNumber() > 0 || asset?.isSufficient.isTrue === true,
    });
  });
  return found;
}
