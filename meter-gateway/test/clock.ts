import type { Clock } from '@commonwatt/domain';

/** A clock that stands still until it is moved. */
export interface SteppedClock extends Clock {
  /** The earliest time somebody waits for. */
  next(): number | undefined;
  /** Moves the clock, back too, and wakes who has waited long enough. */
  moveTo(ms: number): void;
}

export function steppedClock(startMs: number): SteppedClock {
  let now = startMs;
  const waiters = new Set<{ atMs: number; wake: () => void }>();
  return {
    nowMs: () => now,
    next: () => (waiters.size === 0 ? undefined : Math.min(...[...waiters].map(({ atMs }) => atMs))),
    moveTo(ms) {
      now = ms;
      for (const waiter of waiters) if (waiter.atMs <= now) waiter.wake();
    },
    waitUntil(atMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        if (atMs <= now) return resolve();
        const abort = (): void => {
          waiters.delete(waiter);
          reject(signal?.reason as Error);
        };
        const waiter = {
          atMs,
          wake: () => {
            waiters.delete(waiter);
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        };
        waiters.add(waiter);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
  };
}
