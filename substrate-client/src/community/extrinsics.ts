import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { hexToU8a, u8aConcat } from '@polkadot/util';
import { CommonwattError } from '@commonwatt/domain';
import { RpcError, type RpcSocket } from '../chain/rpc.ts';
import type { BlockRef, SignedExtrinsic } from '../chain/types.ts';
import { SIGNATURE_TAG, type AccountSigner } from '../keystore/account-signer.ts';

/** Blocks a signed extrinsic stays valid. A power of two, as eras are. */
export const ERA_BLOCKS = 64;

export type Call = SubmittableExtrinsic<'promise'>;

/** Signs a call with an explicit nonce and a mortal era that begins at `birth`. Nothing is asked from the chain. */
export function signCall(
  api: ApiPromise,
  call: Call,
  signer: AccountSigner,
  nonce: number,
  birth: BlockRef,
  eraBlocks = ERA_BLOCKS,
): SignedExtrinsic {
  const tag = new Uint8Array([SIGNATURE_TAG[signer.scheme ?? 'ed25519']]);
  const addressRaw = hexToU8a(`0x${signer.publicKey}`);
  const pair = {
    address: api.registry.createType('AccountId', addressRaw).toString(),
    addressRaw,
    publicKey: addressRaw,
    sign: (message: Uint8Array) => u8aConcat(tag, signer.signBytes(message)),
  };
  const era = api.registry.createType('ExtrinsicEra', { current: birth.number, period: eraBlocks });
  // A fresh object: signing changes it, and a caller may sign the same call again.
  const extrinsic = api.tx(call.method as never);
  extrinsic.sign(pair as never, {
    blockHash: birth.hash,
    genesisHash: api.genesisHash,
    runtimeVersion: api.runtimeVersion,
    nonce,
    era,
  });
  return {
    bytes: extrinsic.toHex(),
    hash: extrinsic.hash.toHex(),
    nonce,
    birth,
    deathNumber: era.asMortalEra.death(birth.number),
  };
}

/** Hands bytes to the node, once. `conflict`: the chain refuses them now; `unavailable`: nothing is known, they may be in. */
export async function submitBytes(rpc: RpcSocket, bytes: string): Promise<void> {
  try {
    await rpc.call('author_submitExtrinsic', [bytes], { once: true });
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    throw new CommonwattError(
      'conflict',
      `the chain refuses the extrinsic: ${error.message}`,
      {},
      { cause: error },
    );
  }
}
