import { CommonwattError, compareIds } from '@commonwatt/domain';

export interface Share {
  readonly participant: string;
  readonly accountKey: string;
  /** What it would receive, in micro-units. */
  readonly amount: bigint;
}

/**
 * What is missing, cut from all receivers in proportion to what they would receive: floor, then one micro-unit each by the largest
 * remainder, ties by account id (its key). Zero cuts are left out. Throws `internal` when there is less to cut from than is missing.
 */
export function proRata(
  missingMicro: bigint,
  shares: readonly Share[],
): { participant: string; cut: bigint }[] {
  if (missingMicro <= 0n) return [];
  const sum = shares.reduce((whole, { amount }) => whole + amount, 0n);
  if (sum < missingMicro)
    throw new CommonwattError('internal', `cannot cut ${missingMicro} from receivers of ${sum} micro-units`);
  const cuts = shares.map(({ participant, accountKey, amount }) => ({
    participant,
    accountKey,
    cut: (missingMicro * amount) / sum,
    remainder: (missingMicro * amount) % sum,
  }));
  let left = missingMicro - cuts.reduce((whole, { cut }) => whole + cut, 0n);
  const byRemainder = [...cuts].sort((a, b) =>
    a.remainder === b.remainder ? compareIds(a.accountKey, b.accountKey) : a.remainder < b.remainder ? 1 : -1,
  );
  for (const share of byRemainder) {
    if (left === 0n) break;
    share.cut += 1n;
    left -= 1n;
  }
  return cuts.filter(({ cut }) => cut > 0n).map(({ participant, cut }) => ({ participant, cut }));
}
