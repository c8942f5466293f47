import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain } from '../src/chain/connect.ts';
import { bootstrapCommunity } from '../src/community/bootstrap.ts';
import { startEmbeddedChain } from '../src/embedded/start.ts';
import { multisigCrashRun } from '../src/testing/multisig-crash-run.ts';
import { multisigRealRun, REAL_TERMS, type MultisigPlace } from '../src/testing/multisig-real-run.ts';
import { members, signerNamed } from '../src/testing/sample.ts';

/** The long form of the 2-of-3 crash tests, by seed. Returns the totals; throws with the seed of the first run that fails. */
export async function soakMultisig(
  print: (line: string) => void,
  options: { fakeRuns?: number; realRuns?: number; firstSeed?: number } = {},
): Promise<Record<string, number>> {
  const { fakeRuns = 1000, realRuns = 10, firstSeed = 1 } = options;
  const totals: Record<string, number> = {};
  const add = (prefix: string, counts: object): void => {
    for (const [name, count] of Object.entries(counts))
      totals[`${prefix}.${name}`] = (totals[`${prefix}.${name}`] ?? 0) + Number(count);
  };
  const named = (seed: number) => (error: unknown) => {
    throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
  };
  for (let seed = firstSeed; seed < firstSeed + fakeRuns; seed += 1) {
    add('fake', { runs: 1, ...(await multisigCrashRun(seed).catch(named(seed))) });
    if ((seed - firstSeed + 1) % 100 === 0) print(`2 of 3 on the fake chain: seeds up to ${seed} hold`);
  }
  if (realRuns > 0)
    await onRealChain(print, async (place) => {
      for (let seed = firstSeed; seed < firstSeed + realRuns; seed += 1) {
        add('real', { runs: 1, ...(await multisigRealRun(seed, place).catch(named(seed))) });
        print(`2 of 3 on the real runtime: seed ${seed} holds`);
      }
    });
  print(JSON.stringify(totals));
  return totals;
}

async function onRealChain(
  print: (line: string) => void,
  use: (place: MultisigPlace) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-multisig-soak-'));
  const embedded = await startEmbeddedChain({ dir: folder, log: () => {} });
  try {
    const chain = await connectChain({ endpoint: embedded.endpoint, log: print });
    const people = members(4);
    await bootstrapCommunity({
      chain,
      community: 'soak',
      treasury: signerNamed('soak issuer'),
      multisig: REAL_TERMS,
      participants: people,
      assetId: 1,
      balanceMicro: 10n ** 12n,
      approvalMicro: 10n ** 12n,
      dev: true,
    });
    await use({ embedded, chain, assetId: 1, people });
    await chain.close();
  } finally {
    await embedded.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
