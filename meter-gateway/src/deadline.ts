import { CommonwattError } from '@commonwatt/domain';

/**
 * Settles within `ms` of real, monotonic time whatever the work does. Libraries leave promises pending for ever (see docs/gateway.md),
 * so every call to a device goes through here. Throws CommonwattError `unavailable` when time is up.
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new CommonwattError('unavailable', `${what}: no answer within ${ms} ms`)),
      ms,
    );
  });
  // The loser may still reject later; that must not end the process.
  work.catch(() => {});
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits in real time; ends early, without an error, when the signal fires. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

export interface Backoff {
  /** Milliseconds to wait after one more failure: doubles up to the maximum, each time somewhere in its upper half. */
  next(): number;
  reset(): void;
}

/** Exponential back-off with jitter, so that a hundred gateways do not return in the same instant. */
export function backoff(firstMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let failures = 0;
  return {
    next() {
      const ceiling = Math.min(maxMs, firstMs * 2 ** failures);
      failures = Math.min(failures + 1, 30);
      return ceiling / 2 + (random() * ceiling) / 2;
    },
    reset() {
      failures = 0;
    },
  };
}

/** A short text of any thrown value: its message's first line. modbus-serial throws objects that are no errors but have a message. */
export function reason(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  return text.split('\n', 1)[0] ?? '';
}
