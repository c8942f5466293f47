import type { Chain } from '../chain/connect.ts';
import { blockTouches } from '../chain/read-block.ts';
import type { BlockRef } from '../chain/types.ts';
import type { RegistryOnChain } from './members-of.ts';
import { readRegistry } from './read.ts';

/** Blocks looked through one by one; after a longer absence the registry is simply read. */
const BLOCKS_MAX = 64;

/**
 * Follows a registry over the finalized chain. A block without an event of `uniques` costs one question; only after one with such an
 * event is the registry read again, because the events say no more than that it is worth looking.
 */
export class RegistryFollower {
  readonly #chain: Chain;
  readonly #community: string;
  #seen: BlockRef;

  /** `seen`: the block at which the registry was read before. */
  constructor(chain: Chain, community: string, seen: BlockRef) {
    this.#chain = chain;
    this.#community = community;
    this.#seen = seen;
  }

  /** The registry at the finalized head when it may have changed since the last look, else null. Throws as `readRegistry`; then nothing is missed. */
  async look(): Promise<RegistryOnChain | null> {
    const head = await this.#chain.finalizedBlock();
    if (head.hash === this.#seen.hash) return null;
    const registry = (await this.#touched(head))
      ? await readRegistry(this.#chain, this.#community, head)
      : null;
    this.#seen = head;
    return registry;
  }

  async #touched(head: BlockRef): Promise<boolean> {
    const { number, hash } = this.#seen;
    if (head.number <= number || head.number - number > BLOCKS_MAX) return true;
    if ((await this.#chain.blockHashAt(number)) !== hash) return true;
    for (let height = number + 1; height <= head.number; height += 1) {
      const at = height === head.number ? head.hash : await this.#chain.blockHashAt(height);
      if (at === null || (await blockTouches(this.#chain.api, this.#chain.rpc, at, 'uniques'))) return true;
    }
    return false;
  }
}
