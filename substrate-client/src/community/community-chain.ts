import type { Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { RpcError } from '../chain/rpc.ts';
import type { CommunityChain } from '../chain/types.ts';
import { batchCall, id } from './batch-call.ts';
import { firstRefusal } from './dry-run.ts';
import { signCall, submitBytes } from './extrinsics.ts';
import { readHoldings, readObstacle } from './holdings.ts';
import { paymentsMax } from './limits.ts';
import { once } from './once.ts';
import { readMany } from './read-many.ts';

/** A community's money on a real chain, with the settlement account's signer. */
export function communityChain(options: {
  chain: Chain;
  community: string;
  assetId: number;
  treasury: Signer;
  /** Ours to ask for blocks; false (also when left out) for every chain that somebody else runs. */
  dev?: boolean;
  /** How long an extrinsic stays valid; a power of two, 64 when left out. */
  eraBlocks?: number;
}): CommunityChain {
  const { chain, community, assetId, treasury, eraBlocks } = options;
  const settlementKey = treasury.publicKey;
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
    holdings: (accountKeys, blockHash) => readHoldings(chain, assetId, settlementKey, accountKeys, blockHash),
    obstacle: (blockHash) => readObstacle(chain, assetId, settlementKey, blockHash),
    firstRefusal: async (payments, blockHash) =>
      firstRefusal(
        chain,
        assetId,
        treasury,
        await nonceAt(chain, settlementKey, blockHash),
        payments,
        blockHash,
      ),
    fundsNative: async () => {
      const entry = chain.api.query['system']!['account']!;
      const { hash } = await chain.finalizedBlock();
      const [account] = await readMany(chain, [[entry, [id(settlementKey)]]], hash);
      return BigInt((account as { data: { free: Amount } }).data.free.toString());
    },
    paymentsMax: once(() => paymentsMax(chain, assetId, settlementKey)),
    sign: async (call, nonce, birth) =>
      signCall(chain.api, batchCall(chain, assetId, settlementKey, call), treasury, nonce, birth, eraBlocks),
    submit: (bytes) => submitBytes(chain.rpc, bytes),
    nudge: async () => {
      if (options.dev !== true || !chain.isDevelopment) return;
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

interface Amount {
  toString(): string;
}
