import type { Chain } from '../chain/connect.ts';
import type { AccountSigner } from '../keystore/account-signer.ts';
import { id } from './batch-call.ts';
import { ensure } from './ensure.ts';
import { readMany } from './read-many.ts';

interface Amount {
  toString(): string;
}

/**
 * Gives an account what it lacks of the native token and of an asset; nothing of what it has half of. True when something was given.
 * Throws `conflict` when the giver cannot give, `unavailable` at the deadline (real time).
 */
export async function giveOnce(options: {
  readonly chain: Chain;
  readonly from: AccountSigner;
  readonly accountKey: string;
  readonly native: bigint;
  readonly assetId: number;
  readonly assetMicro: bigint;
  readonly deadlineMs: number;
}): Promise<boolean> {
  const { chain, from, accountKey, native, assetId, assetMicro } = options;
  const { query, tx } = chain.api;
  let given = false;
  await ensure(
    { chain, dev: false, strict: true },
    performance.now() + options.deadlineMs,
    'giving',
    async (hash) => {
      const [account, holding] = await readMany(
        chain,
        [
          [query['system']!['account']!, [id(accountKey)]],
          [query['assets']!['account']!, [assetId, id(accountKey)]],
        ],
        hash,
      );
      const free = BigInt((account as { data: { free: Amount } }).data.free.toString());
      const balance = holding === null ? 0n : BigInt((holding as { balance: Amount }).balance.toString());
      const calls = [
        ...(free * 2n < native ? [tx['balances']!['transferKeepAlive']!(id(accountKey), native - free)] : []),
        ...(balance * 2n < assetMicro
          ? [tx['assets']!['transfer']!(assetId, id(accountKey), assetMicro - balance)]
          : []),
      ];
      if (calls.length === 0) return [];
      given = true;
      return [{ call: tx['utility']!['batchAll']!(calls), signer: from }];
    },
  );
  return given;
}
