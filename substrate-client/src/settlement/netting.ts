import {
  COMMUNITY_FUND,
  CommonwattError,
  compareIds,
  floorNanoToMicro,
  parseAmount,
  type BundleRecord,
  type NetAmount,
  type SlotId,
} from '@commonwatt/domain';

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
