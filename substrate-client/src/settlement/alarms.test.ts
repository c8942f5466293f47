import { describe, expect, it } from 'vitest';
import { approvalsLow, chainAlarms, feeDays, type ChainFigures } from './alarms.ts';

const FINE: ChainFigures = {
  silentS: 0,
  batchesPending: 1,
  pendingS: 10,
  finalityLagBlocks: 3,
  fundsNative: 24_000n,
  feePerBatchNative: 10n,
  batchesPerDay: 24,
  payers: [{ participant: 'home-01', availableMicro: 24_000n, drawPerBatchMicro: 10n }],
  trouble: null,
};
const payer = (availableMicro: bigint | null, drawPerBatchMicro: bigint) => ({
  payers: [{ participant: 'home-01', availableMicro, drawPerBatchMicro }],
});

describe('alarms of the chain', () => {
  it('none when all is well', () => expect(chainAlarms(FINE)).toEqual([]));

  // Each rule just below its limit, where it is silent, and just above.
  it.each<[rule: string, fine: Partial<ChainFigures>, alarming: Partial<ChainFigures>, said: string]>([
    ['node-silent', { silentS: 60 }, { silentS: 61 }, 'has not answered for 61 s'],
    [
      'pending',
      { pendingS: 900 },
      { pendingS: 960, batchesPending: 3 },
      '3 batches wait, the oldest for 16 min',
    ],
    ['finality', { finalityLagBlocks: 100 }, { finalityLagBlocks: 101 }, '101 blocks behind'],
    ['funds', { fundsNative: 1680n }, { fundsNative: 1670n }, 'pay fees for 7.0 more days'],
    [
      'funds',
      { fundsNative: 1n, feePerBatchNative: null },
      { fundsNative: 0n, feePerBatchNative: null },
      'has nothing',
    ],
    ['approval', payer(1680n, 10n), payer(1670n, 10n), 'runs out for 1: home-01 (7.0 days)'],
    ['approval', payer(0n, 0n), payer(0n, 1n), 'home-01 (0.0 days)'],
    ['approval', payer(null, 10n), payer(9n, 10n), 'home-01 (0.0 days)'],
    ['held-up', { trouble: null }, { trouble: 'the disk is full' }, 'the disk is full'],
  ])('%s: from silent to raised', (rule, fine, alarming, said) => {
    expect(chainAlarms({ ...FINE, ...fine })).toEqual([]);
    const alarms = chainAlarms({ ...FINE, ...alarming });
    expect(alarms).toMatchObject([{ rule, said: expect.stringContaining(said) as string }]);
    expect(alarms[0]?.remedy).not.toBe('');
  });

  it('nothing pending is never late', () => {
    expect(chainAlarms({ ...FINE, batchesPending: 0, pendingS: 5000 })).toEqual([]);
  });

  it('days follow from what a batch costs and how many a day has', () => {
    expect(feeDays(FINE)).toBe(100);
    expect(feeDays({ ...FINE, feePerBatchNative: null })).toBeNull();
    const payers = ['c', 'a', 'b'].map((participant, index) => ({
      participant,
      availableMicro: BigInt(index * 24),
      drawPerBatchMicro: 1n,
    }));
    expect(approvalsLow({ ...FINE, payers })).toEqual([
      { participant: 'c', days: 0 },
      { participant: 'a', days: 1 },
      { participant: 'b', days: 2 },
    ]);
  });
});
