import { createHash } from 'node:crypto';
import type { Clock } from '@commonwatt/domain';
import type { Poller } from './poller.ts';

/** How often the wall clock is watched for a step back, real ms. */
const WATCH_REAL_MS = 250;
const STEP_BACK_MS = 1000;

export interface PollLoopOptions {
  readonly clock: Clock;
  readonly pollers: readonly Poller[];
  readonly pollIntervalMs: number;
  readonly slotMs: number;
  /** Gateways of one street poll at different moments; only the boundaries are the same for all. */
  readonly name: string;
  /** A time that must not be missed between two polls; undefined when there is none. */
  readonly alsoAtMs: () => number | undefined;
  /** Called when every device has answered, or the time for it is over. */
  readonly looked: () => void;
  readonly log: (line: string) => void;
  readonly stopping: AbortSignal;
}

/** Where in its interval a gateway polls, ms. */
function phaseOf(name: string, pollIntervalMs: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE() % Math.ceil(pollIntervalMs);
}

/** The next time to look: the regular poll, the slot's boundary itself, or `alsoAtMs`, whichever comes first. */
function nextLookMs(nowMs: number, phaseMs: number, options: PollLoopOptions): number {
  const { pollIntervalMs, slotMs, alsoAtMs } = options;
  const poll = Math.floor((nowMs - phaseMs) / pollIntervalMs) * pollIntervalMs + phaseMs + pollIntervalMs;
  const boundary = Math.floor(nowMs / slotMs) * slotMs + slotMs;
  const also = alsoAtMs() ?? Infinity;
  return Math.min(poll, boundary, also > nowMs ? also : Infinity);
}

/** Looks at all devices, time and again, until it is stopped. A device that hangs holds up nobody. Never rejects. */
export async function runPollLoop(options: PollLoopOptions): Promise<void> {
  const { clock, pollers, stopping, looked } = options;
  const phaseMs = phaseOf(options.name, options.pollIntervalMs);
  // A clock that steps back would make the loop sleep until it has caught up.
  let wake = new AbortController();
  let lookMs = -Infinity;
  const watch = setInterval(() => {
    if (clock.nowMs() < lookMs - STEP_BACK_MS) wake.abort();
  }, WATCH_REAL_MS);
  watch.unref();
  try {
    while (!stopping.aborted) {
      lookMs = clock.nowMs();
      wake = new AbortController();
      const awake = AbortSignal.any([wake.signal, stopping]);
      const next = nextLookMs(lookMs, phaseMs, options);
      const asked = pollers.filter(({ hung }) => !hung).map((poller) => poller.poll());
      const lookOver = new AbortController();
      const time = clock.waitUntil(next, AbortSignal.any([lookOver.signal, awake])).catch(() => {});
      await Promise.race([Promise.all(asked), time]);
      lookOver.abort();
      if (stopping.aborted) break;
      looked();
      await clock.waitUntil(next, awake).catch(() => {});
    }
  } catch (error) {
    options.log(`the poll loop ended: ${(error as Error).message}`);
  } finally {
    clearInterval(watch);
  }
}
