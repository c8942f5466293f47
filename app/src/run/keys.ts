import { CommonwattError, signerFromSeed, type Signer } from '@commonwatt/domain';
import { createKeystore, openKeystore, openSeed } from '@commonwatt/substrate-client';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './files.ts';
import { passphraseFor, readPassphraseFile } from './passphrase.ts';

/** Files of the `keys` folder of a state folder. */
export const ROOT_FILE = 'root.json';
export const SETTLEMENT_FILE = 'settlement.json';
/** Made for a simulated neighbourhood that was given no passphrase; readable by its owner only. */
export const PASSPHRASE_FILE = 'passphrase';
/** Where earlier versions kept the root key in the clear. */
const OLD_SECRET_FILE = 'secret.key';
const SETTLEMENT_ROLE = 'treasury';

export interface KeyOptions {
  /** What the user gave; null when nothing. */
  readonly passphrase: string | null;
  /** A keystore with the settlement account, in place of the state folder's own. */
  readonly settlementKeystore?: string;
}

export interface Keys {
  /** The key of a participant, gateway or operator of this simulated neighbourhood, derived from the root key. */
  signer(role: string): Signer;
  /** The account that draws and pays on chain. */
  readonly settlement: Signer;
}

/**
 * The keys of a state folder: a root key in an encrypted keystore, from which the simulated roles are derived, and the settlement account
 * in a keystore of its own. What is missing is made; a root key in the clear, as earlier versions had it, is encrypted and removed.
 */
export async function openKeys(dir: string, options: KeyOptions): Promise<Keys> {
  const keysDir = join(dir, 'keys');
  const rootFile = join(keysDir, ROOT_FILE);
  mkdirSync(keysDir, { recursive: true, mode: 0o700 });
  const root = existsSync(rootFile)
    ? await openSeed(rootFile, await rootPassphrase(dir, options.passphrase))
    : await makeKeys(dir, options.passphrase);
  rmSync(join(dir, OLD_SECRET_FILE), { force: true });
  const given = options.settlementKeystore;
  return {
    signer: (role) => derive(root, role),
    settlement:
      given === undefined
        ? derive(root, SETTLEMENT_ROLE)
        : await openKeystore(given, await passphraseFor(given, options.passphrase)),
  };
}

/** A key of a neighbourhood that another process runs. */
export async function signerOfState(
  dir: string,
  role: string,
  passphrase: string | null = null,
): Promise<Signer> {
  const root = await openSeed(join(dir, 'keys', ROOT_FILE), await rootPassphrase(dir, passphrase));
  return derive(root, role);
}

async function makeKeys(dir: string, given: string | null): Promise<Buffer> {
  const old = oldSecret(dir);
  if (old === null && existsSync(join(dir, 'settlement.sqlite'))) {
    throw new CommonwattError('conflict', `${join(dir, 'keys', ROOT_FILE)} is missing: the keys of ${dir}`, {
      record: dir,
      remedy: 'put it back, or give another --state: new keys could not go on with this one',
    });
  }
  const seed = old ?? randomBytes(32);
  const passphrase = given ?? generatedPassphrase(dir);
  const keysDir = join(dir, 'keys');
  const settlementFile = join(keysDir, SETTLEMENT_FILE);
  // A start that was cut off here is made good by the next one: the root's file comes last, and nothing uses the keys before.
  rmSync(settlementFile, { force: true });
  const settlementSeed = createHmac('sha256', seed).update(SETTLEMENT_ROLE).digest();
  await createKeystore(settlementFile, passphrase, settlementSeed, 'settlement account');
  await createKeystore(join(keysDir, ROOT_FILE), passphrase, seed, 'root of a simulated neighbourhood');
  return seed;
}

function derive(root: Buffer, role: string): Signer {
  return signerFromSeed(createHmac('sha256', root).update(role).digest());
}

async function rootPassphrase(dir: string, given: string | null): Promise<string> {
  const file = join(dir, 'keys', PASSPHRASE_FILE);
  return existsSync(file) ? readPassphraseFile(file) : passphraseFor(`the root key of ${dir}`, given);
}

function generatedPassphrase(dir: string): string {
  const file = join(dir, 'keys', PASSPHRASE_FILE);
  if (!existsSync(file)) writeAtomically(file, `${randomBytes(24).toString('base64url')}\n`, 0o600);
  return readPassphraseFile(file);
}

function oldSecret(dir: string): Buffer | null {
  const file = join(dir, OLD_SECRET_FILE);
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new CommonwattError('malformed', `${file} is no key`, { record: file });
  }
  return Buffer.from(text, 'hex');
}
