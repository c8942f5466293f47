import { COMMUNITY_FUND, SUPPLIER, type MarketRules, type SlotId, type Statement } from '@commonwatt/domain';
import { slotDeadlines } from '../slot/deadlines.ts';
import type { MarketEvent, TelemetryPoint } from './ports.ts';

/**
 * What the market tells telemetry about an event; measurements `market`, `settlement` and `feeder`. Prices in currency per kWh and amounts in
 * currency are floats here, and only here: dashboards read them, nothing settles on them.
 */
export function pointsOf(
  event: MarketEvent,
  rules: MarketRules,
  nowMs: number,
  statementOf: (slot: SlotId) => Statement | null,
): TelemetryPoint[] {
  const { community } = rules;
  if (event.type === 'cleared') {
    const { clearing, bids, offers } = event;
    return [
      {
        measurement: 'market',
        tags: { community },
        fields: {
          ...(clearing.priceMicroPerKwh === null ? {} : { price: clearing.priceMicroPerKwh / 1e6 }),
          floor: rules.feedInMicroPerKwh / 1e6,
          cap: rules.retailMicroPerKwh / 1e6,
          p2p_wh: clearing.volumeWh,
          bids,
          offers,
        },
        atMs: slotDeadlines(clearing.slot, rules).startsMs,
      },
    ];
  }
  if (event.type === 'statement') {
    const { statement } = event;
    return [
      {
        measurement: 'market',
        tags: { community },
        fields: gridEnergy(statement),
        atMs: slotDeadlines(statement.slot, rules).startsMs,
      },
    ];
  }
  if (event.type === 'feeder') {
    const { check, report } = event;
    return [
      {
        measurement: 'feeder',
        tags: { feeder: check.feeder },
        fields: {
          ...(check.importWh === null ? {} : { e_imp_wh: check.importWh }),
          ...(check.exportWh === null ? {} : { e_exp_wh: check.exportWh }),
          ...(check.differenceWh === null ? {} : { diff_wh: check.differenceWh }),
          loss_max_wh: check.lossWhMax + check.toleranceWh,
          suspects: report.suspects.length,
        },
        atMs: slotDeadlines(check.slot, rules).startsMs,
      },
    ];
  }
  if (event.type === 'settled') {
    const { slots, record } = event.receipt;
    // One point a batch: its first slot stands for it.
    if (event.slot !== slots[0]) return [];
    const paidOutMicro = record.payments.reduce(
      (total, payment) => (payment.direction === 'out' ? total + BigInt(payment.amountMicro) : total),
      0n,
    );
    const { endsMs } = slotDeadlines(slots.at(-1) ?? event.slot, rules);
    return [
      {
        measurement: 'settlement',
        tags: { community, status: 'final' },
        fields: {
          lag_s: (nowMs - endsMs) / 1000,
          count: slots.length,
          imbalance_wh: slots.reduce((total, slot) => total + imbalanceWh(statementOf(slot)), 0),
          amount: Number(paidOutMicro) / 1e6,
        },
        atMs: Math.trunc(nowMs),
      },
    ];
  }
  return [];
}

/** What crossed the neighbourhood's border in the slot, as the supplier sees it; whole Wh. */
function gridEnergy(statement: Statement): { grid_import_wh: number; grid_export_wh: number } {
  let netWh = 0;
  for (const { participant, meteredWh } of statement.positions) {
    if (participant !== SUPPLIER && participant !== COMMUNITY_FUND) netWh += meteredWh;
  }
  return { grid_import_wh: Math.max(-netWh, 0), grid_export_wh: Math.max(netWh, 0) };
}

/** How far everybody was off what was traded, whole Wh; the supplier's mirror of it does not count. */
function imbalanceWh(statement: Statement | null): number {
  let totalWh = 0;
  for (const { participant, imbalanceWh } of statement?.positions ?? []) {
    if (participant !== SUPPLIER && participant !== COMMUNITY_FUND) totalWh += Math.abs(imbalanceWh);
  }
  return totalWh;
}
