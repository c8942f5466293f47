import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settledOnFakeChain, type Settled } from '../testing/settled.ts';
import { buildProof, parseStatementId, statementId, verifyProof, type Proof } from './proof.ts';

describe('the proof of a statement', () => {
  let settled: Settled;
  let proof: Proof;
  beforeAll(async () => {
    settled = await settledOnFakeChain(5, 6);
    proof = buildProof(settled.bundleDir, statementId(settled.slots[2]!.slot, 'home-02'));
  });
  afterAll(() => settled.discard());

  it('holds against the chain alone, after a way through a file, and shows only the household', async () => {
    const read: unknown = JSON.parse(JSON.stringify(proof));
    const verdict = await verifyProof(read, settled.chain);
    expect(verdict.faults).toEqual([]);
    expect(verdict).toMatchObject({ ok: true, batchId: 'b-20260601T1200Z', participant: 'home-02' });
    expect(verdict.paidMicro).not.toBeNull();
    expect(JSON.stringify(proof)).not.toContain('home-03');
  });

  it.each<[string, (proof: Proof) => unknown]>([
    [
      'a changed amount',
      (good) =>
        JSON.parse(JSON.stringify(good).replace(/"amountNano":"(-?\d+)"/, '"amountNano":"$17"')) as unknown,
    ],
    ['another slot', (good) => ({ ...good, slot: settled.slots[1]!.slot })],
    ['another batch', (good) => ({ ...good, batch: { ...good.batch, batchId: 'b-20260601T1300Z' } })],
    ['another account', (good) => ({ ...good, settlementAccount: '00'.repeat(32) })],
    ['another household', (good) => ({ ...good, participant: 'home-01' })],
    ['another chain', (good) => ({ ...good, genesisHash: '0x00' })],
  ])('fails with %s', async (_what, change) => {
    const verdict = await verifyProof(change(proof), settled.chain);
    expect(verdict.ok).toBe(false);
    expect(verdict.faults.length).toBeGreaterThan(0);
  });

  it('refuses what is no proof, no statement, or not settled', async () => {
    await expect(verifyProof({ kind: 'x' }, settled.chain)).rejects.toThrow('no proof file');
    expect(() => parseStatementId('2026-06-01T12:07:00Z/home-01')).toThrow('names no statement');
    expect(() => buildProof(settled.bundleDir, '2027-06-01T12:00:00Z/home-01')).toThrow('not settled');
    expect(() => buildProof(settled.bundleDir, statementId(settled.slots[0]!.slot, 'home-99'))).toThrow(
      'no statement',
    );
  });
});
