import { CommonwattError } from '@commonwatt/domain';
import { RpcError } from '../chain/rpc.ts';
import { id } from '../community/batch-call.ts';
import type { RealPlace } from './real-place.ts';

type Random = (below: number) => number;

export interface ChainTroubles {
  reorganisations: number;
  /** Of more than one block. */
  deepReorganisations: number;
  chainKills: number;
  /** Stretches of empty blocks, as long as an era. */
  quietEras: number;
  poorAccounts: number;
}

const QUIET = 10;

/** Something happens to the real chain: its process is killed, its head is set back, eras pass without a payment, an approval is taken away. */
export async function disturbChain(
  place: RealPlace,
  random: Random,
  options: { floor: number; eraBlocks: number; counts: ChainTroubles; quiet: boolean },
): Promise<void> {
  const { embedded, chain } = place;
  const { floor, eraBlocks, counts } = options;
  // After a submission that was lost an era that passes is worth most.
  const what = options.quiet && random(2) === 0 ? QUIET : random(48);
  try {
    if (what === 0) {
      process.kill(embedded.pid, 'SIGKILL');
      counts.chainKills += 1;
    } else if (what <= 7) {
      const head = await chain.finalizedBlock();
      const depth = Math.min(head.number - floor, 1 + random(random(2) === 0 ? 3 : 12));
      if (depth < 1) return;
      counts.reorganisations += 1;
      if (depth > 1) counts.deepReorganisations += 1;
      await chain.rpc.call('dev_setHead', [head.number - depth]);
      await chain.rpc.call('dev_newBlock', [], { deadlineMs: 60_000 });
    } else if (what <= QUIET) {
      await chain.rpc.call('dev_newBlock', [{ count: eraBlocks }], { deadlineMs: 60_000 });
      counts.quietEras += 1;
    } else if (what <= 14) {
      counts.poorAccounts += 1;
      await setApproval(place, random(place.people.length), 0n);
    }
  } catch (error) {
    // It is down, or was killed meanwhile: that is trouble enough.
    const known = error instanceof RpcError || error instanceof CommonwattError;
    if (!known && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function healApprovals(place: RealPlace): Promise<void> {
  for (const index of place.people.keys()) await setApproval(place, index, 10n ** 12n);
}

async function setApproval(
  { chain, treasury, assetId, people }: RealPlace,
  index: number,
  amountMicro: bigint,
): Promise<void> {
  const key = [assetId, id(people[index]!.signer.publicKey), id(treasury.publicKey)];
  const approval = { amount: amountMicro.toString(), deposit: 0 };
  await chain.rpc.call('dev_setStorage', [{ Assets: { Approvals: [[key, approval]] } }], {
    deadlineMs: 60_000,
  });
}
