import type { Clock } from '@commonwatt/domain';

/** Ticks whenever something is due, and again when `wake` says that the deadlines have changed. */
export class Ticker {
  readonly #clock: Clock;
  readonly #tick: () => void;
  readonly #nextMs: () => number | null;
  #wait = new AbortController();
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(clock: Clock, tick: () => void, nextMs: () => number | null) {
    this.#clock = clock;
    this.#tick = tick;
    this.#nextMs = nextMs;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  wake(): void {
    this.#wait.abort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#tick();
      this.#wait = new AbortController();
      const { signal } = this.#wait;
      // Never a deadline that has passed: what is still due after a tick waits for something else than time.
      const atMs = Math.max(this.#nextMs() ?? Number.MAX_SAFE_INTEGER, this.#clock.nowMs() + 1);
      try {
        await (atMs === Number.MAX_SAFE_INTEGER ? untilAborted(signal) : this.#clock.waitUntil(atMs, signal));
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
