import type { Chain } from '../src/chain/connect.ts';
import type { BatchCall } from '../src/chain/types.ts';
import { batchCall } from '../src/community/batch-call.ts';
import type { Call } from '../src/community/extrinsics.ts';
import { approvalCall } from '../src/multisig/signatory-chain.ts';
import { blockCost } from './settlement-costs.ts';

const KEY = '22'.repeat(32);
const SIGNATORIES = ['33', '44', '55'].map((byte) => byte.repeat(32));

/** A batch of 20 homes paid by 2 of 3 (an approval by hash, and one with the call) beside the same by a single key. */
export async function benchMultisig(
  chain: Chain,
  assetId: number,
  print: (line: string) => void,
  figures: Record<string, number>,
): Promise<void> {
  const batch: BatchCall = {
    payments: Array.from({ length: 22 }, (_, index) => ({
      direction: index < 11 ? ('in' as const) : ('out' as const),
      accountKey: KEY,
      amountMicro: 1_000_000n,
    })),
    remark: 'x'.repeat(130),
  };
  const single = await blockCost(chain, batchCall(chain, assetId, KEY, batch));
  const call = batchCall(chain, assetId, KEY, { ...batch, turn: { collection: 1, number: 2 } });
  const terms = { signatories: SIGNATORIES, threshold: 2 };
  const inner = await blockCost(chain, call);
  const approve = (withCall: boolean, own: string): Call =>
    approvalCall(
      chain,
      terms,
      own,
      { call: batch, when: withCall ? { height: 1, index: 1 } : null, withCall },
      call,
      inner.weight,
    );
  const opening = await blockCost(chain, approve(false, SIGNATORIES[0]!));
  const last = await blockCost(chain, approve(true, SIGNATORIES[1]!));
  const weight = Number(opening.weight + last.weight);
  const fee = Number(opening.feeNative + last.feeNative);
  figures['multisig.weightShare'] = weight / Number(single.weight);
  figures['multisig.feeShare'] = fee / Number(single.feeNative);
  figures['multisig.bytes'] = opening.bytes + last.bytes;
  print(
    `20 homes by 2 of 3: ${figures['multisig.weightShare'].toFixed(2)} times the weight, ${figures['multisig.feeShare'].toFixed(2)} times the fees of a single key; ${figures['multisig.bytes']} bytes in 2 extrinsics, not ${single.bytes}`,
  );
}
