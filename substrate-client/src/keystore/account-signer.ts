import type { KeyringPair } from '@polkadot/keyring/types';
import { u8aToHex } from '@polkadot/util';

/** How an account signs. ecdsa accounts are named by a hash of their public key. */
export type Scheme = 'ed25519' | 'sr25519' | 'ecdsa';

/** First byte of a MultiSignature, by the order of the runtime's enum. */
export const SIGNATURE_TAG: Record<Scheme, number> = { ed25519: 0, sr25519: 1, ecdsa: 2 };

/** Signs for an account on chain. */
export interface AccountSigner {
  /** Raw account id, 64 hex digits; the public key, except for ecdsa. */
  readonly publicKey: string;
  /** ed25519 when left out. */
  readonly scheme?: Scheme;
  /** Raw signature, without a tag: 64 bytes, 65 for ecdsa. */
  signBytes(bytes: Uint8Array): Uint8Array;
}

/** A wallet's key pair as a signer; the pair must be unlocked. */
export function accountSignerOf(pair: KeyringPair): AccountSigner {
  return {
    publicKey: u8aToHex(pair.addressRaw).slice(2),
    scheme: pair.type as Scheme,
    signBytes: (bytes) => pair.sign(bytes),
  };
}
