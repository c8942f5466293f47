import type { Chain } from '../chain/connect.ts';
import { id } from '../community/batch-call.ts';
import type { Call } from '../community/extrinsics.ts';
import { costOf } from '../community/limits.ts';
import { readMany } from '../community/read-many.ts';
import { priceOf } from '../registry/funds.ts';
import { multisigKey, type MultisigTerms } from './account.ts';
import { turnCollection } from './turn.ts';

/** Operations that are overtaken keep their deposit until it is taken back. */
const OPERATIONS_OPEN = 4n;
/** What a signatory starts with lasts for so many approvals, each about as long as the call of some twenty homes. */
const APPROVALS = 100n;
const APPROVAL_BYTES = 2_000;

/**
 * What a multisig's accounts must have, beyond existing, before they can settle: smallest native units by account key. The account itself
 * takes a collection and an item for its turns, unless they are there after the block; each signatory pays fees and the deposits of operations.
 */
export async function multisigCost(
  chain: Chain,
  community: string,
  terms: MultisigTerms,
  blockHash: string,
): Promise<Map<string, bigint>> {
  const { query, tx, consts } = chain.api;
  const account = multisigKey(terms);
  const collection = turnCollection(community, account);
  const [exists] = await readMany(chain, [[query['uniques']!['class']!, [collection]]], blockHash);
  const calls: Call[] = [
    tx['uniques']!['create']!(collection, id(account)),
    tx['uniques']!['mint']!(collection, 1, id(account)),
  ];
  const turns = exists === null ? await priceOf(chain, tx['utility']!['batchAll']!(calls), calls) : 0n;
  const number = (name: string): bigint => BigInt(consts['multisig']?.[name]?.toString() ?? 0);
  const deposit = number('depositBase') + number('depositFactor') * BigInt(terms.threshold);
  const { feeNative } = await costOf(chain, tx['system']!['remark']!(new Uint8Array(APPROVAL_BYTES)));
  const each = OPERATIONS_OPEN * deposit + APPROVALS * feeNative;
  return new Map([...terms.signatories.map((key): [string, bigint] => [key, each]), [account, turns]]);
}
