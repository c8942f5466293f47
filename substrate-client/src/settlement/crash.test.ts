import { describe, expect, it } from 'vitest';
import { crashRun, type CrashRunResult } from '../testing/crash-run.ts';
import { crashSweep } from '../testing/crash-sweep.ts';

/** Samples; `npm run soak` runs a thousand lives and more, and every fault at every step. A failing seed fails again. */
const RUNS = 40;
const STRIDE = 23;

describe('settlement through crashes, lost and late messages, reorganisations and poor accounts', () => {
  it(`pays every batch exactly once in ${RUNS} random lives`, { timeout: 120_000 }, async () => {
    const totals: Partial<Record<keyof CrashRunResult, number>> = {};
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const result = await crashRun(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      });
      for (const name of Object.keys(result) as (keyof CrashRunResult)[])
        totals[name] = (totals[name] ?? 0) + result[name];
    }
    // The runs were as rough as they are meant to be.
    expect(totals.crashes).toBeGreaterThan(RUNS * 5);
    expect(totals.droppedMessages).toBeGreaterThan(RUNS * 5);
    expect(totals.lateMessages).toBeGreaterThan(RUNS);
    expect(totals.reorganisations).toBeGreaterThan(RUNS);
    expect(totals.finalTakenBack).toBeGreaterThan(RUNS / 2);
    expect(totals.chainRestarts).toBeGreaterThan(RUNS);
    expect(totals.expiredEras).toBeGreaterThan(RUNS);
    expect(totals.failedOnChain).toBeGreaterThan(0);
    expect(totals.heldReceivers).toBeGreaterThan(0);
  });

  it(
    `pays every batch exactly once whatever happens, at every ${STRIDE}rd step`,
    { timeout: 120_000 },
    async () => {
      const { steps, lives } = await crashSweep(STRIDE, 5);
      expect(steps).toBeGreaterThan(500);
      expect(lives).toBeGreaterThan(steps / STRIDE);
    },
  );
});
