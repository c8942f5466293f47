import { CommonwattError, canonicalJson, sha256Hex, type SlotMinutes } from '@commonwatt/domain';
import { writeAtomically } from './files.ts';
import { openKeys, type KeyOptions, type Keys } from './keys.ts';
import type { RuleChanges } from './rules.ts';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
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
  /** Only where the settlement account is a multisig. */
  readonly cosigners?: { readonly count: number; readonly threshold: number };
}

export { writeAtomically } from './files.ts';

export interface State extends Keys {
  readonly dir: string;
  readonly community: string;
  readonly identity: NeighbourhoodIdentity;
  /** True when this folder was empty before. */
  readonly fresh: boolean;
  path(...names: string[]): string;
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
 * Errors: `conflict` when another process holds it, or when it holds another neighbourhood; `forbidden` when its keys do not open.
 */
export async function openState(
  dir: string,
  identity: NeighbourhoodIdentity,
  keyOptions: KeyOptions,
): Promise<State> {
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
          remedy:
            'give the same --homes, --seed, --slot-minutes, --data, --rules, --cosigners and --threshold as before, or another --state',
        },
      );
    }
  }
  const keys = await openKeys(dir, keyOptions).catch((error: unknown) => {
    lock.close();
    throw error;
  });
  return {
    ...keys,
    dir,
    identity,
    fresh,
    community: communityName(identity),
    path: (...names) => join(dir, ...names),
    close: () => lock.close(),
  };
}

/** The community of a state folder, whether it runs or not. */
export function communityOf(dir: string): string {
  const { version: _version, ...identity } = JSON.parse(
    readFileSync(join(dir, 'neighbourhood.json'), 'utf8'),
  ) as { version: number } & NeighbourhoodIdentity;
  return communityName(identity);
}

function communityName(identity: NeighbourhoodIdentity): string {
  return `commonwatt-${shortHash(identity)}`;
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
