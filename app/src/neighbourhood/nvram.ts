import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CommonwattError } from '@commonwatt/domain';
import type { FeederState } from './feeder.ts';
import type { HomeState } from './home.ts';
import type { FeederSpec, HomeSpec } from './spec.ts';
import type { Kept } from './world.ts';

/**
 * What the devices keep without power. A write is done when the call returns: the file survives the process (kill -9),
 * though not a power cut (synchronous = OFF), which simulated devices need not survive.
 */
export interface Nvram {
  /** The state a home was left in, or null for a new one. Throws CommonwattError (conflict) if other devices stood there. */
  load(spec: HomeSpec): HomeState | null;
  loadFeeder(spec: FeederSpec): FeederState | null;
  /** All or nothing. */
  save(kept: readonly Kept[]): void;
  port(device: string): number;
  savePort(device: string, port: number): void;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS home (id TEXT PRIMARY KEY, spec TEXT NOT NULL, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS port (device TEXT PRIMARY KEY, port INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** How long to wait for a park that is just ending to let go of the folder. */
const LOCK_WAIT_MS = 15_000;

/** Opens the NVRAM in a folder, for one process alone. Throws CommonwattError (conflict) while another one holds it. */
export function openNvram(dir: string, lockWaitMs = LOCK_WAIT_MS): Nvram {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'nvram.sqlite');
  const db = new DatabaseSync(file, { timeout: lockWaitMs });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;');
    db.exec(SCHEMA);
    // The exclusive lock is taken by the first write and kept.
    db.exec('BEGIN IMMEDIATE; COMMIT;');
  } catch (cause) {
    throw new CommonwattError(
      'conflict',
      `${file} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
      { record: file, remedy: 'end the other run on this state folder, or give another folder' },
      { cause },
    );
  }
  const loadHome = db.prepare('SELECT spec, state FROM home WHERE id = ?');
  const saveHome = db.prepare(
    'INSERT INTO home VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state',
  );
  const loadPort = db.prepare('SELECT port FROM port WHERE device = ?');
  const savePort = db.prepare('INSERT OR REPLACE INTO port VALUES (?, ?)');
  const texts = new Map<object, string>();
  const textOf = (spec: object): string => {
    const text = texts.get(spec) ?? JSON.stringify(spec);
    texts.set(spec, text);
    return text;
  };
  const load = (spec: Kept[0]): unknown => {
    const row = loadHome.get(spec.id) as { spec: string; state: string } | undefined;
    if (!row) return null;
    if (row.spec !== textOf(spec)) {
      throw new CommonwattError('conflict', `${spec.id} was left with other devices than it has now`, {
        record: spec.id,
        rule: 'a state folder belongs to one neighbourhood: the same seed, data and options',
        remedy: 'start with the options of the first run, or give a new state folder',
      });
    }
    return JSON.parse(row.state);
  };
  return {
    load: (spec) => load(spec) as HomeState | null,
    loadFeeder: (spec) => load(spec) as FeederState | null,
    save(kept) {
      db.exec('BEGIN');
      try {
        for (const [spec, state] of kept) saveHome.run(spec.id, textOf(spec), JSON.stringify(state));
        db.exec('COMMIT');
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      }
    },
    port: (device) => Number((loadPort.get(device) as { port: number } | undefined)?.port ?? 0),
    savePort: (device, port) => void savePort.run(device, port),
    close: () => db.close(),
  };
}
