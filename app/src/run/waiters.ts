/** Those who wait for a moment of a clock that is told its time: the clock wakes them whenever it moves. */
export class Waiters {
  readonly #waiting = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  /** Resolves at once if `nowMs` has reached `atMs`, else with the `wake` that does; rejects with the signal's reason when that is aborted first. */
  until(atMs: number, nowMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (atMs <= nowMs) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason as Error);
      };
      const waiter = {
        atMs,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  wake(nowMs: number): void {
    for (const waiter of this.#waiting) {
      if (waiter.atMs > nowMs) continue;
      this.#waiting.delete(waiter);
      waiter.wake();
    }
  }
}
