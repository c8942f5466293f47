import {
  ALARM_RULES,
  type ChainAlarm,
  type ChainFigures,
  type NativeToken,
  type SettlementStatus,
} from '@commonwatt/substrate-client';

/** The chain's side in Prometheus' text format. A value that is not known is left out, never made up. */
export function chainMetrics(input: {
  readonly figures: ChainFigures;
  readonly status: SettlementStatus | null;
  readonly native: NativeToken;
  readonly feeDays: number | null;
  readonly approvalDaysMin: number | null;
  readonly approvalsLow: number;
  readonly alarms: readonly ChainAlarm[];
}): string {
  const { figures, status, native, alarms } = input;
  const lines: string[] = [];
  const gauge = (name: string, help: string, value: number | null, type = 'gauge'): void => {
    if (value === null) return;
    lines.push(
      `# HELP commonwatt_${name} ${help}`,
      `# TYPE commonwatt_${name} ${type}`,
      `commonwatt_${name} ${value}`,
    );
  };
  const coins = (amount: bigint): number => Number(amount) / 10 ** native.decimals;
  gauge('chain_silent_seconds', "Since the chain's node last answered.", figures.silentS);
  gauge('chain_finalized_block', 'Newest final block.', status?.finalizedBlock ?? null);
  gauge('chain_finality_lag_blocks', 'Blocks that are not final yet.', status?.finalityLagBlocks ?? null);
  gauge('settlement_batches_pending', 'Batches that are not final.', status?.batchesPending ?? null);
  gauge('settlement_pending_seconds', 'How long the oldest of them has been on its way.', figures.pendingS);
  gauge('settlement_slots_waiting', 'Slots that are in no batch yet.', status?.slotsWaiting ?? null);
  gauge(
    'settlement_fees_total',
    'Fees of all batches, in the native token.',
    status && coins(status.feesNative),
    'counter',
  );
  gauge(
    'settlement_funds',
    'What the settlement account has for fees, in the native token.',
    status && coins(status.fundsNative),
  );
  gauge('settlement_fee_days', 'Days that the funds pay fees for, at the mean so far.', input.feeDays);
  gauge(
    'approval_days_min',
    'Days until the first balance or approval runs out, at its mean draw.',
    input.approvalDaysMin,
  );
  gauge(
    'approvals_low',
    'Participants whose balance or approval runs out within a week.',
    input.approvalsLow,
  );
  lines.push(
    '# HELP commonwatt_chain_alarm Whether an alarm of the chain is raised.',
    '# TYPE commonwatt_chain_alarm gauge',
  );
  for (const rule of ALARM_RULES)
    lines.push(
      `commonwatt_chain_alarm{rule="${rule}"} ${alarms.some((alarm) => alarm.rule === rule) ? 1 : 0}`,
    );
  return `${lines.join('\n')}\n`;
}
