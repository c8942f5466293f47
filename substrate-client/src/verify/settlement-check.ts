import {
  canonicalJson,
  COMMUNITY_FUND,
  compareIds,
  parseAmount,
  type SettlementRecord,
} from '@commonwatt/domain';
import type { Fault } from '../bundle/read.ts';
import { proRata, type Share } from '../settlement/cuts.ts';
import { netAmounts, type SlotOfBatch } from '../settlement/netting.ts';
import { paymentsOf } from '../settlement/record.ts';
import type { Anchor } from './anchors.ts';

/** Nets follow from the statements, and payments from nets, cover and cuts: every line of the settlement record is recomputed. */
export function checkNets(record: SettlementRecord, slots: readonly SlotOfBatch[]): Fault[] {
  let nets: SettlementRecord['nets'];
  try {
    nets = netAmounts(slots);
  } catch (error) {
    return [{ record: 'settlement nets', what: error instanceof Error ? error.message : String(error) }];
  }
  return differences('net', nets, record.nets);
}

/**
 * Payments = nets, with what is released from earlier batches, less who cannot pay, less the fund's cover, less the cuts, less what is
 * kept for those who cannot be paid. What comes in and what goes out differ by exactly what is kept and released.
 */
export function checkPayments(record: SettlementRecord): Fault[] {
  const faults: Fault[] = [];
  const amounts = new Map(record.nets.map((net) => [net.participant, parseAmount(net.amountMicro)]));
  const change = (participant: string, byMicro: bigint): void => {
    amounts.set(participant, (amounts.get(participant) ?? 0n) + byMicro);
  };
  const receivers = record.nets.flatMap(({ participant, accountKey, amountMicro }) => {
    const amount = parseAmount(amountMicro);
    return amount > 0n && participant !== COMMUNITY_FUND ? [{ participant, accountKey, amount }] : [];
  });
  let kept = 0n;
  for (const { participant, amountMicro } of record.released ?? []) {
    const released = parseAmount(amountMicro);
    if (released <= 0n) faults.push({ record: `settlement released ${participant}`, what: 'is nothing' });
    change(participant, released);
    kept -= released;
  }
  let gap = 0n;
  for (const { participant, amountMicro } of record.unpaid) {
    const due = parseAmount(amountMicro);
    if (due <= 0n || amounts.get(participant) !== -due) {
      faults.push({ record: `settlement unpaid ${participant}`, what: 'is not what the participant owed' });
    }
    change(participant, due);
    gap += due;
  }
  const cover = parseAmount(record.fundCoverMicro);
  change(COMMUNITY_FUND, -cover);
  if (cover < 0n || cover > gap) {
    faults.push({ record: 'settlement fundCoverMicro', what: `${cover} for a gap of ${gap}` });
  } else {
    faults.push(...checkCuts(record, gap - cover, receivers));
  }
  for (const { participant, amountMicro } of record.cuts) change(participant, -parseAmount(amountMicro));
  for (const { participant, amountMicro } of record.held ?? []) {
    const amount = parseAmount(amountMicro);
    if (amount <= 0n || amounts.get(participant) !== amount) {
      faults.push({
        record: `settlement held ${participant}`,
        what: 'is not what the participant would get',
      });
    }
    change(participant, -amount);
    kept += amount;
  }
  faults.push(...differences('payment', paymentsOf(partiesIn(record), amounts), record.payments));
  const total = kept + [...amounts.values()].reduce((whole, amount) => whole + amount, 0n);
  if (total !== 0n) {
    faults.push({
      record: 'settlement payments',
      what: `with what is kept they sum to ${total}, not to zero`,
    });
  }
  return faults;
}

/** What neither payers nor the fund bring is cut from all receivers in proportion, to the last micro-unit. */
function checkCuts(record: SettlementRecord, missingMicro: bigint, receivers: readonly Share[]): Fault[] {
  const sum = receivers.reduce((whole, { amount }) => whole + amount, 0n);
  if (missingMicro > sum) {
    return [{ record: 'settlement cuts', what: `${missingMicro} are missing, more than all would receive` }];
  }
  const wanted = proRata(missingMicro, receivers).map(({ participant, cut }) => ({
    participant,
    amountMicro: String(cut),
  }));
  return differences('cut', wanted, record.cuts);
}

/** Everyone with a net or a payment; who has only a claim stands with its account in the payments alone. */
function partiesIn(record: SettlementRecord): { participant: string; accountKey: string }[] {
  const accounts = new Map(
    [...record.payments, ...record.nets].map(({ participant, accountKey }) => [participant, accountKey]),
  );
  return [...accounts]
    .map(([participant, accountKey]) => ({ participant, accountKey }))
    .sort((a, b) => compareIds(a.participant, b.participant));
}

/** What the chain carried out is what the record says, payment by payment. */
export function checkOnChain(record: SettlementRecord, anchor: Anchor): Fault[] {
  if (anchor.payments === null) {
    return [{ record: `batch ${anchor.batchId}`, what: 'does something on chain that is no payment' }];
  }
  const faults: Fault[] = [];
  const count = Math.max(anchor.payments.length, record.payments.length);
  for (let index = 0; index < count; index += 1) {
    const said = record.payments[index];
    const done = anchor.payments[index];
    const same =
      said !== undefined &&
      done !== undefined &&
      said.direction === done.direction &&
      said.accountKey === done.accountKey &&
      parseAmount(said.amountMicro) === done.amountMicro;
    if (same) continue;
    faults.push({
      record: `settlement payment ${said?.participant ?? done?.accountKey ?? index}`,
      what:
        said && done
          ? `the chain moved ${done.amountMicro} (${done.direction}) here`
          : 'is not on both sides',
    });
  }
  return faults;
}

function differences(
  name: string,
  wanted: readonly { readonly participant: string }[],
  found: readonly { readonly participant: string }[],
): Fault[] {
  const text = (items: readonly { readonly participant: string }[]) =>
    new Map(items.map((item) => [item.participant, canonicalJson(item)]));
  const [a, b] = [text(wanted), text(found)];
  const faults: Fault[] = [];
  for (const participant of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(participant) === b.get(participant)) continue;
    faults.push({ record: `settlement ${name} ${participant}`, what: 'does not follow from the records' });
  }
  const order = (items: readonly { readonly participant: string }[]) =>
    items.map(({ participant }) => participant).join();
  if (faults.length === 0 && (a.size !== found.length || order(wanted) !== order(found))) {
    faults.push({ record: `settlement ${name}s`, what: 'are not in their order, or twice' });
  }
  return faults;
}
