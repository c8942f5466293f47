import type { BatchView, SettlementReceipt } from '@commonwatt/domain';
import { CHAIN_RULES } from '@commonwatt/grafana';
import type { TelemetryPoint } from '@commonwatt/market-engine';
import { ALARM_LIMITS, ALARM_RULES, type SettlementStatus } from '@commonwatt/substrate-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChainWatch } from './chain-watch.ts';

const STATUS: SettlementStatus = {
  batchesPending: 0,
  slotsWaiting: 2,
  finalizedBlock: 70,
  finalityLagBlocks: 3,
  feesNative: 40n,
  fundsNative: 480_000n,
  batchesLeft: null,
  trouble: null,
  waitingFor: null,
  alarms: [],
};

/** Two batches have drawn 10 each from home-01, at a fee of 20 each; there are 24 a day. */
const receipt = {
  feeNative: '20',
  record: { payments: [{ participant: 'home-01', direction: 'in', amountMicro: '10' }] },
} as unknown as SettlementReceipt;

describe('the watch over the chain', () => {
  let status: SettlementStatus | null;
  let batches: BatchView[];
  let nowMs: number;
  let available: bigint;
  let points: TelemetryPoint[];
  let lines: string[];
  let watch: ChainWatch;

  beforeEach(async () => {
    [status, batches, nowMs, available, points, lines] = [STATUS, [], 0, 24_000n, [], []];
    watch = new ChainWatch({
      settlement: {
        status: () => (status ? Promise.resolve(status) : Promise.reject(new Error('no answer'))),
        batches: () => batches,
        receipts: () => [receipt, receipt],
      },
      community: 'c',
      native: { symbol: 'ROC', decimals: 3 },
      batchesPerDay: 24,
      participants: () => ['home-01', 'home-02'],
      availableMicro: () => available,
      nowMs: () => 1000,
      monotonicMs: () => nowMs,
      write: (more) => points.push(...more),
      say: (line) => lines.push(line),
    });
    await watch.look();
  });
  const metric = (name: string): string | undefined =>
    watch
      .metrics()
      .split('\n')
      .find((line) => line.startsWith(`commonwatt_${name} `))
      ?.split(' ')[1];
  const raised = (): string[] => watch.alarms().map(({ rule }) => rule);

  it('has figures for the page, for Prometheus and for the time series', () => {
    expect(watch.view()).toMatchObject({
      funds: '480 ROC',
      fees: '0.04 ROC',
      feeDays: 1000,
      approvalDays: 100,
      alarms: [],
    });
    expect(metric('settlement_funds')).toBe('480');
    expect(metric('settlement_fee_days')).toBe('1000');
    expect(metric('approval_days_min')).toBe('100');
    expect(metric('chain_finality_lag_blocks')).toBe('3');
    expect(watch.metrics()).toContain('commonwatt_chain_alarm{rule="funds"} 0');
    expect(points).toMatchObject([
      { measurement: 'chain', tags: { community: 'c' }, fields: { funds: 480, fee_days: 1000, pending: 0 } },
    ]);
  });

  it('a node that falls silent: the last figures stay, and how old they are shows', async () => {
    status = null;
    nowMs = 61_000;
    await watch.look();
    expect(raised()).toEqual(['node-silent']);
    expect(metric('chain_silent_seconds')).toBe('61');
    expect(metric('settlement_funds')).toBe('480');
    status = STATUS;
    await watch.look();
    expect(raised()).toEqual([]);
    expect(lines).toEqual([expect.stringContaining('alarm (node-silent)'), 'alarm (node-silent) is over']);
  });

  it('a batch that waits is timed from when it was first seen, and another one starts anew', async () => {
    const pending = (batchId: string) => ({ batchId, status: 'submitted' }) as BatchView;
    status = { ...STATUS, batchesPending: 1 };
    batches = [pending('b-1')];
    await watch.look();
    nowMs = 901_000;
    await watch.look();
    expect(raised()).toEqual(['pending']);
    batches = [pending('b-2')];
    await watch.look();
    expect(raised()).toEqual([]);
  });

  it('money that runs out, with who it is', async () => {
    status = { ...STATUS, fundsNative: 20n };
    available = 100n;
    await watch.look();
    expect(raised()).toEqual(['funds', 'approval']);
    expect(watch.alarms()[1]?.said).toContain('home-01');
    expect(points.filter(({ measurement }) => measurement === 'event')).toHaveLength(2);
    expect(watch.metrics()).toContain('commonwatt_chain_alarm{rule="approval"} 1');
  });

  it('Grafana alarms at the same limits', () => {
    const limits = Object.fromEntries(CHAIN_RULES.map(({ uid, when, limit }) => [uid, [when, limit]]));
    expect(limits).toEqual({
      'commonwatt-chain-silent': ['gt', ALARM_LIMITS.silentS],
      'commonwatt-batch-pending': ['gt', ALARM_LIMITS.pendingS],
      'commonwatt-finality-lag': ['gt', ALARM_LIMITS.finalityLagBlocks],
      'commonwatt-fee-days': ['lt', ALARM_LIMITS.feeDays],
      'commonwatt-approvals-low': ['gt', 0],
    });
    // What holds settlement up has no number; it shows in the log, on the page and as commonwatt_chain_alarm.
    expect(ALARM_RULES).toHaveLength(CHAIN_RULES.length + 1);
  });
});
