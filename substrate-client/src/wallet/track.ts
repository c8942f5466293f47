import { CommonwattError } from '@commonwatt/domain';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef, SignedExtrinsic } from '../chain/types.ts';
import { walkBlocks } from '../chain/walk.ts';
import { submitBytes } from '../community/extrinsics.ts';

const LOOK_MS = 500;
/** A node may lose what is in its pool: the same bytes are handed in again. */
const RESUBMIT_MS = 6_000;

export interface Outcome {
  readonly block: BlockRef;
  readonly success: boolean;
  /** Why the dispatch failed, e.g. `assets.BalanceLow`. */
  readonly error: string | null;
}

/**
 * Hands the bytes in, and in again while they are in no final block: the nonce lets them count once. Resolves with what became of them on the
 * finalized chain. Throws `conflict` when the chain refuses them at first or they can never be included any more, `unavailable` at the
 * deadline, or when aborted: then they may still be included until their era ends.
 */
export async function submitOnce(
  chain: Chain,
  signed: SignedExtrinsic,
  options: { deadlineMs: number; signal?: AbortSignal },
): Promise<Outcome> {
  const untilMs = performance.now() + options.deadlineMs;
  await submitBytes(chain.rpc, signed.bytes);
  let submittedMs = performance.now();
  let next = signed.birth.number;
  for (;;) {
    const head = await chain.finalizedBlock();
    for await (const block of walkBlocks(chain, next, head)) {
      const found = block.extrinsics.find(({ hash }) => hash === signed.hash);
      if (found !== undefined)
        return {
          block: { number: block.number, hash: block.hash },
          success: found.success,
          error: found.error,
        };
    }
    next = Math.max(next, head.number + 1);
    if (head.number >= signed.deathNumber) {
      throw new CommonwattError(
        'conflict',
        `the extrinsic ${signed.hash} was not included in time and never will be`,
        {
          record: signed.hash,
          remedy: 'sign it again',
        },
      );
    }
    if (performance.now() > untilMs || options.signal?.aborted === true) {
      throw new CommonwattError('unavailable', `the extrinsic ${signed.hash} is not final in time`, {
        record: signed.hash,
        remedy: `it can still be included until block ${signed.deathNumber}; look again before you sign another`,
      });
    }
    if (performance.now() - submittedMs > RESUBMIT_MS) {
      submittedMs = performance.now();
      // Refusals mean nothing now: it may be in the pool or in a block already.
      await submitBytes(chain.rpc, signed.bytes).catch(() => {});
    }
    await sleep(LOOK_MS);
  }
}
