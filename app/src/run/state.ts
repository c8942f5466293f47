import {
  CommonwattError,
  canonicalJson,
  sha256Hex,
  signerFromSeed,
  type Signer,
  type SlotMinutes,
} from '@commonwatt/domain';
import type { RuleChanges } from './rules.ts';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What makes a neighbourhood this one: a state folder keeps it and refuses to go on as another. */
export interface NeighbourhoodIdentity {
  readonly homes: number;
  readonly seed: number;
  readonly slotMinutes: SlotMinutes;
  /** Absolute path of measured homes, null for synthetic ones. */
  readonly dataDir: string | null;
  /** Only where the community's rules differ from the default ones. */
  readonly rules?: RuleChanges;
}

export interface State {
  readonly dir: string;
  readonly community: string;
  readonly identity: NeighbourhoodIdentity;
  /** True when this folder was empty before. */
  readonly fresh: boolean;
  path(...names: string[]): string;
  /** The key of a participant, gateway or operator of this simulated neighbourhood. */
  signer(role: string): Signer;
  close(): void;
}

const LOCK_WAIT_MS = 20_000;

/** Name of the folder a neighbourhood gets when --state is not given: the same options go on with the same state. */
export function defaultStateName(identity: NeighbourhoodIdentity): string {
  return `${identity.dataDir === null ? 'synthetic' : 'measured'}-${identity.homes}-homes-${shortHash(identity)}`;
}

function shortHash(identity: NeighbourhoodIdentity): string {
  return sha256Hex(canonicalJson(identity)).slice(0, 8);
}

/**
 * Opens (or makes) a state folder and locks it for this process; the lock goes with the process, however it ends.
 * Errors: `conflict` when another process holds it, or when it holds another neighbourhood.
 */
export function openState(dir: string, identity: NeighbourhoodIdentity): State {
  mkdirSync(dir, { recursive: true });
  const lock = lockFolder(dir);
  const identityFile = join(dir, 'neighbourhood.json');
  const fresh = !existsSync(identityFile);
  if (fresh) {
    writeAtomically(identityFile, `${JSON.stringify({ version: 1, ...identity }, null, 2)}\n`);
  } else {
    const { version: _version, ...kept } = JSON.parse(readFileSync(identityFile, 'utf8')) as {
      version: number;
    } & NeighbourhoodIdentity;
    if (canonicalJson(kept) !== canonicalJson(identity)) {
      lock.close();
      throw new CommonwattError(
        'conflict',
        `${dir} holds another neighbourhood: ${canonicalJson(kept)}, not ${canonicalJson(identity)}`,
        {
          remedy: 'give the same --homes, --seed, --slot-minutes and --data as before, or another --state',
        },
      );
    }
  }
  const secret = loadSecret(join(dir, 'secret.key'));
  return {
    dir,
    identity,
    fresh,
    community: `commonwatt-${shortHash(identity)}`,
    path: (...names) => join(dir, ...names),
    signer: (role) => deriveSigner(secret, role),
    close: () => lock.close(),
  };
}

function lockFolder(dir: string): DatabaseSync {
  const lock = new DatabaseSync(join(dir, 'lock.sqlite'), { timeout: LOCK_WAIT_MS });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (error) {
    lock.close();
    throw new CommonwattError(
      'conflict',
      `${dir} is in use by another running neighbourhood`,
      { remedy: 'stop it first, or give another --state' },
      { cause: error },
    );
  }
  return lock;
}

function deriveSigner(secret: Buffer, role: string): Signer {
  return signerFromSeed(createHmac('sha256', secret).update(role).digest());
}

/** A key of a neighbourhood that another process runs. */
export function signerOfState(dir: string, role: string): Signer {
  return deriveSigner(loadSecret(join(dir, 'secret.key')), role);
}

function loadSecret(file: string): Buffer {
  if (!existsSync(file)) writeAtomically(file, `${randomBytes(32).toString('hex')}\n`, 0o600);
  return Buffer.from(readFileSync(file, 'utf8').trim(), 'hex');
}

/** Writes a whole file or nothing. */
export function writeAtomically(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode, flush: true });
  renameSync(temporary, file);
}
