import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleLines, type Bundle, type Line } from '../bundle/layout.ts';
import { settledOnFakeChain, type Settled } from '../testing/settled.ts';
import { verifyBundles, type Rebuild, type VerifyReport } from './verify.ts';

const agree: Rebuild = (records) => ({ records: [...records], problems: [] });

describe('verify', () => {
  let settled: Settled;
  let names: string[];
  const verify = (rebuild = agree): Promise<VerifyReport> =>
    verifyBundles({ bundleDir: settled.bundleDir, chain: settled.chain, rebuild });
  const path = (name: string): string => join(settled.bundleDir, name);

  beforeAll(async () => {
    // home-03 cannot pay, so there are claims, cover and cuts to verify too.
    settled = await settledOnFakeChain(6, 8, ['home-03']);
    names = readdirSync(settled.bundleDir).sort();
  });
  afterAll(() => settled.discard());

  /** Verifies with one file replaced for a moment. */
  async function withFile(
    name: string,
    bytes: Buffer | null,
    check: (report: VerifyReport) => void,
  ): Promise<void> {
    const original = readFileSync(path(name));
    if (bytes === null) rmSync(path(name));
    else writeFileSync(path(name), bytes);
    try {
      check(await verify());
    } finally {
      writeFileSync(path(name), original);
    }
  }

  it('holds for what settlement published', async () => {
    const report = await verify();
    expect(report.faults).toEqual([]);
    expect(report.slots.flatMap(({ faults }) => faults)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.batches).toBe(2);
    expect(report.slots.map(({ slot }) => slot)).toEqual(settled.slots.map(({ slot }) => slot));
    expect(report.slots[0]?.holds).toEqual([
      'layout',
      'nets and payments',
      'root on chain',
      'clearing and statement',
      'meters continue',
    ]);
  });

  it('fails for any changed byte, and names the slot and the record', { timeout: 120_000 }, async () => {
    const original = names.map((name) => readFileSync(path(name)));
    const lines = original.map((bytes) => bundleLines(JSON.parse(bytes.toString('utf8')) as Bundle));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (file, place, flip) => {
        const index = file % names.length;
        const bytes = Buffer.from(original[index]!);
        const at = place % bytes.length;
        bytes[at] = bytes[at]! ^ flip;
        const line = lineAt(lines[index]!, at);
        await withFile(names[index]!, bytes, (report) => {
          expect(report.ok).toBe(false);
          const slot = report.slots[index]!;
          expect(slot.slot).toBe(settled.slots[index]!.slot);
          expect(slot.faults.length).toBeGreaterThan(0);
          const named = slot.faults.map(({ record }) => record);
          const label = line.part === 'record' ? `record ${line.index}` : '';
          expect(named.some((name) => name === label || name.startsWith(label && `${label} (`))).toBe(true);
          const others = report.slots.filter((other) => other !== slot);
          expect(others.flatMap((other) => other.faults)).toEqual([]);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('names a changed amount, and a changed payment', async () => {
    const bytes = readFileSync(path(names[1]!));
    const text = bytes.toString('utf8');
    const document = JSON.parse(text) as Bundle;
    const index = document.records.findIndex((record) => record.type === 'line');
    const record = document.records[index]!;
    if (record.type !== 'line') throw new Error('no line');
    const amount = `"amountNano":"${record.line.amountNano}"`;
    const raised = text.replace(amount, `"amountNano":"${BigInt(record.line.amountNano) + 1n}"`);
    await withFile(names[1]!, Buffer.from(raised), ({ slots }) => {
      expect(slots[1]!.faults[0]?.record).toBe(
        `record ${index} (line ${record.line.participant} ${record.line.reason})`,
      );
    });
    const payment = document.settlement.payments[0]!;
    const paid = `"amountMicro":"${payment.amountMicro}","direction":"in"`;
    const lowered = text.replace(paid, paid.replace(payment.amountMicro, '1'));
    await withFile(names[1]!, Buffer.from(lowered), ({ slots }) => {
      expect(slots[1]!.faults.map((fault) => fault.record)).toContain(
        `settlement payment ${payment.participant}`,
      );
    });
  });

  it('holds for batches that were carried out in parts, and misses a part', async () => {
    const split = await settledOnFakeChain(5, 8, ['home-03'], 3);
    const verifySplit = (): Promise<VerifyReport> =>
      verifyBundles({ bundleDir: split.bundleDir, chain: split.chain, rebuild: agree });
    expect(split.chain.carriedOut.length).toBeGreaterThan(4);
    expect((await verifySplit()).faults).toEqual([]);
    expect((await verifySplit()).ok).toBe(true);
    split.chain.reorganise(1, true);
    expect((await verifySplit()).faults[0]?.what).toMatch(/not the last/);
    split.discard();
  });

  it('misses a bundle that is gone', async () => {
    await withFile(names[2]!, null, (report) => {
      expect(report.ok).toBe(false);
      expect(report.faults.map(({ record }) => record)).toContain(`slot ${settled.slots[2]!.slot}`);
    });
  });

  it('fails when the rules give other records', async () => {
    const report = await verify((records) => ({
      records: [...records],
      problems: [{ index: 0, problem: 'is not signed' }],
    }));
    expect(report.ok).toBe(false);
    expect(report.slots[0]?.faults[0]).toEqual({
      record: 'record 0 (participant home-01)',
      what: 'is not signed',
    });
  });

  it('finds a batch that was paid twice', async () => {
    const { batch } = settled.chain.carriedOut[0]!;
    const head = await settled.chain.finalizedBlock();
    const again = await settled.chain.sign(
      { payments: batch!.payments!, remark: batch!.remark },
      await settled.chain.nonceAt(head.hash),
      head,
    );
    await settled.chain.submit(again.bytes);
    const report = await verify();
    settled.chain.reorganise(1, true);
    expect(report.faults.map(({ what }) => what)).toContain('is on the chain twice');
    expect((await verify()).ok).toBe(true);
  });
});

function lineAt(lines: readonly Line[], byte: number): Line {
  let end = 0;
  for (const line of lines) {
    end += Buffer.byteLength(line.text) + 1;
    if (byte < end) return line;
  }
  throw new RangeError(`no line at byte ${byte}`);
}
