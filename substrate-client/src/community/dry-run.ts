import { hexToU8a } from '@polkadot/util';
import type { Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { errorName } from '../chain/read-block.ts';
import { RpcError } from '../chain/rpc.ts';
import type { BlockRef, ChainPayment, PaymentRefusal } from '../chain/types.ts';
import { batchCall } from './batch-call.ts';
import { signCall } from './extrinsics.ts';

/**
 * The first payment that the chain would refuse in the state after a block. `batchAll` does not tell which of its calls failed, so
 * ever shorter beginnings of the batch are tried: `BlockBuilder_apply_extrinsic` on a copy of the state that is thrown away.
 * Null when all would go through, or the node does not let itself be asked.
 */
export async function firstRefusal(
  chain: Chain,
  assetId: number,
  signer: Signer,
  nonce: number,
  payments: readonly ChainPayment[],
  blockHash: string,
): Promise<PaymentRefusal | null> {
  const { parentHash, number } = await chain.block(blockHash);
  // The state after a block knows the hashes of the blocks before it, not its own: the era begins one earlier.
  const birth: BlockRef = { number: number - 1, hash: parentHash };
  const attempt = (count: number): Promise<string | null | undefined> => {
    const call = batchCall(chain, assetId, signer.publicKey, {
      payments: payments.slice(0, count),
      remark: '',
    });
    return tryOn(chain, signCall(chain.api, call, signer, nonce, birth).bytes, blockHash);
  };
  let error = await attempt(payments.length);
  if (error === null || error === undefined) return null;
  let [good, bad] = [0, payments.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const found = await attempt(middle);
    if (found === undefined) return null;
    if (found === null) {
      good = middle;
    } else {
      bad = middle;
      error = found;
    }
  }
  return { index: bad - 1, error };
}

/** The error an extrinsic would end with, null for none, undefined when it would not be applied at all. */
async function tryOn(chain: Chain, bytes: string, blockHash: string): Promise<string | null | undefined> {
  let answer: Uint8Array;
  try {
    answer = hexToU8a(
      await chain.rpc.call<string>('state_call', ['BlockBuilder_apply_extrinsic', bytes, blockHash]),
    );
  } catch (error) {
    if (error instanceof RpcError) return undefined;
    throw error;
  }
  // Result<Result<(), DispatchError>, TransactionValidityError>
  if (answer[0] !== 0) return undefined;
  if (answer[1] === 0) return null;
  return errorName(
    chain.api.registry,
    chain.api.registry.createType('DispatchError', answer.slice(2)) as never,
  );
}
