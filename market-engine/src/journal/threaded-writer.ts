import { Worker } from 'node:worker_threads';
import type { GroupToWrite, GroupWritten, WriterThreadData } from './writer-thread.ts';

/** A disk that takes longer than this for one group is as good as none. */
const WAIT_MS_MAX = 30_000;

/** The main thread's end of `writer-thread.ts`: one group at a time is on its way. */
export class ThreadedWriter {
  readonly #worker: Worker;
  readonly #state: Int32Array;
  #sent = 0;
  #ready = false;
  #done: ((error: string | null) => void) | null = null;

  constructor(path: string) {
    const shared = new SharedArrayBuffer(8);
    this.#state = new Int32Array(shared);
    this.#worker = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: { path, shared } satisfies WriterThreadData,
    });
    this.#worker.unref();
    this.#worker.on('message', ({ number, error }: GroupWritten) => {
      if (number === 0) this.#ready = true;
      // `wait` may have been quicker, and the next group may be on its way.
      else if (number === this.#sent) this.#finish(error);
    });
    this.#worker.on('error', (error) => {
      this.#ready = false;
      this.#finish(error.message);
    });
  }

  /** True when it has started and nothing is on its way. */
  get free(): boolean {
    return this.#ready && this.#done === null;
  }

  /** Hands a group over; `done` is called once, with what went wrong or null. Only when `free`. */
  write(group: GroupToWrite, done: (error: string | null) => void): void {
    this.#done = done;
    this.#sent++;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(group);
  }

  /** Blocks until nothing is on its way; then `done` has been called. */
  wait(): void {
    if (this.#done === null) return;
    const deadlineMs = performance.now() + WAIT_MS_MAX;
    for (;;) {
      const finished = Atomics.load(this.#state, 0);
      if (finished === this.#sent) break;
      const outcome = Atomics.wait(this.#state, 0, finished, Math.max(0, deadlineMs - performance.now()));
      if (outcome === 'timed-out') return this.#finish(`the disk did not answer in ${WAIT_MS_MAX} ms`);
    }
    this.#finish(Atomics.load(this.#state, 1) === 1 ? 'a group could not be written' : null);
  }

  close(): void {
    this.wait();
    this.#ready = false;
    void this.#worker.terminate();
  }

  /** The first news of a group counts, from memory or by message. */
  #finish(error: string | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error);
  }
}
