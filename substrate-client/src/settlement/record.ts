import {
  COMMUNITY_FUND,
  compareIds,
  parseAmount,
  type HeldAmount,
  type NetAmount,
  type SettlementRecord,
} from '@commonwatt/domain';
import { Purse, type Claim } from './claims.ts';
import { proRata } from './cuts.ts';
import { drawable, whyNotPay, whyNotReceive, type Means } from './means.ts';
import { netAmounts, type SlotOfBatch } from './netting.ts';

/** Everyone a batch may pay: who has a net, and whom the settlement account keeps something for. In the order of their ids. */
export function partiesOf(
  slots: readonly SlotOfBatch[],
  claims: readonly Claim[],
): { participant: string; accountKey: string }[] {
  const accounts = new Map<string, string>(
    claims.map(({ participant, accountKey }) => [participant, accountKey]),
  );
  // An account that was changed since is paid at its new key.
  for (const { records } of slots) {
    for (const record of records) {
      if (record.type !== 'participant' || !accounts.has(record.participant.id)) continue;
      accounts.set(record.participant.id, record.participant.accountKey);
    }
  }
  for (const { participant, accountKey } of netAmounts(slots)) accounts.set(participant, accountKey);
  return [...accounts]
    .map(([participant, accountKey]) => ({ participant, accountKey }))
    .sort((a, b) => compareIds(a.participant, b.participant));
}

/**
 * What the batch does with these nets, the accounts' means and what is kept from earlier batches.
 * 1. What is kept for a payer is set against what it owes.
 * 2. Payers that cannot pay the rest are taken out. The fund covers the gap with what it receives, what is kept for it and what can be
 *    drawn from it; what is still missing cuts all receivers pro rata.
 * 3. Receivers that cannot be paid are taken out too: the settlement account keeps what is theirs. Everyone else gets, with its
 *    payment, all that is kept for it.
 * Payments are draws first, then payments out, each by participant.
 */
export function settlementRecord(
  community: string,
  batchId: string,
  slots: readonly SlotOfBatch[],
  means: ReadonlyMap<string, Means>,
  claims: readonly Claim[] = [],
): SettlementRecord {
  const nets = netAmounts(slots);
  const parties = partiesOf(slots, claims);
  const amounts = new Map(nets.map((net) => [net.participant, parseAmount(net.amountMicro)]));
  const amountOf = (participant: string): bigint => amounts.get(participant) ?? 0n;
  const purse = new Purse(claims);
  for (const { participant } of parties) {
    const due = -amountOf(participant);
    if (due > 0n) amounts.set(participant, purse.use(participant, due) - due);
  }

  const unpaid: { participant: string; amountMicro: string; why: string }[] = [];
  let gap = 0n;
  for (const { participant, accountKey } of nets) {
    const due = -amountOf(participant);
    const why = due > 0n ? whyNotPay(due, means.get(accountKey)) : null;
    if (why === null) continue;
    unpaid.push({ participant, amountMicro: String(due), why });
    amounts.set(participant, 0n);
    gap += due;
  }
  const cover = coverByFund(gap, unpaid, parties, means, amountOf(COMMUNITY_FUND), purse);
  if (cover.micro > 0n) amounts.set(COMMUNITY_FUND, amountOf(COMMUNITY_FUND) + cover.keptMicro - cover.micro);
  const receivers = nets
    .filter(({ participant }) => participant !== COMMUNITY_FUND && amountOf(participant) > 0n)
    .map(({ participant, accountKey }) => ({ participant, accountKey, amount: amountOf(participant) }));
  const cuts = proRata(gap - cover.micro, receivers);
  for (const { participant, cut } of cuts) amounts.set(participant, amountOf(participant) - cut);

  const held: HeldAmount[] = [];
  for (const { participant, accountKey } of parties) {
    const amount = amountOf(participant);
    const kept = purse.of(participant);
    if (amount < 0n || amount + kept === 0n) continue;
    const why = whyNotReceive(amount + kept, means.get(accountKey));
    if (why === null) {
      amounts.set(participant, amount + purse.use(participant, kept));
    } else if (amount > 0n) {
      held.push({ participant, accountKey, amountMicro: String(amount), why });
      amounts.set(participant, 0n);
    }
  }
  const { released } = purse;
  return {
    type: 'settlement',
    community,
    batchId,
    slots: slots.map(({ slot, root }) => ({ slot, root })),
    nets,
    unpaid,
    fundCoverMicro: String(cover.micro),
    cuts: cuts.map(({ participant, cut }) => ({ participant, amountMicro: String(cut) })),
    ...(held.length > 0 ? { held } : {}),
    ...(released.length > 0 ? { released } : {}),
    payments: paymentsOf(parties, amounts),
  };
}

/** The fund covers with what it would receive, then with what is kept for it, then with what can be drawn from it. */
function coverByFund(
  gap: bigint,
  unpaid: readonly { participant: string }[],
  parties: readonly Pick<NetAmount, 'participant' | 'accountKey'>[],
  means: ReadonlyMap<string, Means>,
  fund: bigint,
  purse: Purse,
): { micro: bigint; keptMicro: bigint } {
  if (unpaid.some(({ participant }) => participant === COMMUNITY_FUND)) return { micro: 0n, keptMicro: 0n };
  const account = parties.find(({ participant }) => participant === COMMUNITY_FUND);
  const canDraw = account === undefined ? 0n : drawable(means.get(account.accountKey));
  const most = fund + purse.of(COMMUNITY_FUND) + canDraw;
  const micro = gap < most ? gap : most;
  if (micro <= 0n) return { micro: 0n, keptMicro: 0n };
  const receives = fund > 0n ? fund : 0n;
  const keptMicro = micro > receives ? purse.use(COMMUNITY_FUND, micro - receives) : 0n;
  return { micro, keptMicro };
}

/** Amounts as the chain moves them: draws, then payments out. */
export function paymentsOf(
  parties: readonly { readonly participant: string; readonly accountKey: string }[],
  amounts: ReadonlyMap<string, bigint>,
): SettlementRecord['payments'] {
  const moved = (direction: 'in' | 'out') =>
    parties.flatMap(({ participant, accountKey }) => {
      const amount = amounts.get(participant) ?? 0n;
      const out = direction === 'in' ? -amount : amount;
      return out > 0n ? [{ participant, accountKey, direction, amountMicro: String(out) }] : [];
    });
  return [...moved('in'), ...moved('out')];
}
