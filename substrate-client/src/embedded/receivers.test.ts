import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundleRecord, SettlementReceipt, SlotToSettle } from '@commonwatt/domain';
import { connectChain, type Chain } from '../chain/connect.ts';
import type { CommunityChain } from '../chain/types.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import { id } from '../community/batch-call.ts';
import { openSettlement, type Settlement } from '../settlement/open.ts';
import { members, signerNamed, slotsFrom, type Member } from '../testing/sample.ts';
import { verifyBundles } from '../verify/verify.ts';
import { startEmbeddedChain, type EmbeddedChain } from './start.ts';

const ASSET = 9;
const people = members(3);
const [alice, bob, carol] = people as [Member, Member, Member];
const slots = slotsFrom('2026-06-01T12:00:00Z', 6);

/** `carol` has neither money nor a place for the asset; the tests go on from each other. */
describe('accounts that cannot take part, on the real runtime', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-receivers-'));
  const log = (): void => {};
  let embedded: EmbeddedChain;
  let chain: Chain;
  let community: CommunityChain;
  let settlement: Settlement;
  let believed: string[] = [];

  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log });
    chain = await connectChain({ endpoint: embedded.endpoint, log });
    community = await bootstrapCommunity({
      chain,
      community: 'receivers',
      treasury: signerNamed('receivers treasury'),
      participants: people.filter((member) => member !== carol),
      assetId: ASSET,
      balanceMicro: 1_000_000n,
      approvalMicro: 1_000_000n,
      dev: true,
    });
    settlement = await openSettlement({
      // Who is believed to be able to do everything: what the chain then refuses could not be known before.
      chain: {
        ...community,
        holdings: async (keys, hash) => {
          const found = new Map(await community.holdings(keys, hash));
          for (const key of believed) {
            const cannot = { cannotPay: null, cannotReceive: null };
            found.set(key, {
              ...found.get(key)!,
              ...cannot,
              approvalMicro: 10n ** 9n,
              balanceMicro: 10n ** 9n,
            });
          }
          return found;
        },
      },
      ledgerPath: join(folder, 'ledger.sqlite'),
      bundleDir: join(folder, 'bundles'),
      periodSlots: 1,
      slotMinutes: 15,
      log,
    });
  });
  afterAll(async () => {
    await settlement?.stop();
    await chain?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pay = (slot: number, micro: readonly (readonly [Member, number])[]): Promise<SettlementReceipt> =>
    settlement.settle(slotPaying(slots[slot]!, micro));
  const setStorage = (changes: unknown): Promise<unknown> => chain.rpc.call('dev_setStorage', [changes]);
  const balanceOf = async (member: Member): Promise<bigint> => {
    const account = await chain.api.query['assets']!['account']!(ASSET, id(member.signer.publicKey));
    return BigInt((account.toJSON() as { balance: number } | null)?.balance ?? 0);
  };

  it('keeps what a receiver without an account cannot take', async () => {
    const { record } = await pay(0, [
      [alice, -700],
      [bob, 200],
      [carol, 500],
    ]);
    expect(record.held).toEqual([
      {
        participant: carol.participant.id,
        accountKey: carol.signer.publicKey,
        amountMicro: '500',
        why: 'it does not hold the asset, and cannot without some of the native token',
      },
    ]);
    expect(await balanceOf(carol)).toBe(0n);
    expect(await balanceOf(bob)).toBe(1_000_200n);
  });

  it('finds the payment that the chain refuses for a reason nobody knew, and keeps that too', async () => {
    believed = [carol.signer.publicKey];
    const head = await chain.finalizedBlock();
    const out = (member: Member) =>
      ({ direction: 'out', accountKey: member.signer.publicKey, amountMicro: 10n }) as const;
    const payments = [
      { ...out(alice), direction: 'in', amountMicro: 30n } as const,
      out(bob),
      out(carol),
      out(bob),
    ];
    expect(await community.firstRefusal(payments, head.hash)).toEqual({
      index: 2,
      error: 'Token.CannotCreate',
    });
    expect(await community.firstRefusal(payments.toSpliced(2, 1), head.hash)).toBeNull();
    const { record } = await pay(1, [
      [alice, -70],
      [bob, 20],
      [carol, 50],
    ]);
    expect(record.held?.[0]).toMatchObject({
      amountMicro: '50',
      why: expect.stringContaining('CannotCreate'),
    });
    expect(settlement.receipts()).toHaveLength(2);
  });

  it('leaves out a payer that is refused for a reason nobody knew', async () => {
    const { record } = await pay(2, [
      [alice, -70],
      [bob, 130],
      [carol, -60],
    ]);
    // What was kept for carol pays what it owes.
    expect(record.released).toEqual([
      { participant: carol.participant.id, batchId: settlement.receipts()[0]!.batchId, amountMicro: '60' },
    ]);
    const again = await pay(3, [
      [bob, 530],
      [carol, -530],
    ]);
    expect(again.record.unpaid).toEqual([
      {
        participant: carol.participant.id,
        amountMicro: '40',
        why: expect.stringContaining('assets.Unapproved'),
      },
    ]);
    believed = [];
  });

  it('leaves out a frozen payer, and waits while the asset is frozen', async () => {
    const account = await chain.api.query['assets']!['account']!(ASSET, id(alice.signer.publicKey));
    await setStorage({
      Assets: {
        Account: [[[ASSET, id(alice.signer.publicKey)], { ...(account.toJSON() as object), isFrozen: true }]],
      },
    });
    const { record } = await pay(4, [
      [alice, -5],
      [carol, 5],
    ]);
    expect(record.unpaid[0]).toMatchObject({ why: 'its account is frozen' });
    const asset = (await chain.api.query['assets']!['asset']!(ASSET)).toJSON() as object;
    await setStorage({ Assets: { Asset: [[[ASSET], { ...asset, isFrozen: true }]] } });
    const head = await chain.finalizedBlock();
    expect(await community.obstacle(head.hash)).toBe(`asset ${ASSET} is frozen`);
    const waiting = pay(5, [
      [bob, -7],
      [carol, 7],
    ]);
    while ((await settlement.status()).trouble === null)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await settlement.status()).trouble).toContain('is frozen');
    await setStorage({ Assets: { Asset: [[[ASSET], { ...asset, isFrozen: false }]] } });
    // Meanwhile carol got an account of its own.
    const native = { providers: 1, data: { free: '1000000000000' } };
    await setStorage({ System: { Account: [[[id(carol.signer.publicKey)], native]] } });
    await chain.rpc.call('dev_newBlock');
    const settled = await waiting;
    expect(settled.record.payments.filter(({ direction }) => direction === 'out')).toEqual([
      {
        participant: carol.participant.id,
        accountKey: carol.signer.publicKey,
        direction: 'out',
        amountMicro: '12',
      },
    ]);
    expect(await balanceOf(carol)).toBe(12n);
  });

  it('is verified from the bundles and the chain alone', async () => {
    const report = await verifyBundles({
      bundleDir: join(folder, 'bundles'),
      chain,
      rebuild: (records) => ({ records: [...records], problems: [] }),
    });
    expect(report.faults).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.kept).toEqual([]);
  });
});

function slotPaying(slot: string, micro: readonly (readonly [Member, number])[]): SlotToSettle {
  const records: BundleRecord[] = people.map(({ participant }) => ({ type: 'participant', participant }));
  for (const [{ participant }, amount] of micro) {
    records.push({
      type: 'line',
      line: {
        participant: participant.id,
        reason: amount < 0 ? 'bought' : 'sold',
        energyWh: 0,
        priceMicroPerKwh: 0,
        amountNano: String(BigInt(amount) * 1000n),
        text: '',
      },
    });
  }
  return { slot, records };
}
