import { describe, expect, it } from 'vitest';
import { crashRun } from '../testing/crash-run.ts';

/** A sample; `npm run soak` runs a thousand and more. A failing seed fails again. */
const RUNS = 40;

describe('settlement through crashes, lost answers, reorganisations and poor payers', () => {
  it(`pays every batch exactly once in ${RUNS} random lives`, { timeout: 120_000 }, async () => {
    const totals = { crashes: 0, droppedAnswers: 0, reorganisations: 0, failedOnChain: 0 };
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const result = await crashRun(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      });
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += result[name];
    }
    // The runs were as rough as they are meant to be.
    expect(totals.crashes).toBeGreaterThan(RUNS * 5);
    expect(totals.droppedAnswers).toBeGreaterThan(RUNS * 5);
    expect(totals.reorganisations).toBeGreaterThan(RUNS);
    expect(totals.failedOnChain).toBeGreaterThan(0);
  });
});
