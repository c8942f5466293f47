import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectChain, type Chain } from '../chain/connect.ts';
import type { CommunityChain } from '../chain/types.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import { checkPallets } from '../community/check.ts';
import { inspectChain, requireReady } from '../community/inspect.ts';
import { openSettlement, type Settlement } from '../settlement/open.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from '../testing/sample.ts';
import { verifyBundles } from '../verify/verify.ts';
import { openChainForReading, runningEndpoint } from './reading.ts';
import { startEmbeddedChain, type EmbeddedChain } from './start.ts';

const people = members(4);
const random = randomFrom(3);
const slots = slotsFrom('2026-06-01T12:00:00Z', 8).map((slot) => sampleSlot(slot, people, random));

/** One real runtime for all of it: the tests go on from each other. */
describe('on the real runtime', { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-real-'));
  const dir = join(folder, 'chain');
  const bundleDir = join(folder, 'bundles');
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  let embedded: EmbeddedChain;
  let chain: Chain;
  let community: CommunityChain;
  let settlement: Settlement;

  const bootstrap = (): Promise<CommunityChain> =>
    bootstrapCommunity({
      chain,
      community: 'real',
      treasury: signerNamed('real treasury'),
      participants: people,
      assetId: 7,
      balanceMicro: 50_000_000n,
      approvalMicro: 40_000_000n,
      dev: true,
    });
  const open = (): Promise<Settlement> =>
    openSettlement({
      chain: community,
      ledgerPath: join(folder, 'ledger.sqlite'),
      bundleDir,
      periodSlots: 2,
      slotMinutes: 15,
      log,
    });

  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir, log });
    chain = await connectChain({ endpoint: embedded.endpoint, log });
    community = await bootstrap();
    settlement = await open();
  });
  afterAll(async () => {
    await settlement?.stop();
    await chain?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('funds and approves once, however often it is called', async () => {
    const before = await chain.finalizedBlock();
    const again = await bootstrap();
    expect(await chain.finalizedBlock()).toEqual(before);
    const keys = people.map(({ signer }) => signer.publicKey);
    for (const holding of (await again.holdings(keys, before.hash)).values()) {
      expect(holding).toEqual({
        balanceMicro: 49_999_999n,
        approvalMicro: 40_000_000n,
        cannotPay: null,
        cannotReceive: null,
        receivesFromMicro: 1n,
      });
    }
  });

  it('says what a chain lacks for settlement', async () => {
    const key = signerNamed('real treasury').publicKey;
    const ready = async (assetId: number, settlementKey: string): Promise<void> =>
      requireReady(chain, await inspectChain(chain, { assetId, settlementKey }));
    await expect(ready(7, key)).resolves.toBeUndefined();
    await expect(ready(8, key)).rejects.toThrow('asset 8 does not exist');
    await expect(ready(7, '00'.repeat(32))).rejects.toThrow(
      'has 0.000000000000 ROC for fees: about 0 batches',
    );
    expect(() => checkPallets(chain)).not.toThrow();
    expect(await community.paymentsMax()).toBeGreaterThan(200);
    const status = await settlement.status();
    expect(status.fundsNative).toBeGreaterThan(0n);
    expect(status.alarms).toEqual([]);
  });

  it('settles a period in one batch and waits for finality', async () => {
    const receipts = await Promise.all(slots.slice(0, 2).map((slot) => settlement.settle(slot)));
    expect(receipts[0]).toEqual(receipts[1]);
    expect(receipts[0]!.slots).toEqual(slots.slice(0, 2).map(({ slot }) => slot));
    const block = await chain.block(receipts[0]!.blockHash);
    const extrinsic = block.extrinsics.find(({ hash }) => hash === receipts[0]!.extrinsicHash);
    expect(extrinsic?.success).toBe(true);
    expect(extrinsic?.batch?.remark).toContain(receipts[0]!.root);
    expect(settlement.feesNative()).toBeGreaterThan(0n);
  });

  it('refuses what the fake refuses too: a used nonce, a passed era, a payment without balance', async () => {
    const head = await chain.finalizedBlock();
    const nonce = await community.nonceAt(head.hash);
    const remark = 'not a batch of ours';
    const used = await community.sign({ payments: [], remark }, nonce - 1, head);
    await expect(community.submit(used.bytes)).rejects.toThrow(/refuses/);
    const old = { number: 1, hash: (await chain.blockHashAt(1))! };
    expect((await community.sign({ payments: [], remark }, nonce, old)).deathNumber).toBe(65);
    const key = people[0]!.signer.publicKey;
    const payments = [{ direction: 'in', accountKey: key, amountMicro: 45_000_000n }] as const;
    const tooMuch = await community.sign({ payments, remark }, nonce, head);
    await community.submit(tooMuch.bytes);
    while ((await chain.finalizedBlock()).number === head.number) await sleep(50);
    const { hash } = await chain.finalizedBlock();
    const outcome = (await chain.block(hash)).extrinsics.find((extrinsic) => extrinsic.hash === tooMuch.hash);
    expect(outcome).toMatchObject({ success: false, error: 'assets.Unapproved' });
    expect(await community.nonceAt(hash)).toBe(nonce + 1);
  });

  it('goes on at the last block after kill -9, and no payment is lost or doubled', async () => {
    const before = await chain.finalizedBlock();
    const receipts = slots.slice(2, 4).map((slot) => settlement.settle(slot));
    await sleep(250);
    process.kill(embedded.pid, 'SIGKILL');
    const [receipt] = await Promise.all(receipts);
    expect(receipt!.blockNumber).toBeGreaterThan(before.number);
    expect(await chain.blockHashAt(before.number)).toBe(before.hash);
  });

  it('puts back batches that the chain took back', async () => {
    const [receipt] = await Promise.all(slots.slice(4, 6).map((slot) => settlement.settle(slot)));
    await chain.rpc.call('dev_setHead', [receipt!.blockNumber - 1]);
    await chain.rpc.call('dev_newBlock');
    expect((await chain.finalizedBlock()).hash).not.toBe(receipt!.blockHash);
    await settlement.reconcile();
    await settlement.flush();
    const again = settlement.receipts().find(({ batchId }) => batchId === receipt!.batchId);
    expect(again!.record).toEqual(receipt!.record);
    expect(await chain.blockHashAt(again!.blockNumber)).toBe(again!.blockHash);
  });

  it('ends at a flush with an incomplete period', async () => {
    const last = settlement.settle(slots[6]!);
    await settlement.flush();
    expect((await last).slots).toEqual([slots[6]!.slot]);
    expect(readdirSync(bundleDir)).toHaveLength(7);
  });

  it('is verified from the bundles and the chain alone, running or not', async () => {
    const verify = async (): Promise<boolean> => {
      const reading = await openChainForReading(dir);
      const reader = await connectChain({ endpoint: reading.endpoint, log });
      const report = await verifyBundles({
        bundleDir,
        chain: reader,
        rebuild: (records) => ({ records: [...records], problems: [] }),
      });
      await reader.close();
      await reading.stop();
      expect(report.faults).toEqual([]);
      expect(report.batches).toBe(4);
      return report.ok;
    };
    expect(await runningEndpoint(dir)).toBe(embedded.endpoint);
    expect(await verify()).toBe(true);
    await settlement.stop();
    await chain.close();
    await embedded.stop();
    const before = readFileSync(join(dir, 'chain.sqlite'));
    expect(await runningEndpoint(dir)).toBeNull();
    expect(await verify()).toBe(true);
    expect(readFileSync(join(dir, 'chain.sqlite')).equals(before)).toBe(true);
  });
});
