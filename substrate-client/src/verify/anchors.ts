import type { BlockRef, ChainPayment, ChainReader } from '../chain/types.ts';
import { parseRemark, type BatchRemark } from '../settlement/remark.ts';

/** A batch of a community that the finalized chain carried out. */
export interface Anchor extends BatchRemark {
  readonly block: BlockRef;
  readonly extrinsicHash: string;
  /** Null when the batch did something else besides payments of the asset. */
  readonly payments: readonly ChainPayment[] | null;
  readonly assetIds: readonly number[];
}

/** Every batch of the community by the settlement account, from the finalized chain alone, oldest first. */
export async function findAnchors(
  chain: ChainReader,
  community: string,
  settlementKey: string,
  fromBlock = 0,
): Promise<{ anchors: Anchor[]; head: BlockRef }> {
  const head = await chain.finalizedBlock();
  const anchors: Anchor[] = [];
  for (let number = fromBlock; number <= head.number; number += 1) {
    const hash = number === head.number ? head.hash : await chain.blockHashAt(number);
    if (hash === null) continue;
    const block = await chain.block(hash);
    for (const { batch, origin, success, hash: extrinsicHash } of block.extrinsics) {
      const remark = batch && parseRemark(batch.remark);
      if (!remark || !success || origin !== settlementKey || remark.community !== community) continue;
      const { payments, assetIds } = batch;
      anchors.push({ ...remark, block: { number, hash }, extrinsicHash, payments, assetIds });
    }
  }
  return { anchors, head };
}
