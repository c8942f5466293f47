import type { BatchView, ChainHealthView, SettlementReceipt } from '@commonwatt/domain';
import { parseAmount } from '@commonwatt/domain';
import type { TelemetryPoint } from '@commonwatt/market-engine';
import {
  approvalDays,
  approvalsLow,
  chainAlarms,
  feeDays,
  formatUnits,
  type ChainAlarm,
  type ChainFigures,
  type NativeToken,
  type SettlementStatus,
} from '@commonwatt/substrate-client';
import { setTimeout as sleep } from 'node:timers/promises';
import { chainMetrics } from './chain-metrics.ts';

const LOOK_MS = 5_000;
/** What payers need is judged by so many batches, the newest ones. */
const BATCHES_SEEN = 96;

export interface ChainWatchOptions {
  readonly settlement: {
    status(): Promise<SettlementStatus>;
    batches(limit?: number): BatchView[];
    receipts(limit?: number): readonly SettlementReceipt[];
  };
  readonly community: string;
  readonly native: NativeToken;
  readonly batchesPerDay: number;
  readonly participants: () => readonly string[];
  /** The smaller of balance and approval; null while the chain has not said. */
  readonly availableMicro: (participant: string) => bigint | null;
  /** Time of the telemetry's points, ms. */
  readonly nowMs: () => number;
  /** Monotonic, ms. */
  readonly monotonicMs: () => number;
  readonly write: (points: readonly TelemetryPoint[]) => void;
  readonly say: (line: string) => void;
}

/** The chain's side as an operator sees it: figures, alarms, metrics, telemetry. Looks every few seconds and never holds anything up. */
export class ChainWatch {
  readonly #options: ChainWatchOptions;
  #status: SettlementStatus | null = null;
  #answeredMs: number;
  #oldest: { batchId: string; sinceMs: number } | null = null;
  #raised = new Set<string>();
  #drawn: { drawn: ReadonlyMap<string, bigint>; count: bigint; fees: bigint } = NOTHING;

  constructor(options: ChainWatchOptions) {
    this.#options = options;
    this.#answeredMs = options.monotonicMs();
  }

