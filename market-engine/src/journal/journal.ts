import { DatabaseSync } from 'node:sqlite';
import { CommonwattError, type SlotId } from '@commonwatt/domain';
import type { Decision, Intake } from './rows.ts';
import { messageOf, SqliteJournal } from './sqlite-journal.ts';

export interface Numbered<T> {
  /** Position in the journal, shared by both tables. */
  readonly seq: number;
  readonly row: T;
}

/**
 * The market's memory: two append-only tables in one SQLite file (WAL, `synchronous = FULL`, so a commit is an fsync).
 * `append` is for the many rows from outside and shares one fsync among all that arrive together; `commit` is for decisions and
 * returns when they, and everything appended before them, are on disk.
 */
export interface Journal {
  /** Resolves when the row is on disk. Rejects with `unavailable` when it could not be written. */
  append(row: Intake): Promise<void>;
  /** Resolves when everything appended so far is on disk. */
  flushed(): Promise<void>;
  /** Writes at once, all or nothing, after what a decision is about; returns the seq of the first decision. Throws `unavailable`. */
  commit(rows: readonly Decision[], about?: Intake): number;
  /** All decisions, oldest first, one at a time. */
  decisions(): Iterable<Numbered<Decision>>;
  decisionsOf(slot: SlotId): Numbered<Decision>[];
  decisionAt(seq: number): Decision | null;
  intakeOf(slot: SlotId): Numbered<Intake>[];
  intakeByKey(key: string): Numbered<Intake> | null;
  readonly statistics: JournalStatistics;
  /** True once a write has failed: from then on it refuses everything, because memory may be ahead of the disk. */
  readonly failed: boolean;
  close(): void;
}

export interface JournalStatistics {
  rows: number;
  commits: number;
  lastCommitMs: number;
}

export interface JournalHooks {
  /** For tests: called around every commit with its number; throwing there is a crash at that point. */
  readonly beforeCommit?: (commit: number) => void;
  readonly afterCommit?: (commit: number) => void;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS intake (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS decision (seq INTEGER PRIMARY KEY, slot TEXT, type TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS decision_by_slot ON decision (slot);
`;

const BUSY_MS = 5000;

/** Opens or makes the file. Throws CommonwattError `unavailable` when it is no usable journal. */
export function openJournal(path: string, hooks: JournalHooks = {}): Journal {
  let db: DatabaseSync;
  try {
    // The wait must be set before the first statement: another connection may just be closing.
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    db.exec(SCHEMA);
  } catch (error) {
    throw new CommonwattError('unavailable', `cannot open the market's journal: ${messageOf(error)}`, {
      record: path,
      remedy:
        'check that the folder exists, is writable and not full, and that the file is a Commonwatt journal',
    });
  }
  return new SqliteJournal(db, path, hooks);
}
