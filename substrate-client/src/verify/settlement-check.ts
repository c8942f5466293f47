import { canonicalJson, parseAmount, type SettlementRecord } from '@commonwatt/domain';
import type { Fault } from '../bundle/read.ts';
import { netAmounts, type SlotOfBatch } from '../settlement/netting.ts';
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

/** Payments = nets, less who cannot pay, less the fund's cover, less the cuts; and they sum to zero. */
export function checkPayments(record: SettlementRecord): Fault[] {
  const faults: Fault[] = [];
  const amounts = new Map(record.nets.map((net) => [net.participant, parseAmount(net.amountMicro)]));
  const change = (participant: string, byMicro: bigint): void => {
    amounts.set(participant, (amounts.get(participant) ?? 0n) + byMicro);
  };
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
  change('community-fund', -cover);
  let cuts = 0n;
  for (const { participant, amountMicro } of record.cuts) {
    const cut = parseAmount(amountMicro);
    if (cut <= 0n || cut > (amounts.get(participant) ?? 0n)) {
      faults.push({
        record: `settlement cut ${participant}`,
        what: 'is more than the participant would receive',
      });
    }
    change(participant, -cut);
    cuts += cut;
  }
  if (cover < 0n || gap !== cover + cuts) {
    faults.push({
      record: 'settlement fundCoverMicro',
      what: `unpaid ${gap} is not cover ${cover} and cuts ${cuts}`,
    });
  }
  const wanted = record.nets.flatMap(({ participant, accountKey }) => {
    const amount = amounts.get(participant) ?? 0n;
    if (amount === 0n) return [];
    const direction = amount < 0n ? ('in' as const) : ('out' as const);
    return [{ participant, accountKey, direction, amountMicro: String(amount < 0n ? -amount : amount) }];
  });
  const ordered = [
    ...wanted.filter(({ direction }) => direction === 'in'),
    ...wanted.filter(({ direction }) => direction === 'out'),
  ];
  faults.push(...differences('payment', ordered, record.payments));
  const total = [...amounts.values()].reduce((whole, amount) => whole + amount, 0n);
  if (total !== 0n) faults.push({ record: 'settlement payments', what: `they sum to ${total}, not to zero` });
  return faults;
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
