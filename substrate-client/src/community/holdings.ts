import type { Chain } from '../chain/connect.ts';
import type { Holding } from '../chain/types.ts';
import { id } from './batch-call.ts';
import { readMany } from './read-many.ts';

interface Amount {
  toString(): string;
}
interface Flag {
  readonly isTrue: boolean;
}

/** An asset's account; older runtimes have a flag where newer ones have a status. */
interface AssetAccount {
  readonly balance: Amount;
  readonly isFrozen?: Flag;
  readonly status?: { readonly isFrozen?: boolean; readonly isBlocked?: boolean };
}
interface Asset {
  readonly minBalance: Amount;
  readonly isSufficient: Flag;
  readonly isFrozen?: Flag;
  readonly status?: { readonly isLive?: boolean };
}
interface SystemAccount {
  readonly providers: { toNumber(): number };
  readonly consumers: { toNumber(): number };
}

/** `frame_system::Config::MaxConsumers` of the Asset Hubs; the metadata does not tell it. */
const CONSUMERS_MAX = 16;

/** What accounts can pay to the settlement account and be paid by it, in the state after a block. */
export async function readHoldings(
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
  const asset = values[0] as Asset | null;
  return new Map(
    accountKeys.map((key, index) => {
      const account = values[1 + index * 3] as AssetAccount | null;
      const approval = values[2 + index * 3] as { amount: Amount } | null;
      return [key, holding(asset, account, approval, values[3 + index * 3] as SystemAccount)];
    }),
  );
}

function holding(
  asset: Asset | null,
  account: AssetAccount | null,
  approval: { amount: Amount } | null,
  native: SystemAccount,
): Holding {
  const minBalance = asset === null ? 0n : amountOf(asset.minBalance);
  const balance = account === null ? 0n : amountOf(account.balance);
  return {
    balanceMicro: balance > minBalance ? balance - minBalance : 0n,
    approvalMicro: approval === null ? 0n : amountOf(approval.amount),
    cannotPay: account !== null && isFrozen(account) ? 'its account is frozen' : null,
    cannotReceive: whyNoAccount(asset, account, native),
    receivesFromMicro: account === null && minBalance > 1n ? minBalance : 1n,
  };
}

/** A frozen account can still be paid, a blocked one cannot; a new one needs a place to be. */
function whyNoAccount(
  asset: Asset | null,
  account: AssetAccount | null,
  native: SystemAccount,
): string | null {
  if (account !== null) return account.status?.isBlocked === true ? 'its account is blocked' : null;
  if (asset?.isSufficient.isTrue === true) return null;
  if (native.providers.toNumber() === 0)
    return 'it does not hold the asset, and cannot without some of the native token';
  if (native.consumers.toNumber() >= CONSUMERS_MAX)
    return 'it does not hold the asset, and holds as many others as an account may';
  return null;
}

/** What keeps any batch from being carried out: the asset or the settlement account is frozen, or the account could be reaped in the middle of one. */
export async function readObstacle(
  chain: Chain,
  assetId: number,
  settlementKey: string,
  blockHash: string,
): Promise<string | null> {
  const { query } = chain.api;
  const [asset, account] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['assets']!['account']!, [assetId, id(settlementKey)]],
    ],
    blockHash,
  )) as [Asset | null, AssetAccount | null];
  if (asset === null) return `asset ${assetId} does not exist`;
  if (asset.isFrozen?.isTrue === true || asset.status?.isLive === false) return `asset ${assetId} is frozen`;
  if (account !== null && (isFrozen(account) || account.status?.isBlocked === true))
    return 'the settlement account is frozen';
  const minBalance = amountOf(asset.minBalance);
  // Of a minimum of 1 nothing can be left over: an account is empty or has enough.
  if (minBalance > 1n && (account === null || amountOf(account.balance) < minBalance))
    return `the settlement account needs ${minBalance} micro-units of asset ${assetId} of its own`;
  return null;
}

function isFrozen({ isFrozen, status }: AssetAccount): boolean {
  return isFrozen?.isTrue === true || status?.isFrozen === true || status?.isBlocked === true;
}

function amountOf(amount: Amount): bigint {
  return BigInt(amount.toString());
}
