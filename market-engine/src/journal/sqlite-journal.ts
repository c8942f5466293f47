import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CommonwattError, type SlotId } from '@commonwatt/domain';
import type { Journal, JournalHooks, JournalStatistics, Numbered } from './journal.ts';
import { intakeKey, type Decision, type Intake } from './rows.ts';
import { ThreadedWriter } from './threaded-writer.ts';

/** So many rows at most share one fsync on the main thread; beyond, latency grows without a gain. */
const GROUP_MAX = 512;
/** A group of this size is load: from then on groups are written on a thread, and the main thread does not wait for the disk. */
const GROUP_FOR_THREAD = 32;

interface Row {
  readonly seq: number;
  readonly body: string;
}

/** The journal on an open database: groups what arrives together, on a thread once that is much. */
export class SqliteJournal implements Journal {
  readonly statistics: JournalStatistics = { rows: 0, commits: 0, lastCommitMs: 0 };
  failed = false;
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #hooks: JournalHooks;
  readonly #insertIntake: StatementSync;
  readonly #insertDecision: StatementSync;
  #nextSeq: number;
  #pending: { readonly seq: number; readonly row: Intake }[] = [];
  #group: PromiseWithResolvers<void> | null = null;
  #scheduled = false;
  #writer: ThreadedWriter | null = null;
  /** The group that the thread is writing. */
  #onItsWay: PromiseWithResolvers<void> | null = null;

  constructor(db: DatabaseSync, path: string, hooks: JournalHooks) {
    this.#db = db;
    this.#path = path;
    this.#hooks = hooks;
    this.#insertIntake = db.prepare('INSERT INTO intake (seq, key, body) VALUES (?, ?, ?)');
    this.#insertDecision = db.prepare('INSERT INTO decision (seq, slot, type, body) VALUES (?, ?, ?, ?)');
    const last = db
      .prepare(
        'SELECT max((SELECT coalesce(max(seq), 0) FROM intake), (SELECT coalesce(max(seq), 0) FROM decision)) AS seq',
      )
      .get() as { seq: number };
    this.#nextSeq = last.seq + 1;
  }

