import { CommonwattError, type Clock } from '@commonwatt/domain';
import { setTimeout as sleep } from 'node:timers/promises';
import { Waiters } from './waiters.ts';

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
  const waiters = new Waiters();
  const stopping = new AbortController();
  let nowMs = await ask(market, stopping.signal);
  void (async () => {
    while (!stopping.signal.aborted) {
      await sleep(ASK_MS, undefined, { signal: stopping.signal }).catch(() => {});
      const toldMs = await ask(market, stopping.signal).catch(() => nowMs);
      nowMs = Math.max(nowMs, toldMs);
      waiters.wake(nowMs);
    }
  })();
  return {
    nowMs: () => nowMs,
    waitUntil: (atMs, signal) => waiters.until(atMs, nowMs, signal),
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
