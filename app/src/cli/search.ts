import type { Search } from '@commonwatt/substrate-client';
import { wholeNumber } from './options.ts';

const EVERY_MS = 2000;

/** Which blocks to look through: those from --from-block on, else from where the community began. Says how far it is when it takes long. */
export function searchOf(option: string | undefined, beganAt?: number): Search {
  const given = wholeNumber('from-block', option, 0, 2 ** 32 - 1);
  const fromBlock = given ?? beganAt;
  const startedMs = performance.now();
  let saidMs = startedMs;
  return {
    ...(fromBlock === undefined ? {} : { fromBlock }),
    // Where the proof says, unless somebody wants it all looked through.
    ...(given === undefined ? {} : { toBlock: Number.MAX_SAFE_INTEGER }),
    onBlock: (number, last) => {
      const nowMs = performance.now();
      if (nowMs - saidMs < EVERY_MS) return;
      saidMs = nowMs;
      const done = number - (fromBlock ?? 0) + 1;
      const leftS = Math.round(((nowMs - startedMs) / done) * (last - number) * 0.001);
      console.error(`block ${number} of ${last} looked through, some ${leftS} s to go`);
    },
  };
}
