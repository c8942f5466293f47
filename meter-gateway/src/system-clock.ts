import type { Clock } from '@commonwatt/domain';
import { pause } from './deadline.ts';

/** How far wall and monotonic time may drift apart between two looks before the wall clock is no longer believed. */
const STEP_MS = 2000;
/** A wall clock that stepped is followed only after it has stood by it for this long: NTP glitches come and go. */
const CONFIRM_MS = 60_000;

/** State of the clock: the offset that makes wall time of monotonic time, and a step that waits for confirmation. */
export interface ClockState {
  readonly offsetMs: number;
  readonly suspectOffsetMs: number | null;
  readonly suspectSinceMs: number;
  /** The latest time told; time never goes back. */
  readonly toldMs: number;
}

/**
 * One look at both clocks, purely. Small drift is followed at once; a step forward after it has lasted a minute; a step back is never
 * followed faster than time can stand still.
 */
export function lookAtClocks(
  state: ClockState,
  wallMs: number,
  monotonicMs: number,
): { readonly state: ClockState; readonly nowMs: number; readonly synchronised: boolean } {
  const offsetMs = wallMs - monotonicMs;
  let next = state;
  if (Math.abs(offsetMs - state.offsetMs) <= STEP_MS) next = { ...state, offsetMs, suspectOffsetMs: null };
  else if (state.suspectOffsetMs === null || Math.abs(offsetMs - state.suspectOffsetMs) > STEP_MS) {
    next = { ...state, suspectOffsetMs: offsetMs, suspectSinceMs: monotonicMs };
  } else if (monotonicMs - state.suspectSinceMs >= CONFIRM_MS) {
    next = { ...state, offsetMs, suspectOffsetMs: null };
  }
  const nowMs = Math.max(state.toldMs, next.offsetMs + monotonicMs);
  const behindMs = nowMs - (next.offsetMs + monotonicMs);
  const synchronised = next.suspectOffsetMs === null && behindMs <= STEP_MS;
  return { state: { ...next, toldMs: nowMs }, nowMs, synchronised };
}

/** Wall time for a gateway: runs on the monotonic clock, never goes back, and says when the wall clock cannot be believed. */
export function systemClock(
  wallMs: () => number = Date.now,
  monotonicMs: () => number = () => performance.now(),
): Clock & { synchronised(): boolean } {
  let state: ClockState = {
    offsetMs: wallMs() - monotonicMs(),
    suspectOffsetMs: null,
    suspectSinceMs: 0,
    toldMs: 0,
  };
  const look = () => {
    const seen = lookAtClocks(state, wallMs(), monotonicMs());
    state = seen.state;
    return seen;
  };
  return {
    nowMs: () => look().nowMs,
    synchronised: () => look().synchronised,
    async waitUntil(atMs, signal) {
      for (;;) {
        signal?.throwIfAborted();
        const leftMs = atMs - look().nowMs;
        if (leftMs <= 0) return;
        await pause(Math.min(leftMs, 1000), signal);
      }
    },
  };
}
