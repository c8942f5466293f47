import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SettlementReceipt } from '@commonwatt/domain';
import type { Bundle } from '../bundle/layout.ts';
import { FakeChain } from '../testing/fake-chain.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from '../testing/sample.ts';
import { verifyBundles } from '../verify/verify.ts';
import { openSettlement, type Settlement } from './open.ts';

const people = members(4);
const rich = { balanceMicro: 10n ** 9n, approvalMicro: 10n ** 9n };
const random = randomFrom(11);
const slots = slotsFrom('2026-06-01T12:00:00Z', 4).map((slot) => sampleSlot(slot, people, random));

describe('a batch that the chain took back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-correction-'));
  const bundleDir = join(folder, 'bundles');
  const chain = new FakeChain(
    signerNamed('treasury').publicKey,
    new Map(people.map(({ signer }) => [signer.publicKey, rich])),
  );
  const submit = chain.submit.bind(chain);
  chain.submit = async (bytes) => {
    await submit(bytes);
    await chain.nudge();
  };
  const heard: SettlementReceipt[] = [];
  const open = async (): Promise<Settlement> => {
    const settlement = await openSettlement({
      chain,
      ledgerPath: join(folder, 'ledger.sqlite'),
      bundleDir,
      periodSlots: 2,
      slotMinutes: 15,
      pollMs: 1,
      resubmitMs: 1,
      log: () => {},
    });
    settlement.subscribeReceipts((receipt) => heard.push(receipt));
    return settlement;
  };
  let settlement: Settlement;
  afterEach(async () => {
    await settlement.stop();
    if (heard.length >= 5) rmSync(folder, { recursive: true, force: true });
  });
  const published = (): Bundle[] =>
    readdirSync(bundleDir)
      .sort()
      .map((name) => JSON.parse(readFileSync(join(bundleDir, name), 'utf8')) as Bundle);
  const verified = async (): Promise<boolean> => {
    const rebuild = (records: readonly Bundle['records'][number][]) => ({
      records: [...records],
      problems: [],
    });
    return (await verifyBundles({ bundleDir, chain, rebuild })).ok;
  };

  it('and that then does something else, has another receipt and other bundles, in its running settlement', async () => {
    settlement = await open();
    await Promise.all(slots.map((slot) => settlement.settle(slot)));
    expect(heard.map(({ batchId }) => batchId)).toEqual(settlement.receipts().map(({ batchId }) => batchId));
    const before = published();
    // Both batches are taken back, and the biggest payer of the first cannot pay any more.
    const payer = heard[0]!.record.payments[0]!;
    chain.reorganise(chain.height - heard[0]!.blockNumber + 1, true);
    chain.setAccount(payer.accountKey, { approvalMicro: null });
    await settlement.reconcile();
    await settlement.flush();
    const [first, second] = settlement.receipts();
    expect(first!.record.unpaid.map(({ participant }) => participant)).toContain(payer.participant);
    expect(heard.slice(2)).toEqual([first, second]);
    expect(published()[0]!.settlement).toEqual(first!.record);
    expect(published()[0]!.settlement).not.toEqual(before[0]!.settlement);
    expect(await verified()).toBe(true);
    await settlement.reconcile();
    await settlement.flush();
    expect(heard).toHaveLength(4);
  });

  it('while nobody looked, is carried out again at the next start, and said', async () => {
    chain.reorganise(1, true);
    settlement = await open();
    await settlement.flush();
    const last = settlement.receipts().at(-1)!;
    expect(heard.at(-1)).toEqual(last);
    expect(heard).toHaveLength(5);
    expect(await chain.blockHashAt(last.blockNumber)).toBe(last.blockHash);
    expect(await verified()).toBe(true);
  });
});
