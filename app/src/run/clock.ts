import type { Clock } from '@commonwatt/domain';
import { Waiters } from './waiters.ts';

const TICK_MS = 25;
/** A stall of this process or of the devices slows the simulated time down; it never makes it jump. */
const STALL_MS_MAX = 250;

export interface SimulatedClock extends Clock {
  readonly speed: number;
  start(): void;
  stop(): Promise<void>;
}

/**
 * Time of the simulated neighbourhood: `speed` times real time. The devices' world steps first (`advance`), then the time is told,
 * so nobody ever sees a time that the devices have not reached.
 */
export function createSimulatedClock(options: {
  startMs: number;
  speed: number;
  advance: (toMs: number) => Promise<{ atMs: number }>;
  onError: (error: unknown) => void;
}): SimulatedClock {
  const { speed, advance, onError } = options;
  const waiters = new Waiters();
  let nowMs = options.startMs;
  let running = false;
  let loop: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    let lastMs = performance.now();
    while (running) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      const realMs = performance.now();
      const elapsedMs = Math.min(realMs - lastMs, STALL_MS_MAX);
      lastMs = realMs;
      try {
        const { atMs } = await advance(nowMs + Math.max(1, Math.round(elapsedMs * speed)));
        nowMs = Math.max(nowMs, atMs);
      } catch (error) {
        if (running) onError(error);
        return;
      }
      waiters.wake(nowMs);
    }
  }

  return {
    speed,
    nowMs: () => nowMs,
    waitUntil: (atMs, signal) => waiters.until(atMs, nowMs, signal),
    start() {
      if (running) return;
      running = true;
      loop = run();
    },
    async stop() {
      running = false;
      await loop;
    },
  };
}
