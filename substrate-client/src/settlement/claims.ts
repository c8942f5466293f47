import { parseAmount, type ReleasedAmount, type SettlementRecord } from '@commonwatt/domain';

/** Money that the settlement account still keeps for a receiver of an earlier batch. */
export interface Claim {
  readonly participant: string;
  readonly accountKey: string;
  readonly batchId: string;
  readonly amountMicro: bigint;
}

type Claiming = Pick<SettlementRecord, 'batchId' | 'held' | 'released'>;

/**
 * What is still kept after these batches, oldest first, in the order of the batches. `overdrawn` lists what was released without
 * having been kept: that must never be.
 */
export function claimsAfter(records: readonly Claiming[]): { claims: Claim[]; overdrawn: ReleasedAmount[] } {
  const open = new Map<string, Claim>();
  const overdrawn: ReleasedAmount[] = [];
  for (const { batchId, held, released } of records) {
    for (const entry of released ?? []) {
      const key = `${entry.batchId} ${entry.participant}`;
      const claim = open.get(key);
      const left = (claim?.amountMicro ?? 0n) - parseAmount(entry.amountMicro);
      if (claim === undefined || left < 0n) overdrawn.push(entry);
      else if (left === 0n) open.delete(key);
      else open.set(key, { ...claim, amountMicro: left });
    }
    for (const { participant, accountKey, amountMicro } of held ?? []) {
      open.set(`${batchId} ${participant}`, {
        participant,
        accountKey,
        batchId,
        amountMicro: parseAmount(amountMicro),
      });
    }
  }
  return { claims: [...open.values()], overdrawn };
}

/** What is kept for each participant, used up oldest first. */
export class Purse {
  readonly #claims: { participant: string; batchId: string; left: bigint }[];
  readonly released: ReleasedAmount[] = [];

  constructor(claims: readonly Claim[]) {
    this.#claims = claims.map(({ participant, batchId, amountMicro }) => ({
      participant,
      batchId,
      left: amountMicro,
    }));
  }

  /** What is left for a participant, in micro-units. */
  of(participant: string): bigint {
    return this.#claims
      .filter((claim) => claim.participant === participant)
      .reduce((sum, { left }) => sum + left, 0n);
  }

  /** Uses up so much of it, or all when it is less; returns how much. */
  use(participant: string, amountMicro: bigint): bigint {
    let wanted = amountMicro;
    for (const claim of this.#claims) {
      if (claim.participant !== participant || claim.left === 0n || wanted === 0n) continue;
      const part = claim.left < wanted ? claim.left : wanted;
      claim.left -= part;
      wanted -= part;
      this.#note(participant, claim.batchId, part);
    }
    return amountMicro - wanted;
  }

  #note(participant: string, batchId: string, part: bigint): void {
    const at = this.released.findIndex(
      (entry) => entry.participant === participant && entry.batchId === batchId,
    );
    const before = this.released[at];
    if (before === undefined) {
      this.released.push({ participant, batchId, amountMicro: String(part) });
    } else {
      this.released[at] = { ...before, amountMicro: String(parseAmount(before.amountMicro) + part) };
    }
  }
}
