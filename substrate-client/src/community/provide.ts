import { CommonwattError, type Participant, type Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { addressOf } from '../keystore/keystore.ts';
import { id } from './batch-call.ts';
import { DECIMALS } from './check.ts';
import { readMany } from './read-many.ts';
import { formatUnits } from './decimal.ts';
import type { Call } from './extrinsics.ts';
import { existentialDeposit, nativeToken } from './inspect.ts';
import { costOf } from './limits.ts';

/** What an account lacks to take part: smallest native units, and micro-units of the asset. */
interface Need {
  readonly who: string;
  readonly accountKey: string;
  readonly native: bigint;
  readonly assetMicro: bigint;
}

interface ProvideOptions {
  readonly chain: Chain;
  readonly assetId: number;
  readonly settlementKey: string;
  readonly participants: readonly { readonly participant: Participant }[];
  /** Accounts that have no part in the money and need only what `extraNative` says: the signatories of a multisig. */
  readonly others: readonly { readonly who: string; readonly accountKey: string }[];
  /** What a participant gets that has never held the asset. */
  readonly balanceMicro: bigint;
  readonly approvalMicro: bigint;
  /** What accounts need for other things besides, smallest native units. */
  readonly extraNative?: (blockHash: string) => Promise<ReadonlyMap<string, bigint>>;
}

interface Amount {
  toString(): string;
}

/** An approval may become dearer between asking and paying. */
const FEE_MARGIN = 2n;
/** Transfers of one batch. */
const ACCOUNTS_MAX = 50;

/**
 * What every account still needs in the state after a block: to exist, to pay the deposit and the fee of its approval, its first balance;
 * and for the settlement account the asset's minimum, without which the chain would close it in the middle of a batch.
 */
async function needsOf(
  options: ProvideOptions,
  extra: ReadonlyMap<string, bigint>,
  blockHash: string,
): Promise<Need[]> {
  const { chain, assetId, settlementKey, participants, others } = options;
  const { query, tx, consts } = chain.api;
  const values = await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['assets']!['account']!, [assetId, id(settlementKey)]],
      [query['system']!['account']!, [id(settlementKey)]],
      ...participants.flatMap(({ participant: { accountKey } }): [unknown, unknown[]][] => [
        [query['system']!['account']!, [id(accountKey)]],
        [query['assets']!['account']!, [assetId, id(accountKey)]],
        [query['assets']!['approvals']!, [assetId, id(accountKey), id(settlementKey)]],
      ]),
    ],
    blockHash,
  );
  const minBalance = amountOf((values[0] as { minBalance: Amount }).minBalance);
  const approve = tx['assets']!['approveTransfer']!(assetId, id(settlementKey), options.approvalMicro);
  const fee = (await costOf(chain, approve)).feeNative * FEE_MARGIN;
  const deposit = amountOf(consts['assets']?.['approvalDeposit'] ?? 0n);
  const keep = existentialDeposit(chain);
  const needs: Need[] = [];
  const own = values[1] as { balance: Amount } | null;
  const ownMicro = own === null ? 0n : amountOf(own.balance);
  const ownFree = amountOf((values[2] as { data: { free: Amount } }).data.free);
  const ownWanted = keep + (extra.get(settlementKey) ?? 0n);
  const settlement = {
    who: 'settlement account',
    accountKey: settlementKey,
    native: ownFree < ownWanted ? ownWanted - ownFree : 0n,
    assetMicro: minBalance > 1n && ownMicro < minBalance ? minBalance - ownMicro : 0n,
  };
  if (settlement.native > 0n || settlement.assetMicro > 0n) needs.push(settlement);
  participants.forEach(({ participant }, index) => {
    if (participant.accountKey === settlementKey) return;
    const account = values[3 + index * 3] as { data: { free: Amount } };
    const holding = values[4 + index * 3];
    const approval = values[5 + index * 3] as { amount: Amount } | null;
    const left = approval === null ? 0n : amountOf(approval.amount);
    // A feeder registers its gateway, for which it needs deposits; it has no part in the money.
    const pays = participant.role !== 'feeder';
    const approves = pays && left * 2n < options.approvalMicro;
    const free = amountOf(account.data.free);
    const more = extra.get(participant.accountKey) ?? 0n;
    const wanted = keep + more + (approves ? fee : 0n) + (approval === null ? deposit : 0n);
    // Who has approved was here before and has spent what it got: it gets nothing again.
    const isNew = holding === null && approval === null;
    const first = options.balanceMicro > minBalance ? options.balanceMicro : minBalance;
    const need = {
      who: participant.id,
      accountKey: participant.accountKey,
      native: free < wanted && (approves || isNew || more > 0n) ? wanted - free : 0n,
      assetMicro: pays && isNew ? first : 0n,
    };
    if (need.native > 0n || need.assetMicro > 0n) needs.push(need);
  });
  const accounts = await readMany(
    chain,
    others.map(({ accountKey }) => [query['system']!['account']!, [id(accountKey)]]),
    blockHash,
  );
  others.forEach(({ who, accountKey }, index) => {
    const free = amountOf((accounts[index] as { data: { free: Amount } }).data.free);
    const wanted = keep + (extra.get(accountKey) ?? 0n);
    // Topped up when less than half is left, so that a start does not depend on the last approval's fee.
    if (free * 2n < wanted) needs.push({ who, accountKey, native: wanted - free, assetMicro: 0n });
  });
  return needs;
}

