import type { BlockRef, ChainBlock, ChainReader } from './types.ts';

/** Blocks asked for at the same time: a node far away answers many questions as fast as one. */
const AHEAD = 16;

/** The blocks of the best chain from a height up to and with `head`, oldest first; heights without a block are left out. */
export async function* walkBlocks(
  chain: ChainReader,
  fromNumber: number,
  head: BlockRef,
): AsyncGenerator<ChainBlock> {
  const read = async (number: number): Promise<ChainBlock | null> => {
    const hash = number === head.number ? head.hash : await chain.blockHashAt(number);
    return hash === null ? null : chain.block(hash);
  };
  const asked: Promise<ChainBlock | null>[] = [];
  for (let number = fromNumber; number <= head.number || asked.length > 0; number += 1) {
    if (number <= head.number) {
      const reading = read(number);
      // Its turn may never come when an earlier one fails.
      reading.catch(() => {});
      asked.push(reading);
    }
    if (number - fromNumber < AHEAD - 1 && number < head.number) continue;
    const block = await asked.shift();
    if (block) yield block;
  }
}
