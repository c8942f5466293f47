import { liveThrough, randomOf, scenarioOf, type CrashPoint } from '../src/service/crash-run.ts';

interface Ended {
  readonly slot: string;
  readonly state: string;
  readonly problems: readonly unknown[];
}

/**
 * Thousands of small markets, each lived through twice: calmly, and with up to eight crashes at random commits. Both must end the
 * same: every answer, every slot's records, every settled root. Throws with the seed of the first that does not.
 */
export async function soakMarket(
  print: (line: string) => void,
  options: { readonly runs?: number; readonly firstSeed?: number } = {},
): Promise<Record<string, number>> {
  const { runs = 2000, firstSeed = 1 } = options;
  let crashes = 0;
  let slots = 0;
  for (let run = 0; run < runs; run++) {
    const seed = firstSeed + run;
    const scenario = scenarioOf(seed);
    const calm = await liveThrough(scenario, []);
    for (const { slot, state, problems } of JSON.parse(calm.result) as Ended[]) {
      if (state !== 'settled' || problems.length > 0)
        throw new Error(`seed ${seed}: slot ${slot} ends ${state}: ${JSON.stringify(problems)}`);
    }
    const random = randomOf(seed + 1_000_000);
    const points: CrashPoint[] = Array.from({ length: 8 }, () => ({
      commit: random(calm.commits),
      when: random(2) === 0 ? 'before' : 'after',
    }));
    const outcome = await liveThrough(scenario, points);
    if (outcome.result !== calm.result || outcome.answers.join() !== calm.answers.join()) {
      throw new Error(`seed ${seed}: crashes at ${JSON.stringify(points)} changed how the market ended`);
    }
    crashes += outcome.crashes;
    slots += scenario.slots;
    if ((run + 1) % 100 === 0)
      print(`${run + 1} markets, ${slots} slots, ${crashes} crashes: all ended as without`);
  }
  return { soakMarkets: runs, soakSlots: slots, soakCrashes: crashes };
}

if (process.argv[1] === import.meta.filename) {
  console.log(await soakMarket(console.log, { runs: Number(process.argv[2] ?? 2000) }));
}
