import { multisigCrashRun } from '../src/testing/multisig-crash-run.ts';

/** The long form of the 2-of-3 crash test, by seed. Returns the totals; throws with the seed of the first run that fails. */
export async function soakMultisig(
  print: (line: string) => void,
  options: { runs?: number; firstSeed?: number } = {},
): Promise<Record<string, number>> {
  const { runs = 1000, firstSeed = 1 } = options;
  const totals: Record<string, number> = { runs: 0 };
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const counts = await multisigCrashRun(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    });
    totals['runs']! += 1;
    for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
    if ((seed - firstSeed + 1) % 100 === 0) print(`2 of 3 on the fake chain: seeds up to ${seed} hold`);
  }
  print(JSON.stringify(totals));
  return totals;
}
