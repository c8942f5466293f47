import { findUnknownExtensions } from '@polkadot/types/extrinsic/signedExtensions';
import { CommonwattError, type ErrorCode } from '@commonwatt/domain';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain } from '../chain/connect.ts';
import { id } from './batch-call.ts';
import { DECIMALS, missingCall } from './check.ts';
import { readMany } from './read-many.ts';
import { formatUnits } from './decimal.ts';
import { batchCost, paymentsMax } from './limits.ts';
import { addressOf } from '../keystore/keystore.ts';

/** One thing looked at. `note`: something is left to do without, settlement works. */
export interface ChainFinding {
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'wrong';
  readonly said: string;
  readonly remedy?: string;
  /** Of the error that a `wrong` finding becomes at a start. */
  readonly code?: ErrorCode;
}

export interface InspectOptions {
  readonly assetId: number;
  /** The account that would settle; left out, funds are not looked at. */
  readonly settlementKey?: string;
  /** Participants of a batch, for its fee; 22 when left out. */
  readonly payments?: number;
  /** Real time in which a new block has to become final; 0 leaves this check out. */
  readonly finalityWaitMs?: number;
}

/** A settlement account that can pay fewer batches than this is not taken for funded. */
const BATCHES_MIN = 10n;
const LAG_MAX = 100;
const LOOK_MS = 500;

/** Whether a community can settle on a chain: everything that is looked at, with what to do. Only reads, never a `dev_` call. */
export async function inspectChain(chain: Chain, options: InspectOptions): Promise<ChainFinding[]> {
  const findings = [await inspectRuntime(chain), await inspectFinality(chain, options.finalityWaitMs ?? 0)];
  const missing = missingCall(chain);
  findings.push(
    missing === null
      ? {
          check: 'pallets',
          verdict: 'ok',
          said: 'system, utility and assets have all calls that settlement makes',
        }
      : {
          check: 'pallets',
          verdict: 'wrong',
          code: 'conflict',
          said: `the chain has no ${missing}`,
          remedy: 'use a chain with the pallets assets and utility, such as an Asset Hub',
        },
    inspectOptional(
      chain,
      'multisig',
      ['asMulti', 'approveAsMulti'],
      'a settlement account of several nodes',
    ),
    inspectOptional(chain, 'uniques', ['create', 'mint', 'setAttribute'], 'a registry of members on chain'),
    inspectExtensions(chain),
  );
  if (missing !== null) return findings;
  findings.push(...(await inspectMoney(chain, options)));
  const most = await paymentsMax(chain, options.assetId, options.settlementKey ?? '00'.repeat(32));
  findings.push({ check: 'block limits', verdict: 'ok', said: `one batch carries up to ${most} payments` });
  return findings;
}

/** Throws the first thing that is wrong, as an error a person can act on. */
export function requireReady(chain: Chain, findings: readonly ChainFinding[]): void {
  const wrong = findings.find(({ verdict }) => verdict === 'wrong');
  if (wrong === undefined) return;
  throw new CommonwattError(wrong.code ?? 'conflict', `${wrong.said} (${chain.endpoint})`, {
    rule: `a chain that a community settles on: ${wrong.check}`,
    ...(wrong.remedy === undefined ? {} : { remedy: wrong.remedy }),
  });
}

export interface NativeToken {
  readonly symbol: string;
  readonly decimals: number;
}

/** Name and decimals of the token that fees are paid in, as the node tells them. */
export async function nativeToken(chain: Chain): Promise<NativeToken> {
  const properties = await chain.rpc.call<Record<string, unknown> | null>('system_properties');
  const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);
  const decimals = Number(first(properties?.['tokenDecimals']) ?? 12);
  return {
    symbol: String(first(properties?.['tokenSymbol']) ?? 'native'),
    decimals: Number.isInteger(decimals) && decimals >= 0 && decimals <= 36 ? decimals : 12,
  };
}

async function inspectRuntime(chain: Chain): Promise<ChainFinding> {
  const name = await chain.rpc.call<string>('system_chain');
  const { specName, specVersion } = chain.api.runtimeVersion;
  return {
    check: 'chain',
    verdict: 'ok',
    said: `${name}, runtime ${specName.toString()} ${specVersion.toString()}, genesis ${chain.genesisHash}`,
  };
}

async function inspectFinality(chain: Chain, waitMs: number): Promise<ChainFinding> {
  const check = 'finality';
  const first = await chain.finalizedBlock();
  const untilMs = performance.now() + waitMs;
  let last = first;
  while (last.number === first.number && performance.now() < untilMs) {
    await sleep(LOOK_MS);
    last = await chain.finalizedBlock();
  }
  const lag = (await chain.bestBlock()).number - last.number;
  const said = `block ${last.number} is final, ${lag} behind the best`;
  if (lag > LAG_MAX) {
    const remedy = 'wait until the node has caught up with its chain, or use another node';
    return { check, verdict: 'wrong', code: 'unavailable', said, remedy };
  }
  if (waitMs === 0 || last.number > first.number) return { check, verdict: 'ok', said };
  if (chain.isDevelopment)
    return {
      check,
      verdict: 'note',
      said: `${said}; a development chain that makes blocks when there is something to put in`,
    };
  return {
    check,
    verdict: 'wrong',
    code: 'unavailable',
    said: `${said}, and no other block became final in ${waitMs / 1000} s`,
    remedy: 'wait until the node has peers and finality moves, or use another node',
  };
}

