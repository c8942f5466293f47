/** Time is given, never taken: ms since 1970 UTC, wall or simulated. Deadlines on I/O are not this clock's business: they run in real, monotonic time. */
export interface Clock {
  nowMs(): number;
  /** Resolves once `nowMs() >= atMs`, at once if it is already so. Rejects with the signal's reason when aborted. */
  waitUntil(atMs: number, signal?: AbortSignal): Promise<void>;
}
