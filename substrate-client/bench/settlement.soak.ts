import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain } from '../src/chain/connect.ts';
import { bootstrapCommunity } from '../src/community/bootstrap.ts';
import { startEmbeddedChain } from '../src/embedded/start.ts';
import { crashRun } from '../src/testing/crash-run.ts';
import { realCrashRun } from '../src/testing/real-crash-run.ts';
import { members, signerNamed } from '../src/testing/sample.ts';

/**
 * The long form of the crash tests: randomised lives of settlement against the fake chain and the real runtime, by seed.
 * Returns the totals; throws with the seed of the first run in which something was lost, doubled or left over.
 */
export async function soakSettlement(
  print: (line: string) => void,
  options: { fakeRuns?: number; realRuns?: number; firstSeed?: number } = {},
): Promise<Record<string, number>> {
  const { fakeRuns = 1000, realRuns = 50, firstSeed = 1 } = options;
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
  for (let seed = firstSeed; seed < firstSeed + fakeRuns; seed += 1) {
    add('fake', { runs: 1, ...(await crashRun(seed).catch(named(seed))) });
    if (seed % 100 === 0) print(`fake chain: seed ${seed} holds`);
  }
  if (realRuns > 0) {
    const folder = mkdtempSync(join(tmpdir(), 'commonwatt-soak-'));
    const embedded = await startEmbeddedChain({ dir: folder, log: () => {} });
    try {
      const chain = await connectChain({ endpoint: embedded.endpoint, log: print });
      const people = members(4);
      const treasury = signerNamed('soak treasury');
      const assetId = 1;
      await bootstrapCommunity({
        chain,
        community: 'soak',
        treasury,
        participants: people,
        assetId,
        balanceMicro: 10n ** 12n,
        approvalMicro: 10n ** 12n,
        dev: true,
      });
      for (let seed = firstSeed; seed < firstSeed + realRuns; seed += 1) {
        const counts = await realCrashRun(seed, { embedded, chain, treasury, assetId, people }).catch(
          named(seed),
        );
        add('real', { runs: 1, ...counts });
        print(`real runtime: seed ${seed} holds`);
      }
      await chain.close();
    } finally {
      await embedded.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  print(JSON.stringify(totals));
  return totals;
}
