import { FAULTS, faultsBy, type Fault } from './faults.ts';
import { FakeChain } from './fake-chain.ts';
import { inFolder, live } from './crash-run.ts';
import { members, randomFrom, signerNamed } from './sample.ts';

/**
 * The same short life of settlement again and again, on a chain that behaves: each time one thing happens, at one step, until every
 * fault has happened at every step. Batches in parts, a payer that cannot pay and a receiver that cannot be paid are among them.
 * Returns how many steps and lives there were; throws with the step and the fault of the first life that ends otherwise than exactly once.
 */
export async function crashSweep(stride = 1, offset = 0): Promise<{ steps: number; lives: number }> {
  const steps: boolean[] = [];
  await one((call) => {
    steps.push(call);
    return null;
  });
  let lives = 0;
  for (let at = offset; at < steps.length; at += stride) {
    // On its own disk a client can only be killed.
    for (const fault of steps[at] ? FAULTS : (['crash-before'] as const)) {
      let step = 0;
      await one(() => (step++ === at ? fault : null)).catch((error: unknown) => {
        throw new Error(`${fault} at step ${at}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      });
      lives += 1;
    }
  }
  return { steps: steps.length, lives };
}

async function one(faultAt: (call: boolean) => Fault | null): Promise<void> {
  const people = members(4);
  const means = { balanceMicro: 100_000n, approvalMicro: 100_000n };
  const chain = new FakeChain(
    signerNamed('crash treasury').publicKey,
    new Map(people.map(({ signer }) => [signer.publicKey, means])),
  );
  chain.perBatch = 3;
  chain.setAccount(people[0]!.signer.publicKey, { balanceMicro: null, canOpen: false });
  await inFolder((path) =>
    live({ random: randomFrom(4), path, faults: faultsBy(faultAt), chain, disturbed: false }),
  );
}
