import type { Clock } from '@commonwatt/domain';

/** A clock that runs `speed` times as fast as real time from `startMs`; `step` moves it. */
export function fastClock(startMs: number, speed: number): Clock & { step(ms: number): void } {
  const origin = performance.now();
  let offsetMs = startMs;
  const nowMs = (): number => offsetMs + (performance.now() - origin) * speed;
  return {
    nowMs,
    step: (ms) => {
      offsetMs += ms;
    },
    async waitUntil(atMs, signal) {
      for (;;) {
        signal?.throwIfAborted();
        const leftMs = (atMs - nowMs()) / speed;
        if (leftMs <= 0) return;
        await new Promise<void>((resolve) => {
          const done = (): void => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', done);
            resolve();
          };
          const timer = setTimeout(done, Math.min(leftMs + 0.5, 20));
          signal?.addEventListener('abort', done, { once: true });
        });
      }
    },
  };
}
