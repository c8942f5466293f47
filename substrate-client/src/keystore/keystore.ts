import { readFileSync, writeFileSync } from 'node:fs';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair, KeyringPair$Json } from '@polkadot/keyring/types';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { canonicalJson, CommonwattError, type Signer } from '@commonwatt/domain';

/**
 * A signing key in a file, encrypted with a passphrase: the JSON that Polkadot wallets export and import (scrypt, xsalsa20-poly1305).
 * The seed itself is never written anywhere, and never in a message.
 */
export async function createKeystore(
  path: string,
  passphrase: string,
  seed: Uint8Array,
  name: string,
): Promise<Signer> {
  if (passphrase.length < 8) {
    throw new CommonwattError('out-of-range', 'the passphrase of a keystore has 8 characters or more');
  }
  await cryptoWaitReady();
  const pair = new Keyring({ type: 'ed25519' }).addFromSeed(seed, { name });
  // Never over another key; readable by its owner alone.
  writeFileSync(path, `${JSON.stringify(pair.toJson(passphrase), null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  return signerOf(pair);
}

/** Throws `not-found`, `malformed`, or `forbidden` when the passphrase is wrong. */
export async function openKeystore(path: string, passphrase: string): Promise<Signer> {
  await cryptoWaitReady();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommonwattError(
      'not-found',
      `there is no keystore ${path}`,
      { record: path },
      { cause: error },
    );
  }
  let pair: KeyringPair;
  try {
    pair = new Keyring().createFromJson(JSON.parse(text) as KeyringPair$Json);
  } catch (error) {
    throw new CommonwattError('malformed', `${path} is no keystore`, { record: path }, { cause: error });
  }
  if (pair.type !== 'ed25519') {
    throw new CommonwattError(
      'malformed',
      `${path} holds a key of type ${pair.type}; settlement signs with ed25519`,
      {
        record: path,
      },
    );
  }
  try {
    pair.decodePkcs8(passphrase);
  } catch {
    // Without the cause: it must not carry anything of the secret into a log.
    throw new CommonwattError('forbidden', `the passphrase does not open ${path}`, { record: path });
  }
  return signerOf(pair);
}

function signerOf(pair: KeyringPair): Signer {
  const publicKey = u8aToHex(pair.publicKey).slice(2);
  const signBytes = (bytes: Uint8Array): Uint8Array => pair.sign(bytes);
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

/** A raw key as the chain's address (SS58), for wallets and explorers; prefix 42 is any Substrate chain. */
export function addressOf(publicKey: string, prefix = 42): string {
  return new Keyring({ ss58Format: prefix }).encodeAddress(hexToU8a(`0x${publicKey}`));
}