  /** Until `over`; a node that does not answer is one of the things to see. */
  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.look();
      await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
    }
  }

  async look(): Promise<void> {
    const { settlement, monotonicMs, nowMs, write, say } = this.#options;
    try {
      this.#status = await settlement.status();
      this.#answeredMs = monotonicMs();
    } catch {
      // What was known stays; how long ago that was is the figure.
    }
    this.#drawn = drawsOf(settlement.receipts(BATCHES_SEEN));
    const pending = settlement.batches(BATCHES_SEEN).findLast(({ status }) => status !== 'final');
    if (pending === undefined) this.#oldest = null;
    else if (pending.batchId !== this.#oldest?.batchId)
      this.#oldest = { batchId: pending.batchId, sinceMs: monotonicMs() };
    const alarms = this.alarms();
    const now = new Set<string>(alarms.map(({ rule }) => rule));
    for (const { rule, said, remedy } of alarms) {
      if (this.#raised.has(rule)) continue;
      say(`alarm (${rule}): ${said}; ${remedy}`);
      write([
        {
          measurement: 'event',
          tags: { severity: 'warning', kind: 'settlement', feeder: 'feeder-1' },
          fields: { title: `alarm: ${rule}`, text: said },
          atMs: nowMs(),
        },
      ]);
    }
    for (const rule of this.#raised) if (!now.has(rule)) say(`alarm (${rule}) is over`);
    this.#raised = now;
    if (this.#status !== null) write([this.#point()]);
  }

  figures(): ChainFigures {
    const { batchesPerDay, participants, availableMicro, monotonicMs } = this.#options;
    const status = this.#status;
    const { drawn, count, fees } = this.#drawn;
    const nowMs = monotonicMs();
    return {
      silentS: (nowMs - this.#answeredMs) / 1000,
      batchesPending: status?.batchesPending ?? 0,
      pendingS: this.#oldest === null ? 0 : (nowMs - this.#oldest.sinceMs) / 1000,
      finalityLagBlocks: status?.finalityLagBlocks ?? 0,
      fundsNative: status?.fundsNative ?? 1n,
      feePerBatchNative: count === 0n ? null : fees / count,
      batchesPerDay,
      payers: participants().map((participant) => {
        const drawPerBatchMicro = count === 0n ? 0n : (drawn.get(participant) ?? 0n) / count;
        return { participant, availableMicro: availableMicro(participant), drawPerBatchMicro };
      }),
      trouble: status?.trouble ?? null,
    };
  }

  alarms(): ChainAlarm[] {
    return chainAlarms(this.figures());
  }

  view(): ChainHealthView {
    const { native } = this.#options;
    const figures = this.figures();
    const status = this.#status;
    const show = (amount: bigint): string => {
      const text = formatUnits(amount, native.decimals);
      return `${text.includes('.') ? text.replace(/\.?0+$/, '') : text} ${native.symbol}`;
    };
    return {
      batchesPending: figures.batchesPending,
      pendingS: Math.round(figures.pendingS),
      finalityLagBlocks: figures.finalityLagBlocks,
      funds: status === null ? null : show(status.fundsNative),
      fees: status === null ? null : show(status.feesNative),
      feeDays: rounded(feeDays(figures)),
      approvalDays: rounded(this.#approvalDaysMin(figures)),
      alarms: this.alarms(),
    };
  }

  /** Prometheus text. */
  metrics(): string {
    const figures = this.figures();
    return chainMetrics({
      figures,
      status: this.#status,
      native: this.#options.native,
      feeDays: feeDays(figures),
      approvalDaysMin: this.#approvalDaysMin(figures),
      approvalsLow: approvalsLow(figures).length,
      alarms: this.alarms(),
    });
  }

  #approvalDaysMin({ payers, batchesPerDay }: ChainFigures): number | null {
    const days = payers.flatMap((payer) => approvalDays(payer, batchesPerDay) ?? []);
    return days.length === 0 ? null : Math.min(...days);
  }

  #point(): TelemetryPoint {
    const { community, native, nowMs } = this.#options;
    const figures = this.figures();
    const fees = feeDays(figures);
    const approvals = this.#approvalDaysMin(figures);
    const coins = (amount: bigint): number => Number(amount) / 10 ** native.decimals;
    return {
      measurement: 'chain',
      tags: { community },
      fields: {
        silent_s: figures.silentS,
        pending: figures.batchesPending,
        pending_s: figures.pendingS,
        lag_blocks: figures.finalityLagBlocks,
        finalized: this.#status?.finalizedBlock ?? 0,
        funds: coins(this.#status?.fundsNative ?? 0n),
        fees: coins(this.#status?.feesNative ?? 0n),
        ...(fees === null ? {} : { fee_days: fees }),
        ...(approvals === null ? {} : { approval_days: approvals }),
        approvals_low: approvalsLow(figures).length,
        alarms: this.alarms().length,
      },
      atMs: nowMs(),
    };
  }
}

const NOTHING = { drawn: new Map<string, bigint>(), count: 0n, fees: 0n };

/** What these batches drew from each payer, and their fees. */
function drawsOf(receipts: readonly SettlementReceipt[]): typeof NOTHING {
  const drawn = new Map<string, bigint>();
  let fees = 0n;
  for (const { record, feeNative } of receipts) {
    fees += BigInt(feeNative);
    for (const { participant, direction, amountMicro } of record.payments) {
      if (direction === 'in')
        drawn.set(participant, (drawn.get(participant) ?? 0n) + parseAmount(amountMicro));
    }
  }
  return { drawn, count: BigInt(receipts.length), fees };
}

function rounded(days: number | null): number | null {
  return days === null ? null : Math.round(days * 10) / 10;
}
