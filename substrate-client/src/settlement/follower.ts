import type { BlockRef, ChainBlock, ChainReader } from '../chain/types.ts';
import type { Ledger, Sighting } from './ledger.ts';
import { parseRemark } from './remark.ts';

/** On a chain longer than this, only so many blocks before the first look can hold a batch of ours. */
const LOOK_BACK_BLOCKS = 20_000;

/** The batches of a community in a block, by the settlement account. */
export function sightingsIn(block: ChainBlock, community: string, settlementKey: string): Sighting[] {
  return block.extrinsics.flatMap((extrinsic) => {
    const remark = extrinsic.batch && parseRemark(extrinsic.batch.remark);
    if (!remark || remark.community !== community || extrinsic.origin !== settlementKey) return [];
    return [
      {
        extrinsicHash: extrinsic.hash,
        partId: remark.batchId,
        root: remark.root,
        block: { number: block.number, hash: block.hash },
        success: extrinsic.success,
        error: extrinsic.error,
        feeNative: extrinsic.feeNative,
      },
    ];
  });
}

/**
 * Brings the ledger's picture of the finalized chain up to its head: every block is looked through once, and blocks the chain took back
 * are forgotten with the batches in them. Returns the finalized head and the batches that were undone.
 */
export async function followChain(
  chain: ChainReader & { readonly community: string; readonly settlementKey: string },
  ledger: Ledger,
): Promise<{ head: BlockRef; undone: string[] }> {
  const head = await chain.finalizedBlock();
  const undone: string[] = [];
  let tip = ledger.chainTip();
  while (tip !== null && (tip.number > head.number || (await chain.blockHashAt(tip.number)) !== tip.hash)) {
    undone.push(...ledger.dropChainTip());
    tip = ledger.chainTip();
  }
  let number = tip === null ? Math.max(0, head.number - LOOK_BACK_BLOCKS) : tip.number + 1;
  for (; number <= head.number; number += 1) {
    const hash = number === head.number ? head.hash : await chain.blockHashAt(number);
    // A reorganisation while we read: the next look starts from what still stands.
    if (hash === null) break;
    const block = await chain.block(hash);
    if (tip !== null && block.parentHash !== tip.hash) break;
    ledger.addChainBlock(block, sightingsIn(block, chain.community, chain.settlementKey));
    tip = { number, hash };
  }
  return { head: tip ?? head, undone };
}
