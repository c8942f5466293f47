import type { Chain } from '../chain/connect.ts';
import type { BatchCall } from '../chain/types.ts';
import type { Call } from './extrinsics.ts';

/** The batch as one call: all of it or nothing. */
export function batchCall(chain: Chain, assetId: number, settlementKey: string, batch: BatchCall): Call {
  const { tx } = chain.api;
  const steps = batch.payments.map(({ direction, accountKey, amountMicro }) =>
    direction === 'in'
      ? tx['assets']!['transferApproved']!(assetId, id(accountKey), id(settlementKey), amountMicro)
      : tx['assets']!['transfer']!(assetId, id(accountKey), amountMicro),
  );
  const remark = tx['system']!['remark']!(toHex(batch.remark));
  return tx['utility']!['batchAll']!([...turnCalls(chain, settlementKey, batch), ...steps, remark]);
}

/** A multisig takes its turn: it gives up the item of the turn before and makes the next one, which works once. */
function turnCalls(chain: Chain, settlementKey: string, { turn }: BatchCall): Call[] {
  if (turn === undefined) return [];
  const { collection, number } = turn;
  const uniques = chain.api.tx['uniques']!;
  const own = id(settlementKey);
  return [
    number === 1 ? uniques['create']!(collection, own) : uniques['burn']!(collection, number - 1, null),
    uniques['mint']!(collection, number, own),
  ];
}

/** A raw public key as the chain's MultiAddress or AccountId takes it. */
export function id(accountKey: string): string {
  return `0x${accountKey}`;
}

export function toHex(text: string): string {
  return `0x${Buffer.from(text, 'utf8').toString('hex')}`;
}
