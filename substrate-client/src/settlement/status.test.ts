import { describe, expect, it } from 'vitest';
import type { LedgerBatch } from './ledger.ts';
import { statusOf } from './status.ts';

const batch = (state: LedgerBatch['state']): LedgerBatch => ({
  batchId: 'b-1',
  slots: [],
  state,
  record: null,
  root: null,
  block: null,
  extrinsicHash: null,
  feeNative: 0n,
  publishedRoot: null,
  partSize: null,
  partsMin: 1,
});
const quiet = {
  batches: [batch('final'), batch('final'), batch('submitted')],
  slotsWaiting: 3,
  finalized: { number: 9, hash: '0x09' },
  best: { number: 10, hash: '0x0a' },
  feesNative: 200n,
  fundsNative: 100_000n,
  trouble: null,
};

describe('the status of settlement', () => {
  it('counts what is on its way and how long the funds last', () => {
    expect(statusOf(quiet)).toMatchObject({
      batchesPending: 1,
      slotsWaiting: 3,
      finalityLagBlocks: 1,
      batchesLeft: 1000,
      alarms: [],
    });
  });

  it.each([
    ['before the funds run dry', { fundsNative: 5_000n }, /50 more batches/],
    ['when there are none', { fundsNative: 0n, batches: [] }, /nothing to pay/],
    [
      'when batches pile up',
      { batches: Array.from({ length: 9 }, () => batch('planned')) },
      /9 batches wait/,
    ],
    ['when finality stalls', { best: { number: 500, hash: '0x' } }, /491 blocks behind/],
    ['when it is held up', { trouble: 'no node' }, /held up: no node/],
  ])('raises an alarm %s', (_when, change, message) => {
    expect(statusOf({ ...quiet, ...change }).alarms.join()).toMatch(message);
  });
});
