import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { canonicalJson, type Signed } from '@commonwatt/domain';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Checks signatures of a fixed set of keys on the thread pool, so that the main thread goes on reading and writing meanwhile. */
export interface SignatureVerifier {
  /** True when the signature is the key's over the payload's canonical JSON. Never rejects. */
  holds(signed: Signed<unknown>): Promise<boolean>;
}

export function createVerifier(): SignatureVerifier {
  const keys = new Map<string, KeyObject>();
  const keyObject = (hex: string): KeyObject => {
    let key = keys.get(hex);
    if (key === undefined) {
      const der = Buffer.concat([SPKI_PREFIX, Buffer.from(hex, 'hex')]);
      key = createPublicKey({ key: der, format: 'der', type: 'spki' });
      keys.set(hex, key);
    }
    return key;
  };
  return {
    holds: (signed) =>
      new Promise((resolve) => {
        try {
          verify(
            null,
            Buffer.from(canonicalJson(signed.payload)),
            keyObject(signed.key),
            Buffer.from(signed.signature, 'hex'),
            (error, holds) => resolve(error === null && holds),
          );
        } catch {
          resolve(false);
        }
      }),
  };
}
