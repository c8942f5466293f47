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
  return tx['utility']!['batchAll']!([...steps, tx['system']!['remarkWithEvent']!(toHex(batch.remark))]);
}

/** A raw public key as the chain's MultiAddress or AccountId takes it. */
export function id(accountKey: string): string {
  return `0x${accountKey}`;
}

export function toHex(text: string): string {
  return `0x${Buffer.from(text, 'utf8').toString('hex')}`;
}
