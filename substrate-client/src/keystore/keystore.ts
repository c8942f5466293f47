import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair, KeyringPair$Json } from '@polkadot/keyring/types';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { CommonwattError, signerFromSeed, type Signer } from '@commonwatt/domain';
import { accountSignerOf, type AccountSigner, type Scheme } from './account-signer.ts';

const PASSPHRASE_LENGTH_MIN = 8;
/** Where the seed stands in the key's own PKCS8 form: after its 16 bytes of header. */
const SEED_BYTES = [16, 48] as const;

/** What a keystore says without its passphrase. */
export interface KeystoreFace {
  readonly name: string;
  readonly scheme: Scheme;
  /** Raw account id, 64 hex digits. */
  readonly publicKey: string;
}

/**
 * A signing key in a file, encrypted with a passphrase: the JSON that Polkadot wallets export and import (scrypt, xsalsa20-poly1305).
 * The seed itself is never written anywhere, and never in a message. Never over another file (`conflict`).
 */
export async function createKeystore(
  path: string,
  passphrase: string,
  seed: Uint8Array,
  name: string,
  scheme: Exclude<Scheme, 'ecdsa'> = 'ed25519',
): Promise<KeystoreFace> {
  if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
    throw new CommonwattError(
      'out-of-range',
      `the passphrase of a keystore has ${PASSPHRASE_LENGTH_MIN} characters or more`,
    );
  }
  await cryptoWaitReady();
  const pair = new Keyring({ type: scheme }).addFromSeed(seed, { name });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(pair.toJson(passphrase), null, 2)}\n`, {
    mode: 0o600,
    flush: true,
  });
  try {
    // A link, because it refuses to replace: the file is there as a whole or not at all, and never over another key.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CommonwattError('conflict', `${path} is there already`, {
      record: path,
      remedy: 'give another file name: a key is never written over another one',
    });
  } finally {
    rmSync(temporary, { force: true });
  }
  return { name, scheme, publicKey: u8aToHex(pair.addressRaw).slice(2) };
}

/** The ed25519 key of a keystore. Throws `not-found`, `malformed`, or `forbidden` when the passphrase is wrong. */
export async function openKeystore(path: string, passphrase: string): Promise<Signer> {
  return signerFromSeed(await openSeed(path, passphrase));
}

/** The 32 secret bytes of an ed25519 keystore, for keys that are derived from it. Throws as `openKeystore` does. */
export async function openSeed(path: string, passphrase: string): Promise<Buffer> {
  const pair = await unlock(path, passphrase);
  if (pair.type !== 'ed25519') {
    throw new CommonwattError(
      'malformed',
      `${path} holds a key of type ${pair.type}; settlement signs with ed25519`,
      { record: path, remedy: 'make one with `commonwatt key new`' },
    );
  }
  const seed = Buffer.from(pair.encodePkcs8().subarray(...SEED_BYTES));
  if (signerFromSeed(seed).publicKey !== u8aToHex(pair.publicKey).slice(2)) {
    throw new CommonwattError('malformed', `${path} holds a key in another form`, { record: path });
  }
  return seed;
}

/** Any account of a wallet (ed25519, sr25519, ecdsa), from its exported JSON. Throws as `openKeystore` does. */
export async function openAccount(path: string, passphrase: string): Promise<AccountSigner> {
  return accountSignerOf(await unlock(path, passphrase));
}

/** Whose key a file holds; the passphrase is not needed. Throws `not-found` or `malformed`. */
export async function keystoreFace(path: string): Promise<KeystoreFace> {
  await cryptoWaitReady();
  const { pair, name } = readPair(path);
  return { name, scheme: pair.type as Scheme, publicKey: u8aToHex(pair.addressRaw).slice(2) };
}

async function unlock(path: string, passphrase: string): Promise<KeyringPair> {
  await cryptoWaitReady();
  const { pair, encrypted } = readPair(path);
  if (!encrypted) {
    throw new CommonwattError('forbidden', `${path} is not encrypted`, {
      record: path,
      remedy: 'export it again from the wallet, with a password',
    });
  }
  try {
    pair.decodePkcs8(passphrase);
  } catch {
    // Without the cause: it must not carry anything of the secret into a log.
    throw new CommonwattError('forbidden', `the passphrase does not open ${path}`, { record: path });
  }
  return pair;
}

function readPair(path: string): { pair: KeyringPair; name: string; encrypted: boolean } {
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
  try {
    const json = JSON.parse(text) as KeyringPair$Json;
    const pair = new Keyring().createFromJson(json);
    if (!['ed25519', 'sr25519', 'ecdsa'].includes(pair.type)) throw new Error(`a key of type ${pair.type}`);
    const { type } = json.encoding;
    const encrypted = Array.isArray(type) ? !type.includes('none') : type !== 'none';
    return { pair, encrypted, name: typeof json.meta?.['name'] === 'string' ? json.meta['name'] : '' };
  } catch {
    // Without the cause: a parser quotes what it read, and a file given by mistake may hold a seed.
    throw new CommonwattError('malformed', `${path} is no keystore`, { record: path });
  }
}

/** A raw key as the chain's address (SS58), for wallets and explorers; prefix 42 is any Substrate chain. */
export function addressOf(publicKey: string, prefix = 42): string {
  return new Keyring({ ss58Format: prefix }).encodeAddress(hexToU8a(`0x${publicKey}`));
}

/** The raw account id of an SS58 address of any prefix, or of 64 hex digits. Throws `malformed`. */
export function accountOf(text: string): string {
  const hex = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text)?.[1];
  if (hex !== undefined) return hex.toLowerCase();
  try {
    const raw = new Keyring().decodeAddress(text);
    if (raw.length !== 32) throw new Error('of another length');
    return u8aToHex(raw).slice(2);
  } catch {
    throw new CommonwattError('malformed', `${JSON.stringify(text.slice(0, 80))} is no account`, {
      rule: 'an account is an SS58 address, or the 64 hex digits of its key',
    });
  }
}
