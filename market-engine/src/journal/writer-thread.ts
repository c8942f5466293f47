import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Writes groups of intake rows on a thread of its own, one transaction and one fsync each, so that the main thread goes on reading
 * and checking while the disk works. Started by `ThreadedWriter`. The outcome is in shared memory too: somebody may be waiting for
 * it without looking at messages.
 */
export interface WriterThreadData {
  readonly path: string;
  /** [0]: groups done, whether well or not; [1]: 1 once one has failed. */
  readonly shared: SharedArrayBuffer;
}

export type GroupToWrite = readonly (readonly [seq: number, key: string, body: string])[];

/** Number 0 says that the thread has started. */
export interface GroupWritten {
  readonly number: number;
  readonly error: string | null;
}

const { path, shared } = workerData as WriterThreadData;
const state = new Int32Array(shared);
const db = new DatabaseSync(path);
db.exec('PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
const insert = db.prepare('INSERT INTO intake (seq, key, body) VALUES (?, ?, ?)');

parentPort?.on('message', (group: GroupToWrite) => {
  let error: string | null = null;
  try {
    if (Atomics.load(state, 1) === 1) throw new Error('an earlier group could not be written');
    db.exec('BEGIN IMMEDIATE');
    for (const [seq, key, body] of group) insert.run(seq, key, body);
    db.exec('COMMIT');
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
    Atomics.store(state, 1, 1);
    if (db.isTransaction) db.exec('ROLLBACK');
  }
  const number = Atomics.add(state, 0, 1) + 1;
  Atomics.notify(state, 0);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage({ number, error } satisfies GroupWritten);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage({ number: 0, error: null } satisfies GroupWritten);
