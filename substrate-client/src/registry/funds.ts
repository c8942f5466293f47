import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { id } from '../community/batch-call.ts';
import { readMany } from '../community/read-many.ts';
import type { Call } from '../community/extrinsics.ts';
import { costOf } from '../community/limits.ts';
import { addressOf } from '../keystore/keystore.ts';

/** Deposits by constant, the newer name first: `uniques` was renamed from classes and instances to collections and items. */
const CREATE = ['collectionDeposit', 'classDeposit'];
const MINT = ['itemDeposit', 'instanceDeposit'];

/**
 * Throws `no-collateral`, with what is missing, unless the account can pay the deposits that the calls reserve and the fee of them together, and still
 * exists. All in the chain's smallest native unit.
 */
export async function requireFunds(
  chain: Chain,
  accountKey: string,
  whole: Call,
  calls: readonly Call[],
  blockHash: string,
): Promise<void> {
  const [account] = await readMany(
    chain,
    [[chain.api.query['system']!['account']!, [id(accountKey)]]],
    blockHash,
  );
  const free = BigInt((account as { data: { free: { toString(): string } } }).data.free.toString());
  const deposits = calls.reduce((sum, call) => sum + depositOf(chain, call), 0n);
  const { feeNative } = await costOf(chain, whole);
  const existential = constant(chain, 'balances', ['existentialDeposit']);
  const missing = deposits + feeNative + existential - free;
  if (missing <= 0n) return;
  throw new CommonwattError(
    'no-collateral',
    `the account ${addressOf(accountKey)} lacks ${missing}: it has ${free}, and needs ${deposits} for deposits, ${feeNative} for the fee and ${existential} to exist (smallest native units)`,
    {
      record: accountKey,
      rule: 'deposits come back when the entry is taken out again',
      remedy: `send it at least ${missing} of the smallest native unit`,
    },
  );
}

/** What the calls take, with room for a fee that has risen meanwhile: deposits and twice the fee. */
export async function priceOf(chain: Chain, whole: Call, calls: readonly Call[]): Promise<bigint> {
  const { feeNative } = await costOf(chain, whole);
  return calls.reduce((sum, call) => sum + depositOf(chain, call), 2n * feeNative);
}

function depositOf(chain: Chain, call: Call): bigint {
  const { section, method, args } = call.method as unknown as {
    section: string;
    method: string;
    args: readonly { toU8a(bare?: boolean): Uint8Array }[];
  };
  if (section === 'assets')
    return method === 'approveTransfer' ? constant(chain, 'assets', ['approvalDeposit']) : 0n;
  if (method === 'create') return constant(chain, 'uniques', CREATE);
  if (method === 'mint') return constant(chain, 'uniques', MINT);
  if (method !== 'setAttribute') return 0n;
  const bytes = (args[2]?.toU8a(true).length ?? 0) + (args[3]?.toU8a(true).length ?? 0);
  return (
    constant(chain, 'uniques', ['attributeDepositBase']) +
    constant(chain, 'uniques', ['depositPerByte']) * BigInt(bytes)
  );
}

function constant(chain: Chain, pallet: string, names: readonly string[]): bigint {
  const found = names.map((name) => chain.api.consts[pallet]?.[name]).find((value) => value !== undefined);
  return found === undefined ? 0n : BigInt(found.toString());
}
