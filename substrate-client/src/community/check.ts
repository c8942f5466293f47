import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { id } from './batch-call.ts';
import { readMany } from './read-many.ts';

/** Micro-units are the chain's smallest: an asset of another scale would pay wrong amounts. */
export const DECIMALS = 6;

const CALLS = {
  system: ['remarkWithEvent'],
  utility: ['batchAll'],
  assets: ['transferApproved', 'transfer', 'approveTransfer'],
} as const;

/** Throws `conflict` with the pallet or call that a chain lacks. */
export function checkPallets(chain: Chain): void {
  for (const [pallet, calls] of Object.entries(CALLS)) {
    const missing = calls.find((call) => !chain.api.tx[pallet]?.[call]);
    if (missing === undefined) continue;
    throw new CommonwattError('conflict', `the chain at ${chain.endpoint} has no ${pallet}.${missing}`, {
      remedy: 'use a chain with the pallets assets and utility, such as an Asset Hub',
    });
  }
}

/** Whether a community can settle there: the asset exists, counts in micro-units, is not frozen, and the settlement account can pay fees. */
export async function checkMoney(chain: Chain, assetId: number, settlementKey: string): Promise<void> {
  const { query } = chain.api;
  const finalized = await chain.finalizedBlock();
  const [asset, metadata, account] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['assets']!['metadata']!, [assetId]],
      [query['system']!['account']!, [id(settlementKey)]],
    ],
    finalized.hash,
  )) as [
    { isFrozen?: { isTrue: boolean }; status?: { isLive?: boolean } } | null,
    { decimals: { toNumber(): number } },
    { data: { free: { toString(): string } } },
  ];
  if (asset === null) {
    throw new CommonwattError('not-found', `asset ${assetId} does not exist on ${chain.endpoint}`, {
      remedy: 'give the id of a euro-like asset of that chain',
    });
  }
  const decimals = metadata.decimals.toNumber();
  if (decimals !== DECIMALS) {
    throw new CommonwattError(
      'conflict',
      `asset ${assetId} has ${decimals} decimals; settlement counts in ${DECIMALS}`,
      {
        remedy: 'use an asset whose smallest unit is a millionth',
      },
    );
  }
  if (asset.isFrozen?.isTrue === true || asset.status?.isLive === false) {
    throw new CommonwattError('conflict', `asset ${assetId} is frozen on ${chain.endpoint}`);
  }
  if (BigInt(account.data.free.toString()) === 0n) {
    throw new CommonwattError(
      'no-collateral',
      `the settlement account ${settlementKey} has no funds for fees`,
      {
        remedy: 'send it some of the native token',
      },
    );
  }
}
