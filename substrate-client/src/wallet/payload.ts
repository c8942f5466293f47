import type { GenericExtrinsic } from '@polkadot/types';
import type { SignerPayloadJSON } from '@polkadot/types/types';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2AsU8a, cryptoWaitReady, signatureVerify } from '@polkadot/util-crypto';
import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef, SignedExtrinsic } from '../chain/types.ts';
import { ERA_BLOCKS, type Call } from '../community/extrinsics.ts';
import { addressOf } from '../keystore/keystore.ts';

/** What a wallet extension signs (`signer.signPayload`), and how long it can be included. */
export interface WalletPayload {
  readonly payload: SignerPayloadJSON;
  readonly birth: BlockRef;
  readonly deathNumber: number;
}

/** Longer messages are hashed before they are signed. */
const MESSAGE_BYTES_MAX = 256;

/** A call as wallets take it, with an explicit nonce and a mortal era that begins at `birth`; `address` as the wallet writes it. */
export function walletPayload(
  chain: Chain,
  call: Call,
  accountKey: string,
  nonce: number,
  birth: BlockRef,
  address = addressOf(accountKey),
): WalletPayload {
  const { registry, runtimeVersion, genesisHash } = chain.api;
  const era = registry.createType('ExtrinsicEra', { current: birth.number, period: ERA_BLOCKS });
  const payload = registry
    .createType('SignerPayload', {
      address,
      blockHash: birth.hash,
      blockNumber: birth.number,
      era,
      genesisHash,
      method: call.method.toHex(),
      nonce,
      runtimeVersion,
      signedExtensions: registry.signedExtensions,
      tip: 0,
      version: 4,
    } as never)
    .toPayload();
  // The library writes the address with the chain's own prefix; a wallet looks for the one it knows.
  return { payload: { ...payload, address }, birth, deathNumber: era.asMortalEra.death(birth.number) };
}

/** What the signature is over. */
export function payloadMessage(chain: Chain, payload: SignerPayloadJSON): Uint8Array {
  const { registry } = chain.api;
  const bytes = registry
    .createType('ExtrinsicPayload', payload, { version: payload.version })
    .toU8a({ method: true });
  return bytes.length > MESSAGE_BYTES_MAX ? blake2AsU8a(bytes) : bytes;
}

/**
 * Payload and signature as an extrinsic. `signature` is a MultiSignature in hex (its first byte says ed25519, sr25519 or ecdsa), as extensions
 * give it. Throws `bad-signature` when it is not the account's over this payload, `malformed` when it is no signature at all.
 */
export async function sealPayload(
  chain: Chain,
  prepared: WalletPayload,
  accountKey: string,
  signature: string,
): Promise<SignedExtrinsic> {
  if (!/^0x0[0-2]([0-9a-f]{128}|[0-9a-f]{130})$/i.test(signature)) {
    throw new CommonwattError('malformed', 'this is no signature of an account', {
      field: 'signature',
      rule: '0x, one byte for ed25519 (00), sr25519 (01) or ecdsa (02), then 64 bytes (65 for ecdsa), in hex',
    });
  }
  await cryptoWaitReady();
  const { payload, birth, deathNumber } = prepared;
  const message = payloadMessage(chain, payload);
  if (!holds(message, signature, accountKey)) {
    throw new CommonwattError(
      'bad-signature',
      `the signature is not ${payload.address}'s over this payload`,
      {
        field: 'signature',
        remedy: 'sign again with the account that the payload names',
      },
    );
  }
  const { registry } = chain.api;
  const extrinsic = registry.createType(
    'Extrinsic',
    { method: registry.createType('Call', payload.method) },
    { version: payload.version },
  ) as unknown as GenericExtrinsic;
  extrinsic.addSignature(payload.address, signature as `0x${string}`, payload);
  const nonce = Number(payload.nonce);
  return { bytes: extrinsic.toHex(), hash: u8aToHex(extrinsic.hash), nonce, birth, deathNumber };
}

function holds(message: Uint8Array, signature: string, accountKey: string): boolean {
  try {
    return signatureVerify(message, signature, hexToU8a(`0x${accountKey}`)).isValid;
  } catch {
    return false;
  }
}
