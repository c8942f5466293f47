/** What an operator of the chain's side watches. Times in real seconds, money in smallest units. */
export interface ChainFigures {
  /** Since the node last answered. */
  readonly silentS: number;
  readonly batchesPending: number;
  /** How long the oldest of them has been on its way. */
  readonly pendingS: number;
  readonly finalityLagBlocks: number;
  readonly fundsNative: bigint;
  /** Mean so far; null while no fee was paid. */
  readonly feePerBatchNative: bigint | null;
  readonly batchesPerDay: number;
  readonly payers: readonly Payer[];
  /** What keeps settlement from going on; null when nothing does. */
  readonly trouble: string | null;
}

export interface Payer {
  readonly participant: string;
  /** The smaller of balance and approval; null while the chain has not said. */
  readonly availableMicro: bigint | null;
  /** Mean of what a batch drew from it lately; 0 for who receives. */
  readonly drawPerBatchMicro: bigint;
}

export const ALARM_RULES = ['node-silent', 'pending', 'finality', 'funds', 'approval', 'held-up'] as const;
export type AlarmRule = (typeof ALARM_RULES)[number];

export interface ChainAlarm {
  readonly rule: AlarmRule;
  readonly said: string;
  readonly remedy: string;
}

/** Where each alarm begins. The dashboards' alert rules take the same numbers. */
export const ALARM_LIMITS = {
  silentS: 60,
  pendingS: 900,
  finalityLagBlocks: 100,
  feeDays: 7,
  approvalDays: 7,
} as const;

/** Days that the funds pay fees for, at the mean fee so far; null while none was paid. */
export function feeDays({ fundsNative, feePerBatchNative, batchesPerDay }: ChainFigures): number | null {
  if (feePerBatchNative === null || feePerBatchNative <= 0n) return null;
  return Number(fundsNative / feePerBatchNative) / batchesPerDay;
}

/** Days that a payer's balance and approval last at its mean draw; null when nothing is drawn or not known. */
export function approvalDays(
  { availableMicro, drawPerBatchMicro }: Payer,
  batchesPerDay: number,
): number | null {
  if (availableMicro === null || drawPerBatchMicro <= 0n) return null;
  return Number(availableMicro / drawPerBatchMicro) / batchesPerDay;
}

/** Payers whose balance or approval runs out, soonest first. */
export function approvalsLow({
  payers,
  batchesPerDay,
}: ChainFigures): { participant: string; days: number }[] {
  return payers
    .flatMap((payer) => {
      const days = approvalDays(payer, batchesPerDay);
      return days !== null && days < ALARM_LIMITS.approvalDays
        ? [{ participant: payer.participant, days }]
        : [];
    })
    .toSorted((a, b) => a.days - b.days);
}

/** The alarms that follow from the figures. Pure. */
export function chainAlarms(figures: ChainFigures): ChainAlarm[] {
  const { silentS, batchesPending, pendingS, finalityLagBlocks, fundsNative, trouble } = figures;
  const alarms: ChainAlarm[] = [];
  const raise = (rule: AlarmRule, said: string, remedy: string): void =>
    void alarms.push({ rule, said, remedy });
  if (silentS > ALARM_LIMITS.silentS)
    raise(
      'node-silent',
      `the chain's node has not answered for ${Math.round(silentS)} s`,
      'check the node, or use another one',
    );
  if (batchesPending > 0 && pendingS > ALARM_LIMITS.pendingS)
    raise(
      'pending',
      `${batchesPending} batches wait, the oldest for ${Math.round(pendingS / 60)} min`,
      'look at the log for what the chain says',
    );
  if (finalityLagBlocks > ALARM_LIMITS.finalityLagBlocks)
    raise(
      'finality',
      `finality is ${finalityLagBlocks} blocks behind`,
      'wait for the chain, or check that the node has peers',
    );
  const days = feeDays(figures);
  if (fundsNative === 0n) {
    raise('funds', 'the settlement account has nothing to pay fees with', 'send it some of the native token');
  } else if (days !== null && days < ALARM_LIMITS.feeDays) {
    raise(
      'funds',
      `the settlement account can pay fees for ${days.toFixed(1)} more days`,
      'send it some of the native token',
    );
  }
  const low = approvalsLow(figures);
  if (low.length > 0) {
    const list = low
      .slice(0, 5)
      .map(({ participant, days: left }) => `${participant} (${left.toFixed(1)} days)`);
    raise(
      'approval',
      `balance or approval runs out for ${low.length}: ${list.join(', ')}${low.length > 5 ? ' ...' : ''}`,
      'they fund their account, or raise the approval on their page or with `commonwatt approve`',
    );
  }
  if (trouble !== null)
    raise('held-up', `settlement is held up: ${trouble}`, 'remove the cause; it goes on by itself');
  return alarms;
}
