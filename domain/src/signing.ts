import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

/**
 * ed25519 (RFC 8032) with raw 32-byte keys in hex, as Substrate accounts have them.
 * What is signed is the canonical JSON of the payload; every payload names its `type` and `community`, so a signature
 * for one thing never passes for another.
 */
export interface Signed<T> {
  readonly payload: T;
  /** The signer's public key, 64 hex digits. */
  readonly key: string;
  /** 128 hex digits. */
  readonly signature: string;
}

export interface Signer {
  /** 64 hex digits. */
  readonly publicKey: string;
  sign<T>(payload: T): Signed<T>;
  /** Raw signature over raw bytes, for the chain's extrinsics. */
  signBytes(bytes: Uint8Array): Uint8Array;
}

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_PATTERN = /^[0-9a-f]{64}$/;
const SIGNATURE_PATTERN = /^[0-9a-f]{128}$/;

/** A signer from a 32-byte secret seed. Throws RangeError on another length. */
export function signerFromSeed(seed: Uint8Array): Signer {
  if (seed.length !== 32) throw new RangeError(`an ed25519 seed has 32 bytes, got ${seed.length}`);
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('hex');
  const signBytes = (bytes: Uint8Array): Uint8Array => sign(null, bytes, privateKey);
  return {
    publicKey,
    signBytes,
    sign: (payload) => ({
      payload,
      key: publicKey,
      signature: Buffer.from(signBytes(Buffer.from(canonicalJson(payload)))).toString('hex'),
    }),
  };
}

const publicKeys = new Map<string, KeyObject>();
const PUBLIC_KEYS_MAX = 4096;

function publicKeyObject(hex: string): KeyObject {
  let key = publicKeys.get(hex);
  if (!key) {
    key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, Buffer.from(hex, 'hex')]),
      format: 'der',
      type: 'spki',
    });
    if (publicKeys.size >= PUBLIC_KEYS_MAX) publicKeys.clear();
    publicKeys.set(hex, key);
  }
  return key;
}

/** True when the signature holds for the payload under the key it names. False, never an exception, on any malformed part. */
export function signatureHolds(signed: Signed<unknown>): boolean {
  const { key, signature } = signed;
  if (typeof key !== 'string' || typeof signature !== 'string') return false;
  if (!KEY_PATTERN.test(key) || !SIGNATURE_PATTERN.test(signature)) return false;
  try {
    const message = Buffer.from(canonicalJson(signed.payload));
    return verify(null, message, publicKeyObject(key), Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}
