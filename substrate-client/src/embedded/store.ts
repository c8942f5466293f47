import { DatabaseSync, type StatementSync } from 'node:sqlite';

export interface StoredBlock {
  readonly number: number;
  readonly hash: string;
  /** The header's JSON as the RPC gives it. */
  readonly header: unknown;
  /** Hex of every extrinsic, inherents first. */
  readonly extrinsics: readonly string[];
}

export type StateDiff = Readonly<Record<string, string | null>>;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, header TEXT NOT NULL, extrinsics TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS state (key TEXT NOT NULL, number INTEGER NOT NULL, value TEXT);
  CREATE UNIQUE INDEX IF NOT EXISTS state_by_key ON state (key, number);
  CREATE INDEX IF NOT EXISTS state_by_number ON state (number);
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`;

/**
 * The chain on disk: every block, and every version of every storage key (a row per change, at the block that made it).
 * A start reads only the last block, whatever the chain's length, and any old state can be read without holding it in memory.
 * The file is locked for as long as it is open; the lock goes with the process, so nothing stale stays after a kill.
 */
export class ChainStore {
  readonly #db: DatabaseSync;
  readonly #statements: Record<
    'value' | 'tip' | 'byNumber' | 'byHash' | 'keys' | 'putBlock' | 'putState' | 'dropBlocks' | 'dropState',
    StatementSync
  >;
  readonly #numbers = new Map<string, number>();
  #tip: { number: number; hash: string } | null = null;

  /** Throws "database is locked" at once when another process has the file open. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    try {
      // Exclusive mode keeps the lock between transactions; it must be set before WAL is touched.
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      this.#db.exec('BEGIN EXCLUSIVE; COMMIT;');
      this.#db.exec(SCHEMA);
    } catch (error) {
      this.#db.close();
      throw error;
    }
    const prepare = (sql: string): StatementSync => this.#db.prepare(sql);
    this.#statements = {
      value: prepare('SELECT value FROM state WHERE key = ? AND number <= ? ORDER BY number DESC LIMIT 1'),
      tip: prepare('SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1'),
      byNumber: prepare('SELECT * FROM blocks WHERE number = ?'),
      byHash: prepare('SELECT * FROM blocks WHERE hash = ?'),
      // max() makes SQLite take `value` from the row of the latest version.
      keys: prepare(
        `SELECT key FROM (SELECT key, value, max(number) FROM state
           WHERE key > ? AND key >= ? AND key < ? AND number <= ? GROUP BY key)
         WHERE value IS NOT NULL ORDER BY key LIMIT ?`,
      ),
      putBlock: prepare('INSERT INTO blocks (number, hash, header, extrinsics) VALUES (?, ?, ?, ?)'),
      putState: prepare('INSERT OR REPLACE INTO state (key, number, value) VALUES (?, ?, ?)'),
      dropBlocks: prepare('DELETE FROM blocks WHERE number >= ?'),
      dropState: prepare('DELETE FROM state WHERE number >= ?'),
    };
    this.#readTip();
  }

  /** The last block that is safe on disk. */
  get tip(): { number: number; hash: string } | null {
    return this.#tip;
  }

  block(numberOrHash: number | string): StoredBlock | null {
    const row =
      typeof numberOrHash === 'number'
        ? this.#statements.byNumber.get(numberOrHash)
        : this.#statements.byHash.get(numberOrHash);
    if (!row) return null;
    return {
      number: Number(row['number']),
      hash: String(row['hash']),
      header: JSON.parse(String(row['header'])),
      extrinsics: JSON.parse(String(row['extrinsics'])) as string[],
    };
  }

  /** Height of a stored block, or null. */
  heightOf(hash: string): number | null {
    const known = this.#numbers.get(hash);
    if (known !== undefined) return known;
    const row = this.#statements.byHash.get(hash);
    if (!row) return null;
    if (this.#numbers.size > 1000) this.#numbers.clear();
    this.#numbers.set(hash, Number(row['number']));
    return Number(row['number']);
  }

  /** A key's value in the state after block `number`; null when it has none. */
  value(key: string, number: number): string | null {
    const value = this.#statements.value.get(key, number)?.['value'];
    return typeof value === 'string' ? value : null;
  }

  /** Keys with a prefix, in order, after `startKey`. */
  keys(prefix: string, count: number, startKey: string, number: number): string[] {
    // Keys are lower-case hex, so 'g' sorts behind every continuation of the prefix.
    const rows = this.#statements.keys.all(startKey, prefix, `${prefix}g`, number, count);
    return rows.map((row) => String(row['key'])).filter((key) => key !== startKey);
  }

  /** Appends a block and what it changed, in one transaction. Blocks of its height and above are forgotten: it replaces them. */
  append(block: StoredBlock, diff: StateDiff): void {
    this.#transaction(() => {
      this.#drop(block.number);
      const header = JSON.stringify(block.header);
      this.#statements.putBlock.run(block.number, block.hash, header, JSON.stringify(block.extrinsics));
      this.#putChanges(block.number, diff);
    });
  }

  /** Storage written from outside any block (development only): belongs to the state after `number`. */
  patch(number: number, diff: StateDiff): void {
    this.#transaction(() => this.#putChanges(number, diff));
  }

  /** Forgets all blocks above a height: a reorganisation. */
  truncateAbove(number: number): void {
    this.#transaction(() => this.#drop(number + 1));
  }

  meta(name: string): string | null {
    const value = this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'];
    return typeof value === 'string' ? value : null;
  }

  setMeta(name: string, value: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run(name, value);
  }

  close(): void {
    this.#db.close();
  }

  #drop(fromNumber: number): void {
    if (this.#tip === null || this.#tip.number < fromNumber) return;
    this.#statements.dropBlocks.run(fromNumber);
    this.#statements.dropState.run(fromNumber);
    this.#numbers.clear();
  }

  #putChanges(number: number, diff: StateDiff): void {
    for (const [key, value] of Object.entries(diff)) {
      // A diff also lists what the block only read; those rows would double the file for nothing.
      if (this.value(key, number) !== value) this.#statements.putState.run(key, number, value);
    }
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#readTip();
    }
  }

  #readTip(): void {
    const row = this.#statements.tip.get();
    this.#tip = row ? { number: Number(row['number']), hash: String(row['hash']) } : null;
  }
}