/** One transfer of everything that is needed, by the funded account; null when nothing is. Throws `no-collateral` with the list of who needs how much. */
export async function provision(
  options: ProvideOptions,
  funder: Signer,
  blockHash: string,
): Promise<Call | null> {
  const { chain, assetId } = options;
  const extra = (await options.extraNative?.(blockHash)) ?? new Map<string, bigint>();
  const all = await needsOf(options, extra, blockHash);
  if (all.length === 0) return null;
  const needs = all.filter(({ accountKey }) => accountKey !== funder.publicKey);
  const { tx, query } = chain.api;
  const calls = needs
    .slice(0, ACCOUNTS_MAX)
    .flatMap(({ accountKey, native, assetMicro }) => [
      ...(native > 0n ? [tx['balances']!['transferKeepAlive']!(id(accountKey), native)] : []),
      ...(assetMicro > 0n ? [tx['assets']!['transferKeepAlive']!(assetId, id(accountKey), assetMicro)] : []),
    ]);
  const call = tx['utility']!['batchAll']!(calls);
  const [asset, account, holding] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['system']!['account']!, [id(funder.publicKey)]],
      [query['assets']!['account']!, [assetId, id(funder.publicKey)]],
    ],
    blockHash,
  )) as [{ minBalance: Amount }, { data: { free: Amount } }, { balance: Amount } | null];
  const batches = BigInt(Math.ceil(needs.length / ACCOUNTS_MAX));
  const fees = (await costOf(chain, call)).feeNative * FEE_MARGIN * batches;
  const own = extra.get(funder.publicKey) ?? 0n;
  const nativeWanted = sumOf(needs.map(({ native }) => native)) + own + fees + existentialDeposit(chain);
  const assetGiven = sumOf(needs.map(({ assetMicro }) => assetMicro));
  // Its own account must stay open, and that of the settlement account has to be there.
  const assetWanted =
    assetGiven > 0n || needs.length < all.length ? assetGiven + amountOf(asset.minBalance) : 0n;
  const nativeHas = amountOf(account.data.free);
  const assetHas = holding === null ? 0n : amountOf(holding.balance);
  if (nativeHas >= nativeWanted && assetHas >= assetWanted) return calls.length === 0 ? null : call;
  const { symbol, decimals } = await nativeToken(chain);
  const native = (amount: bigint): string => `${formatUnits(amount, decimals)} ${symbol}`;
  const money = (amount: bigint): string => `${formatUnits(amount, DECIMALS)} of asset ${assetId}`;
  const list = needs.map(
    ({ who, accountKey, native: coins, assetMicro }) =>
      `  ${who} (${addressOf(accountKey)}): ${native(coins)}, ${money(assetMicro)}`,
  );
  throw new CommonwattError(
    'no-collateral',
    [
      `the account ${addressOf(funder.publicKey)} has ${native(nativeHas)} and ${money(assetHas)};`,
      `it takes ${native(nativeWanted)} and ${money(assetWanted)} to give every account what it needs:`,
      ...list,
    ].join('\n'),
    {
      remedy: `send it the rest, fund the accounts above by other means, or lower --balance`,
    },
  );
}

function amountOf(amount: Amount): bigint {
  return BigInt(amount.toString());
}

function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
