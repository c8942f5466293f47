import { CommonwattError, type Clock } from '@commonwatt/domain';
import { setTimeout as sleep } from 'node:timers/promises';

const ASK_MS = 100;
const DEADLINE_MS = 5_000;

export interface MarketClock extends Clock {
  stop(): void;
}

/**
 * The time of a simulated neighbourhood, asked from its market (`GET /v1/clock`), for a gateway of another process. It is what the market last
 * said, so it never runs ahead; while the market is away, time stands still. Throws `unavailable` when there is no market at first.
 */
export async function followMarketClock(market: string): Promise<MarketClock> {
  const waiters = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  const stopping = new AbortController();
  let nowMs = await ask(market, stopping.signal);
  void (async () => {
    while (!stopping.signal.aborted) {
      await sleep(ASK_MS, undefined, { signal: stopping.signal }).catch(() => {});
      const toldMs = await ask(market, stopping.signal).catch(() => nowMs);
      nowMs = Math.max(nowMs, toldMs);
      for (const waiter of waiters) {
        if (waiter.atMs > nowMs) continue;
        waiters.delete(waiter);
        waiter.wake();
      }
    }
  })();
  return {
    nowMs: () => nowMs,
    waitUntil(atMs, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason as Error);
      if (atMs <= nowMs) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          waiters.delete(waiter);
          reject(signal?.reason as Error);
        };
        const waiter = {
          atMs,
          wake: () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        };
        waiters.add(waiter);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    stop: () => stopping.abort(),
  };
}

async function ask(market: string, stopping: AbortSignal): Promise<number> {
  try {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(DEADLINE_MS)]);
    const { nowMs } = (await (await fetch(`${market}/v1/clock`, { signal })).json()) as { nowMs: unknown };
    if (typeof nowMs === 'number' && Number.isFinite(nowMs)) return nowMs;
    throw new Error('it tells no time');
  } catch (error) {
    throw new CommonwattError(
      'unavailable',
      `the market at ${market} does not say what time it is`,
      {},
      { cause: error },
    );
  }
}