function inspectOptional(chain: Chain, pallet: string, calls: readonly string[], what: string): ChainFinding {
  const missing = calls.find((call) => !chain.api.tx[pallet]?.[call]);
  return missing === undefined
    ? { check: pallet, verdict: 'ok', said: `the pallet is there: ${what} is possible` }
    : { check: pallet, verdict: 'note', said: `no ${pallet}.${missing}: ${what} is not possible here` };
}

/** What a transaction must carry besides the call; one that the library does not know would make every signature wrong. */
function inspectExtensions(chain: Chain): ChainFinding {
  const unknown = findUnknownExtensions([...chain.api.registry.signedExtensions]);
  return unknown.length === 0
    ? { check: 'signing', verdict: 'ok', said: 'every signed extension is known' }
    : {
        check: 'signing',
        verdict: 'note',
        said: `signed extensions that are not known here: ${unknown.join(', ')}; transactions are refused if they carry anything`,
      };
}

interface Amount {
  toString(): string;
}

async function inspectMoney(chain: Chain, options: InspectOptions): Promise<ChainFinding[]> {
  const { assetId, settlementKey } = options;
  const { query } = chain.api;
  const { hash } = await chain.finalizedBlock();
  const [asset, metadata] = (await readMany(
    chain,
    [
      [query['assets']!['asset']!, [assetId]],
      [query['assets']!['metadata']!, [assetId]],
    ],
    hash,
  )) as [
    { minBalance: Amount; isFrozen?: { isTrue: boolean }; status?: { isLive?: boolean } } | null,
    { decimals: { toNumber(): number }; symbol: { toUtf8?(): string } },
  ];
  if (asset === null) {
    return [
      {
        check: 'asset',
        verdict: 'wrong',
        code: 'not-found',
        said: `asset ${assetId} does not exist`,
        remedy: 'give the --asset-id of a euro-like asset of that chain',
      },
    ];
  }
  const decimals = metadata.decimals.toNumber();
  const symbol = metadata.symbol.toUtf8?.() ?? '';
  const minBalance = BigInt(asset.minBalance.toString());
  const isFrozen = asset.isFrozen?.isTrue === true || asset.status?.isLive === false;
  const findings: ChainFinding[] = [
    isFrozen
      ? {
          check: 'asset',
          verdict: 'wrong',
          said: `asset ${assetId} ${symbol} is frozen`,
          remedy: 'use another asset, or ask who issues it',
        }
      : {
          check: 'asset',
          verdict: 'ok',
          said: `${assetId} ${symbol}, live, an account holds at least ${formatUnits(minBalance, decimals)}`,
        },
    decimals === DECIMALS
      ? { check: 'decimals', verdict: 'ok', said: `${DECIMALS}: its smallest unit is a micro-unit` }
      : {
          check: 'decimals',
          verdict: 'wrong',
          said: `asset ${assetId} has ${decimals} decimals; settlement counts in ${DECIMALS}`,
          remedy: 'use an asset whose smallest unit is a millionth',
        },
  ];
  if (settlementKey !== undefined) findings.push(await inspectAccount(chain, options, settlementKey, hash));
  return findings;
}

async function inspectAccount(
  chain: Chain,
  { assetId, payments = 22 }: InspectOptions,
  settlementKey: string,
  blockHash: string,
): Promise<ChainFinding> {
  const [account] = (await readMany(
    chain,
    [[chain.api.query['system']!['account']!, [id(settlementKey)]]],
    blockHash,
  )) as [{ data: { free: Amount } }];
  const { symbol, decimals } = await nativeToken(chain);
  const show = (amount: bigint): string => `${formatUnits(amount, decimals)} ${symbol}`;
  const free = BigInt(account.data.free.toString());
  const keep = existentialDeposit(chain);
  const { feeNative } = await batchCost(chain, assetId, settlementKey, payments);
  const batches = free > keep && feeNative > 0n ? (free - keep) / feeNative : 0n;
  const said = `the settlement account ${addressOf(settlementKey)} has ${show(free)} for fees: about ${batches} batches of ${payments} payments`;
  if (batches >= BATCHES_MIN) return { check: 'account', verdict: 'ok', said };
  const wanted = keep + BATCHES_MIN * feeNative - free;
  return {
    check: 'account',
    verdict: 'wrong',
    code: 'no-collateral',
    said,
    remedy: `send it at least ${show(wanted)}`,
  };
}

/** What an account must keep of the native token to stay. */
export function existentialDeposit(chain: Chain): bigint {
  return BigInt(chain.api.consts['balances']?.['existentialDeposit']?.toString() ?? '0');
}

/** What an asset calls itself; '' when it has no metadata. */
export async function assetSymbol(chain: Chain, assetId: number): Promise<string> {
  const { hash } = await chain.finalizedBlock();
  const [metadata] = (await readMany(
    chain,
    [[chain.api.query['assets']!['metadata']!, [assetId]]],
    hash,
  )) as [{ symbol: { toUtf8?(): string } }];
  return metadata.symbol.toUtf8?.() ?? '';
}
