import { crashRun } from '../src/testing/crash-run.ts';
import { crashSweep } from '../src/testing/crash-sweep.ts';
import { realCrashRun, socketSweep } from '../src/testing/real-crash-run.ts';
import { openRealPlace } from '../src/testing/real-place.ts';

/**
 * The long form of the crash tests: randomised lives of settlement against the fake chain and the real runtime, by seed, and every fault
 * at every step. Returns the totals; throws with the seed or the step of the first life in which something was lost, doubled or left over.
 */
export async function soakSettlement(
  print: (line: string) => void,
  options: { fakeRuns?: number; realRuns?: number; firstSeed?: number; sweeps?: boolean } = {},
): Promise<Record<string, number>> {
  const { fakeRuns = 1000, realRuns = 50, firstSeed = 1, sweeps = true } = options;
  const totals: Record<string, number> = {};
  const add = (prefix: string, counts: object): void => {
    for (const [name, count] of Object.entries(counts)) {
      totals[`${prefix}.${name}`] = (totals[`${prefix}.${name}`] ?? 0) + Number(count);
    }
  };
  const named = (seed: number) => (error: unknown) => {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  };
  print(`fake chain: seeds ${firstSeed} to ${firstSeed + fakeRuns - 1}`);
  for (let seed = firstSeed; seed < firstSeed + fakeRuns; seed += 1) {
    add('fake', { runs: 1, ...(await crashRun(seed).catch(named(seed))) });
    if ((seed - firstSeed + 1) % 100 === 0) print(`fake chain: seeds up to ${seed} hold`);
  }
  if (sweeps) {
    print('fake chain: every fault at every step');
    add('sweep', await crashSweep());
  }
  if (realRuns > 0) {
    const place = await openRealPlace();
    try {
      print(`real runtime: seeds ${firstSeed} to ${firstSeed + realRuns - 1}`);
      for (let seed = firstSeed; seed < firstSeed + realRuns; seed += 1) {
        const startedMs = performance.now();
        const counts = await realCrashRun(seed, place).catch(named(seed));
        add('real', { runs: 1, ...counts });
        const seconds = Math.round((performance.now() - startedMs) / 1000);
        print(`real runtime: seed ${seed} holds (${seconds} s) ${JSON.stringify(counts)}`);
      }
      if (sweeps) {
        print('real runtime: the socket cut before and after every message');
        const onLife = (life: number, of: number): void => {
          if (life % 10 === 9) print(`real runtime: cuts at message ${life + 1} of ${of} hold`);
        };
        add('cuts', await socketSweep(place, { onLife }));
      }
    } finally {
      await place.close();
    }
  }
  print(summary(totals));
  return totals;
}

/** One line with what the runs went through, fake and real together. */
function summary(totals: Record<string, number>): string {
  const of = (...names: string[]): number => names.reduce((sum, name) => sum + (totals[name] ?? 0), 0);
  return [
    `runs ${of('fake.runs')} fake + ${of('real.runs')} real, ${of('sweep.lives', 'cuts.lives')} with one fault at one step`,
    `crashes ${of('fake.crashes', 'real.crashes')}`,
    `dropped messages ${of('fake.droppedMessages', 'real.cutSockets', 'real.swallowedMessages')}`,
    `late or reordered ${of('fake.lateMessages', 'real.delayedMessages')}`,
    `reorganisations ${of('fake.reorganisations', 'real.reorganisations')}`,
    `expired eras ${of('fake.expiredEras', 'real.expiredEras')}`,
    `restarts of the chain ${of('fake.chainRestarts', 'real.chainKills')}`,
    `batches ${of('fake.batches', 'real.batches')}, each once`,
  ].join('; ');
}
