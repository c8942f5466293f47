import type { Fault } from '../bundle/read.ts';
import type { BlockRef, ChainPayment, ChainReader } from '../chain/types.ts';
import { walkBlocks } from '../chain/walk.ts';
import { partOf } from '../settlement/parts.ts';
import { parseRemark, type BatchRemark } from '../settlement/remark.ts';

/** A batch of a community that the finalized chain carried out. */
export interface Anchor extends BatchRemark {
  readonly block: BlockRef;
  readonly extrinsicHash: string;
  /** Null when the batch did something else besides payments of the asset. */
  readonly payments: readonly ChainPayment[] | null;
  readonly assetIds: readonly number[];
}

/** Which part of the chain is looked through, and who is told how far it has come. */
export interface Search {
  /** 0 when left out. */
  readonly fromBlock?: number;
  /** Nothing after it is looked at; the finalized head when left out. */
  readonly toBlock?: number;
  readonly onBlock?: (number: number, last: number) => void;
}

/** Every batch of the community by the settlement account, from the finalized chain alone, oldest first. */
export async function findAnchors(
  chain: ChainReader,
  community: string,
  settlementKey: string,
  search: Search = {},
): Promise<{ anchors: Anchor[]; head: BlockRef; faults: Fault[] }> {
  const head = await chain.finalizedBlock();
  const last = await lastBlock(chain, head, search.toBlock);
  const found: Anchor[] = [];
  for await (const block of walkBlocks(chain, search.fromBlock ?? 0, last)) {
    for (const { batch, origin, success, hash: extrinsicHash } of block.extrinsics) {
      const remark = batch && parseRemark(batch.remark);
      if (!remark || !success || origin !== settlementKey || remark.community !== community) continue;
      const { payments, assetIds } = batch;
      const { number, hash } = block;
      found.push({ ...remark, block: { number, hash }, extrinsicHash, payments, assetIds });
    }
    search.onBlock?.(block.number, last.number);
  }
  return { head, ...joinParts(found) };
}

async function lastBlock(chain: ChainReader, head: BlockRef, toBlock: number | undefined): Promise<BlockRef> {
  if (toBlock === undefined || toBlock >= head.number) return head;
  const hash = await chain.blockHashAt(toBlock);
  return hash === null ? head : { number: toBlock, hash };
}

/** Puts the parts of a batch together again: all there, in order, each once, and none without its last. */
function joinParts(found: readonly Anchor[]): { anchors: Anchor[]; faults: Fault[] } {
  const anchors: Anchor[] = [];
  const faults: Fault[] = [];
  const open = new Map<string, Anchor[]>();
  for (const anchor of found) {
    const { batchId, part } = partOf(anchor.batchId);
    const earlier = open.get(batchId) ?? [];
    if (part !== null) {
      if (part !== earlier.length + 1) {
        faults.push({
          record: `batch ${batchId}`,
          what: `part ${part} is on the chain where part ${earlier.length + 1} belongs`,
        });
      }
      open.set(batchId, [...earlier, anchor]);
      continue;
    }
    open.delete(batchId);
    const all = [...earlier, anchor];
    anchors.push({
      ...anchor,
      assetIds: [...new Set(all.flatMap(({ assetIds }) => assetIds))],
      payments: all.some(({ payments }) => payments === null)
        ? null
        : all.flatMap(({ payments }) => payments ?? []),
    });
  }
  for (const [batchId, earlier] of open) {
    faults.push({
      record: `batch ${batchId}`,
      what: `only ${earlier.length} parts of it are on the chain, not the last`,
    });
  }
  return { anchors, faults };
}
