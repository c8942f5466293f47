import {
  COMMUNITY_FUND,
  CommonwattError,
  compareIds,
  floorNanoToMicro,
  parseAmount,
  type BundleRecord,
  type NetAmount,
  type SettlementRecord,
  type SlotId,
} from '@commonwatt/domain';

/** A payer as the chain sees it just before the batch is made. Micro-units. */
export interface Means {
  readonly balanceMicro: bigint;
  readonly approvalMicro: bigint;
}

export interface SlotOfBatch {
  readonly slot: SlotId;
  readonly root: string;
  readonly records: readonly BundleRecord[];
}

/**
 * Nets of a period: the sum of everyone's statement lines over the slots, rounded once ("From nano to chain"):
 * payers up, receivers down, and the difference to the community fund, so the micro amounts sum to zero. Sorted by participant.
 * Throws `conflict` when the lines do not sum to zero, or somebody with lines has no account.
 */
export function netAmounts(slots: readonly { readonly records: readonly BundleRecord[] }[]): NetAmount[] {
  const accounts = new Map<string, string>();
  const nano = new Map<string, bigint>();
  for (const { records } of slots) {
    for (const record of records) {
      if (record.type === 'participant') accounts.set(record.participant.id, record.participant.accountKey);
      if (record.type !== 'line') continue;
      const { participant, amountNano } = record.line;
      nano.set(participant, (nano.get(participant) ?? 0n) + parseAmount(amountNano));
    }
  }
  let totalNano = 0n;
  for (const amount of nano.values()) totalNano += amount;
  if (totalNano !== 0n) {
    throw new CommonwattError(
      'conflict',
      `the statements' lines sum to ${totalNano} nano-units, not to zero`,
    );
  }
  if (accounts.has(COMMUNITY_FUND) && !nano.has(COMMUNITY_FUND)) nano.set(COMMUNITY_FUND, 0n);
  let othersMicro = 0n;
  for (const [participant, amount] of nano) {
    if (participant !== COMMUNITY_FUND) othersMicro += floorNanoToMicro(amount);
  }
  const nets: NetAmount[] = [];
  for (const participant of [...nano.keys()].sort(compareIds)) {
    const amountNano = nano.get(participant) ?? 0n;
    const amountMicro = participant === COMMUNITY_FUND ? -othersMicro : floorNanoToMicro(amountNano);
    const accountKey = accounts.get(participant);
    if (accountKey === undefined) {
      throw new CommonwattError('conflict', `${participant} has statement lines but no account`, {
        record: participant,
        remedy: 'every slot lists its participants with their accounts',
      });
    }
    nets.push({ participant, accountKey, amountNano: String(amountNano), amountMicro: String(amountMicro) });
  }
  if (!nano.has(COMMUNITY_FUND) && othersMicro !== 0n) {
    throw new CommonwattError('conflict', 'there is no community fund to take the rounding', {
      record: COMMUNITY_FUND,
    });
  }
  return nets;
}

/**
 * What the batch does with these nets and the payers' means. Payers that cannot pay are taken out; the fund covers the gap with what it
 * receives and what can be drawn from it; what is still missing cuts all receivers pro rata. Draws first, then payments, each by participant.
 */
export function settlementRecord(
  community: string,
  batchId: string,
  slots: readonly SlotOfBatch[],
  means: ReadonlyMap<string, Means>,
): SettlementRecord {
  const nets = netAmounts(slots);
  const amounts = new Map(nets.map((net) => [net.participant, parseAmount(net.amountMicro)]));
  const unpaid: { participant: string; amountMicro: string; why: string }[] = [];
  let gap = 0n;
  for (const { participant, accountKey } of nets) {
    const due = -(amounts.get(participant) ?? 0n);
    const why = due > 0n ? whyNot(due, means.get(accountKey)) : null;
    if (why === null) continue;
    unpaid.push({ participant, amountMicro: String(due), why });
    amounts.set(participant, 0n);
    gap += due;
  }
  const fundFailed = unpaid.some(({ participant }) => participant === COMMUNITY_FUND);
  const fund = amounts.get(COMMUNITY_FUND) ?? 0n;
  const fundKey = nets.find(({ participant }) => participant === COMMUNITY_FUND)?.accountKey;
  const fundDrawable = fundKey === undefined ? 0n : drawable(means.get(fundKey));
  const cover = fundFailed ? 0n : min(gap, fund + fundDrawable);
  if (cover > 0n) amounts.set(COMMUNITY_FUND, fund - cover);
  const missing = gap - cover;
  const receivers = nets
    .filter(({ participant }) => participant !== COMMUNITY_FUND && (amounts.get(participant) ?? 0n) > 0n)
    .map(({ participant, accountKey }) => ({
      participant,
      accountKey,
      amount: amounts.get(participant) ?? 0n,
    }));
  const cuts = proRata(missing, receivers);
  for (const { participant, cut } of cuts) amounts.set(participant, (amounts.get(participant) ?? 0n) - cut);
  const payments = (direction: 'in' | 'out') =>
    nets.flatMap(({ participant, accountKey }) => {
      const amount = amounts.get(participant) ?? 0n;
      const moved = direction === 'in' ? -amount : amount;
      return moved > 0n ? [{ participant, accountKey, direction, amountMicro: String(moved) }] : [];
    });
  return {
    type: 'settlement',
    community,
    batchId,
    slots: slots.map(({ slot, root }) => ({ slot, root })),
    nets,
    unpaid,
    fundCoverMicro: String(cover),
    cuts: cuts.map(({ participant, cut }) => ({ participant, amountMicro: String(cut) })),
    payments: [...payments('in'), ...payments('out')],
  };
}

/** A payer's reason not to be able to pay, or null. */
function whyNot(dueMicro: bigint, means: Means | undefined): string | null {
  if (!means) return 'no account on chain';
  if (means.balanceMicro < dueMicro) return `balance ${means.balanceMicro} below ${dueMicro} micro-units`;
  if (means.approvalMicro < dueMicro) return `approval ${means.approvalMicro} below ${dueMicro} micro-units`;
  return null;
}

function drawable(means: Means | undefined): bigint {
  return means ? min(means.balanceMicro, means.approvalMicro) : 0n;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Splits `total` by amount: floor, then one each by the largest remainder, ties by account id (its key). Zero cuts are left out. */
function proRata(
  total: bigint,
  shares: readonly { participant: string; accountKey: string; amount: bigint }[],
): { participant: string; cut: bigint }[] {
  if (total <= 0n) return [];
  const sum = shares.reduce((whole, { amount }) => whole + amount, 0n);
  if (sum < total)
    throw new CommonwattError('internal', `cannot cut ${total} from receivers of ${sum} micro-units`);
  const cuts = shares.map(({ participant, accountKey, amount }) => ({
    participant,
    accountKey,
    cut: (total * amount) / sum,
    remainder: (total * amount) % sum,
  }));
  let left = total - cuts.reduce((whole, { cut }) => whole + cut, 0n);
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