  append(row: Intake): Promise<void> {
    if (this.failed) return Promise.reject(unavailable());
    this.#pending.push({ seq: this.#nextSeq++, row });
    this.#group ??= Promise.withResolvers<void>();
    const { promise } = this.#group;
    if (this.#pending.length >= GROUP_MAX) this.#writeGroup();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#writeGroup();
      });
    }
    return promise;
  }

  flushed(): Promise<void> {
    if (this.failed) return Promise.reject(unavailable());
    return (this.#group ?? this.#onItsWay)?.promise ?? Promise.resolve();
  }

  commit(rows: readonly Decision[], about?: Intake): number {
    this.#writer?.wait();
    if (about !== undefined) this.#pending.push({ seq: this.#nextSeq++, row: about });
    const first = this.#nextSeq;
    this.#write(rows);
    if (this.failed) throw unavailable();
    return first;
  }

  *decisions(): Iterable<Numbered<Decision>> {
    for (const row of this.#db.prepare('SELECT seq, body FROM decision ORDER BY seq').iterate()) {
      const { seq, body } = row as unknown as Row;
      yield { seq, row: JSON.parse(body) as Decision };
    }
  }

  decisionsOf(slot: SlotId): Numbered<Decision>[] {
    return this.#read<Decision>('SELECT seq, body FROM decision WHERE slot = ? ORDER BY seq', slot);
  }

  decisionAt(seq: number): Decision | null {
    return this.#read<Decision>('SELECT seq, body FROM decision WHERE seq = ?', seq)[0]?.row ?? null;
  }

  intakeOf(slot: SlotId): Numbered<Intake>[] {
    this.#flush();
    // Keys begin with the slot and a space; '!' is the character after it.
    const range = 'SELECT seq, body FROM intake WHERE key > ? AND key < ? ORDER BY seq';
    return this.#read<Intake>(range, `${slot} `, `${slot}!`);
  }

  intakeByKey(key: string): Numbered<Intake> | null {
    this.#flush();
    return this.#read<Intake>('SELECT seq, body FROM intake WHERE key = ?', key)[0] ?? null;
  }

  close(): void {
    this.#flush();
    this.failed = true;
    this.#writer?.close();
    if (this.#db.isOpen) this.#db.close();
  }

  /** Brings everything to disk before it returns. */
  #flush(): void {
    this.#writer?.wait();
    if (this.#pending.length > 0 && !this.failed) this.#write([]);
  }

  /** Writes what has gathered: here, or under load on the thread, where one group at a time is on its way and the next gathers. */
  #writeGroup(): void {
    const { length } = this.#pending;
    if (length === 0 || this.failed || this.#onItsWay !== null) return;
    const writer = this.#writer;
    if (writer?.free !== true) {
      this.#write([]);
      const hooked = this.#hooks.beforeCommit ?? this.#hooks.afterCommit;
      if (length >= GROUP_FOR_THREAD && hooked === undefined) this.#writer ??= new ThreadedWriter(this.#path);
      return;
    }
    const group = this.#group;
    const startMs = performance.now();
    this.#onItsWay = group;
    this.#group = null;
    const rows = this.#pending.map(({ seq, row }) => [seq, intakeKey(row), JSON.stringify(row)] as const);
    this.#pending = [];
    writer.write(rows, (error) => {
      this.#onItsWay = null;
      if (error === null) {
        this.#written(rows.length, startMs);
        group?.resolve();
        this.#writeGroup();
      } else this.#fail(group, new Error(error));
    });
  }

  /** One transaction: everything pending, then the decisions. Never throws: a failure rejects the waiting and sets `failed`. */
  #write(decisions: readonly Decision[]): void {
    const pending = this.#pending;
    const group = this.#group;
    this.#pending = [];
    this.#group = null;
    try {
      if (this.failed) throw unavailable();
      const startMs = performance.now();
      this.#hooks.beforeCommit?.(this.statistics.commits);
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { seq, row } of pending) {
        this.#insertIntake.run(seq, intakeKey(row), JSON.stringify(row));
      }
      for (const row of decisions) {
        this.#insertDecision.run(
          this.#nextSeq++,
          'slot' in row ? row.slot : null,
          row.type,
          JSON.stringify(row),
        );
      }
      this.#db.exec('COMMIT');
      this.#hooks.afterCommit?.(this.statistics.commits);
      this.#written(pending.length + decisions.length, startMs);
      group?.resolve();
    } catch (error) {
      try {
        if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('ROLLBACK');
      } catch {
        // The first failure is the one to report.
      }
      this.#fail(group, error);
    }
  }

  #written(rows: number, startMs: number): void {
    this.statistics.commits++;
    this.statistics.rows += rows;
    this.statistics.lastCommitMs = performance.now() - startMs;
  }

  #fail(group: PromiseWithResolvers<void> | null, cause: unknown): void {
    this.failed = true;
    for (const waiting of [group, this.#group]) {
      // Somebody may have stopped waiting; the failure is still seen through `failed`.
      waiting?.promise.catch(() => {});
      waiting?.reject(unavailable(cause));
    }
    this.#group = null;
  }

  #read<T>(sql: string, ...values: (string | number)[]): Numbered<T>[] {
    const rows = this.#db.prepare(sql).all(...values) as unknown as Row[];
    return rows.map(({ seq, body }) => ({ seq, row: JSON.parse(body) as T }));
  }
}

function unavailable(cause?: unknown): CommonwattError {
  return new CommonwattError(
    'unavailable',
    cause === undefined
      ? "the market's journal cannot be written; nothing is taken until it is restarted"
      : `the market's journal cannot be written: ${messageOf(cause)}`,
    { remedy: 'free the disk or repair it and start the market again; send again what was not acknowledged' },
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
