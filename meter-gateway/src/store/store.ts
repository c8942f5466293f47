import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CommonwattError, type MeterReading, type Signed } from '@commonwatt/domain';
import type { DispatchRecord } from '../dispatch/record.ts';
import { reason } from '../deadline.ts';
import type { MeterMemory } from '../slots/memory.ts';

/** Whose file this is; a file of another gateway is refused. */
export interface StoreIdentity {
  readonly community: string;
  readonly gateway: string;
  readonly key: string;
}

export type DeliveryState = 'accepted' | 'duplicate' | 'rejected';

/** What must survive a kill: signed readings not yet acknowledged, and the counters they end with, always in one transaction. */
export interface Store {
  memory(): MeterMemory | undefined;
  /** Appends signed readings and the memory after them. All or nothing; on disk when it returns. */
  append(readings: readonly Signed<MeterReading>[], memory: MeterMemory): void;
  saveMemory(memory: MeterMemory): void;
  /** The oldest reading that nobody acknowledged. */
  nextPending(): Signed<MeterReading> | undefined;
  pendingCount(): number;
  acknowledge(sequence: number, state: DeliveryState): void;
  readings(fromSequence: number, limit: number): readonly Signed<MeterReading>[];
  saveDispatch(record: DispatchRecord): void;
  dispatches(limit: number): readonly DispatchRecord[];
  close(): void;
}

/** Acknowledged readings kept for the household to look at. */
const KEEP_READINGS = 3000;
const KEEP_DISPATCHES = 2000;

/** Opens or makes the file. Throws CommonwattError `conflict` for another gateway's file, `internal` when it cannot be opened. */
export function openStore(path: string, identity: StoreIdentity): Store {
  let db: DatabaseSync;
  try {
    mkdirSync(dirname(path), { recursive: true });
    db = new DatabaseSync(path);
    db.exec(`
      PRAGMA busy_timeout = 300;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS reading (
        sequence INTEGER PRIMARY KEY, slot TEXT NOT NULL, body TEXT NOT NULL, delivery TEXT
      ) STRICT;
      CREATE INDEX IF NOT EXISTS reading_pending ON reading (sequence) WHERE delivery IS NULL;
      CREATE TABLE IF NOT EXISTS dispatch (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    `);
    // The lock is taken by a write and kept until the process ends, however it does.
    db.exec('BEGIN IMMEDIATE; COMMIT;');
  } catch (error) {
    if (/locked/.test(reason(error))) {
      throw new CommonwattError('conflict', `${path} is in use by another gateway process`, {
        record: path,
        remedy: 'stop the other one; two gateways must never sign with one sequence',
      });
    }
    throw new CommonwattError('internal', `the gateway's file ${path} cannot be opened: ${reason(error)}`, {
      record: path,
      remedy: 'check the disk and the rights; a damaged file must be restored, it holds the counters',
    });
  }
  const get = db.prepare('SELECT value FROM state WHERE key = ?');
  const put = db.prepare(
    'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const insert = db.prepare('INSERT INTO reading (sequence, slot, body) VALUES (?, ?, ?)');
  const oldest = db.prepare('SELECT body FROM reading WHERE delivery IS NULL ORDER BY sequence LIMIT 1');
  const count = db.prepare('SELECT count(*) AS n FROM reading WHERE delivery IS NULL');
  const mark = db.prepare('UPDATE reading SET delivery = ? WHERE sequence = ?');
  const prune = db.prepare('DELETE FROM reading WHERE delivery IS NOT NULL AND sequence < ?');
  const range = db.prepare('SELECT body FROM reading WHERE sequence >= ? ORDER BY sequence LIMIT ?');
  const putDispatch = db.prepare('INSERT OR REPLACE INTO dispatch (id, body) VALUES (?, ?)');
  const pruneDispatch = db.prepare('DELETE FROM dispatch WHERE id <= ?');
  const lastDispatches = db.prepare('SELECT body FROM dispatch ORDER BY id DESC LIMIT ?');

  const read = <T>(key: string): T | undefined => {
    const row = get.get(key) as { value: string } | undefined;
    return row === undefined ? undefined : (JSON.parse(row.value) as T);
  };
  const bodies = <T>(rows: readonly unknown[]): T[] =>
    (rows as readonly { body: string }[]).map(({ body }) => JSON.parse(body) as T);
  const atomically = (work: () => void): void => {
    db.exec('BEGIN IMMEDIATE');
    try {
      work();
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  };

  // Without an fsync: what a power cut may take away here (an acknowledgement, a record) comes again or is not money.
  const lightly = (work: () => void): void => {
    db.exec('PRAGMA synchronous = NORMAL');
    try {
      atomically(work);
    } finally {
      db.exec('PRAGMA synchronous = FULL');
    }
  };

  const owner = read<StoreIdentity>('identity');
  if (owner === undefined) put.run('identity', JSON.stringify(identity));
  else if (
    owner.community !== identity.community ||
    owner.gateway !== identity.gateway ||
    owner.key !== identity.key
  ) {
    db.close();
    throw new CommonwattError(
      'conflict',
      `${path} belongs to gateway ${owner.gateway} of ${owner.community}`,
      {
        record: path,
        remedy: 'give every gateway and key a file of its own',
      },
    );
  }

  return {
    memory: () => read<MeterMemory>('memory'),
    append: (readings, memory) =>
      atomically(() => {
        for (const reading of readings) {
          insert.run(reading.payload.sequence, reading.payload.slot, JSON.stringify(reading));
        }
        put.run('memory', JSON.stringify(memory));
      }),
    saveMemory: (memory) => void put.run('memory', JSON.stringify(memory)),
    nextPending: () => bodies<Signed<MeterReading>>(oldest.all())[0],
    pendingCount: () => (count.get() as { n: number }).n,
    acknowledge: (sequence, state) =>
      lightly(() => {
        mark.run(state, sequence);
        prune.run(sequence - KEEP_READINGS);
      }),
    readings: (fromSequence, limit) => bodies(range.all(fromSequence, limit)),
    saveDispatch: (record) =>
      lightly(() => {
        putDispatch.run(record.id, JSON.stringify(record));
        pruneDispatch.run(record.id - KEEP_DISPATCHES);
      }),
    dispatches: (limit) => bodies<DispatchRecord>(lastDispatches.all(limit)).toReversed(),
    close: () => db.close(),
  };
}
