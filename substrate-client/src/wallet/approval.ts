import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef } from '../chain/types.ts';
import { id } from '../community/batch-call.ts';
import { DECIMALS } from '../community/check.ts';
import { formatUnits } from '../community/decimal.ts';
import type { Call } from '../community/extrinsics.ts';
import { readMany } from '../community/read-many.ts';
import { addressOf } from '../keystore/keystore.ts';
import { requireFunds } from '../registry/funds.ts';

/** Where a community's money is: the asset, and the account that an approval is for. */
export interface MoneyPlace {
  readonly assetId: number;
  readonly settlementKey: string;
}

/** An account's money and approval in one finalized state. */
export interface ApprovalState {
  readonly accountKey: string;
  readonly block: BlockRef;
  readonly nonce: number;
  /** For fees and the approval's deposit, smallest native units. */
  readonly nativeFree: bigint;
  readonly balanceMicro: bigint;
  /** What the settlement account may still draw. */
  readonly approvalMicro: bigint;
}

interface Amount {
  toString(): string;
}

/** Throws `not-found` where the chain has no such asset: an approval of it would cost a fee and do nothing. */
export async function readApproval(
  chain: Chain,
  { assetId, settlementKey }: MoneyPlace,
  accountKey: string,
): Promise<ApprovalState> {
  const { query } = chain.api;
  const block = await chain.finalizedBlock();
  const [asset, account, holding, approval] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['system']!['account']!, [id(accountKey)]],
      [query['assets']!['account']!, [assetId, id(accountKey)]],
      [query['assets']!['approvals']!, [assetId, id(accountKey), id(settlementKey)]],
    ],
    block.hash,
  )) as [
    unknown,
    { nonce: Amount; data: { free: Amount } },
    { balance: Amount } | null,
    { amount: Amount } | null,
  ];
  if (asset === null) {
    throw new CommonwattError('not-found', `asset ${assetId} does not exist (${chain.endpoint})`, {
      field: 'asset-id',
      remedy: "give the --asset-id of the community's money; the market says it at /v1/chain",
    });
  }
  return {
    accountKey,
    block,
    nonce: Number(account.nonce.toString()),
    nativeFree: BigInt(account.data.free.toString()),
    balanceMicro: holding === null ? 0n : BigInt(holding.balance.toString()),
    approvalMicro: approval === null ? 0n : BigInt(approval.amount.toString()),
  };
}

/**
 * The call after which the settlement account may draw exactly `wantedMicro`: approvals add up on chain, so a smaller one is made by
 * taking the old one back first. Throws `conflict` when it is so already.
 */
export function approvalCall(chain: Chain, place: MoneyPlace, now: ApprovalState, wantedMicro: bigint): Call {
  const { tx } = chain.api;
  const { assetId, settlementKey } = place;
  const approve = (amountMicro: bigint): Call =>
    tx['assets']!['approveTransfer']!(assetId, id(settlementKey), amountMicro);
  if (wantedMicro === now.approvalMicro) {
    throw new CommonwattError(
      'conflict',
      `${addressOf(now.accountKey)} lets the settlement account draw ${formatUnits(wantedMicro, DECIMALS)} already`,
      { record: addressOf(now.accountKey), remedy: 'there is nothing to sign' },
    );
  }
  if (wantedMicro > now.approvalMicro) return approve(wantedMicro - now.approvalMicro);
  const cancel = tx['assets']!['cancelApproval']!(assetId, id(settlementKey));
  return wantedMicro === 0n ? cancel : tx['utility']!['batchAll']!([cancel, approve(wantedMicro)]);
}

/** Throws `no-collateral`, with what is missing, unless the account can pay the fee and the deposit of its first approval, and still exists. */
export async function requireApprovalFunds(chain: Chain, now: ApprovalState, call: Call): Promise<void> {
  const reserving = now.approvalMicro === 0n ? [call] : [];
  await requireFunds(chain, now.accountKey, call, reserving, now.block.hash);
}

/** What the call does, in words. */
export function approvalWords(place: MoneyPlace, now: ApprovalState, wantedMicro: bigint): string {
  const show = (amountMicro: bigint): string => formatUnits(amountMicro, DECIMALS);
  const how =
    wantedMicro > now.approvalMicro
      ? `adds ${show(wantedMicro - now.approvalMicro)} to the approval`
      : wantedMicro === 0n
        ? 'takes the approval back'
        : `takes the approval back and gives a new one of ${show(wantedMicro)}`;
  return (
    `the settlement account ${addressOf(place.settlementKey)} may draw up to ${show(wantedMicro)} of asset ${place.assetId} ` +
    `from ${addressOf(now.accountKey)}; now it may draw ${show(now.approvalMicro)}, so the call ${how}`
  );
}
