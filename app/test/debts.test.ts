import {
  DEFAULT_RULES,
  parseAmount,
  signerFromSeed,
  slotAfter,
  slotStartMs,
  sum,
  type Clock,
  type OrderPayload,
  type Participant,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';
import { openMarket, rebuildRecords, type Market } from '@commonwatt/market-engine';
import {
  bootstrapCommunity,
  connectChain,
  openSettlement,
  startEmbeddedChain,
  verifyBundles,
  type Chain,
  type CommunityChain,
  type EmbeddedChain,
  type Settlement,
} from '@commonwatt/substrate-client';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CollateralBoard } from '../src/run/collateral.ts';

const COMMUNITY = 'debts';
const FIRST: SlotId = '2026-06-01T12:00:00Z';
const ASSET = 5;
const START_MICRO = 10_000_000n;
const IDS = ['home-01', 'home-02', 'supplier', 'community-fund'] as const;

const members = IDS.map((id): { participant: Participant; signer: Signer } => {
  const signer = signerFromSeed(createHash('sha256').update(`debts ${id}`).digest());
  const role = id === 'supplier' ? 'supplier' : id === 'community-fund' ? 'fund' : 'household';
  return { participant: { id, accountKey: signer.publicKey, role }, signer };
});
const treasury = signerFromSeed(createHash('sha256').update('debts treasury').digest());
const keyOf = (id: (typeof IDS)[number]): string => members[IDS.indexOf(id)]!.participant.accountKey;

/** Every slot home-01 draws 2 kWh for 0.50 and home-02 feeds in 1.6 kWh for 0.128: by estimate, so no gateway is needed. */
const ESTIMATES: Record<string, { importWh: number; exportWh: number }> = {
  'home-01': { importWh: 2000, exportWh: 0 },
  'home-02': { importWh: 0, exportWh: 1600 },
};

/** A clock by hand. */
class HandClock implements Clock {
  #nowMs = slotStartMs(FIRST) - 45 * 60_000;
  readonly #waiting = new Set<{ atMs: number; resolve: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  waitUntil(atMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#nowMs >= atMs) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { atMs, resolve };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(waiter);
        reject(signal.reason as Error);
      });
    });
  }

  goTo(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const waiter of this.#waiting) {
      if (waiter.atMs > nowMs) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}

describe('a household whose approval is too small', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-debts-'));
  const clock = new HandClock();
  const log = (): void => {};
  let embedded: EmbeddedChain;
  let chain: Chain;
  let money: CommunityChain;
  let settlement: Settlement;
  let market: Market;

  /** Everyone gets its first money once; approvals that are used up are given again, by the household's own signature. */
  const approve = (): Promise<CommunityChain> =>
    bootstrapCommunity({
      chain,
      community: COMMUNITY,
      treasury,
      participants: members,
      assetId: ASSET,
      balanceMicro: START_MICRO,
      approvalMicro: START_MICRO,
      dev: true,
    });
  const setApproval = (id: (typeof IDS)[number], amountMicro: number): Promise<unknown> => {
    const key = [ASSET, `0x${keyOf(id)}`, `0x${treasury.publicKey}`];
    return chain.rpc.call('dev_setStorage', [
      { Assets: { Approvals: [[key, { amount: amountMicro, deposit: 0 }]] } },
    ]);
  };
  const slot = (index: number): SlotId => slotAfter(FIRST, 15, index);
  const settleSlot = async (index: number): Promise<void> => {
    clock.goTo(slotStartMs(slot(index)) + 25 * 60_000);
    while (market.slot(slot(index))?.state !== 'settled') await sleep(30);
  };
  const bid = (index: number): Promise<unknown> => {
    const payload: OrderPayload = {
      type: 'order',
      community: COMMUNITY,
      slot: slot(index),
      id: `bid-${index}`,
      participant: 'home-01',
      side: 'bid',
      energyWh: 1000,
      priceMicroPerKwh: 200_000,
      revision: 0,
    };
    return market.submitOrder(members[0]!.signer.sign(payload));
  };
  const linesOf = (index: number, participant: string): Record<string, bigint> =>
    Object.fromEntries(
      (market.statement(slot(index))?.lines ?? [])
        .filter((line) => line.participant === participant)
        .map(({ reason, amountNano }) => [reason, parseAmount(amountNano) / 1000n]),
    );
  const earned = async (id: (typeof IDS)[number]): Promise<bigint> => {
    const { hash } = await chain.finalizedBlock();
    const holding = (await money.holdings([keyOf(id)], hash)).get(keyOf(id))!;
    // One micro-unit is the asset's minimum and cannot be given away.
    return holding.balanceMicro + 1n - START_MICRO;
  };

  beforeAll(async () => {
    embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log });
    chain = await connectChain({ endpoint: embedded.endpoint, log });
    money = await approve();
    settlement = await openSettlement({
      chain: money,
      ledgerPath: join(folder, 'settlement.sqlite'),
      bundleDir: join(folder, 'bundles'),
      periodSlots: 1,
      slotMinutes: 15,
      log,
    });
    const collateral = new CollateralBoard(
      money,
      members.map(({ participant }) => participant),
    );
    market = await openMarket({
      rules: { ...DEFAULT_RULES, community: COMMUNITY },
      participants: members.map(({ participant }) => participant),
      gateways: [],
      journalPath: join(folder, 'market.sqlite'),
      clock,
      firstSlot: FIRST,
      settlement,
      collateral,
      estimate: { estimate: (id) => ({ ...ESTIMATES[id]!, basis: 'always the same' }) },
      log,
    });
    // Enough for the first slot only; and the fund can give no more than what it would get.
    await setApproval('home-01', 600_000);
    await setApproval('community-fund', 0);
  });
  afterAll(async () => {
    await market?.stop();
    await settlement?.stop();
    await chain?.close();
    await embedded?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('pays as long as it can', async () => {
    await settleSlot(0);
    expect(market.receipt(slot(0))!.record.unpaid).toEqual([]);
    expect(await earned('home-01')).toBe(-500_000n);
    expect(await earned('home-02')).toBe(128_000n);
    await bid(4);
  });

  it('is then taken out; the fund covers what it can, receivers are cut, and its orders are refused', async () => {
    await settleSlot(1);
    const { record } = market.receipt(slot(1))!;
    expect(record.unpaid).toEqual([
      { participant: 'home-01', amountMicro: '500000', why: 'approval 100000 below 500000 micro-units' },
    ]);
    // The fund would get 0.272, and that is what it covers; the rest is cut from all others, in proportion.
    expect(record.fundCoverMicro).toBe('272000');
    expect(record.cuts).toEqual([
      { participant: 'home-02', amountMicro: '128000' },
      { participant: 'supplier', amountMicro: '100000' },
    ]);
    expect(record.payments).toEqual([]);
    expect(market.debts()).toMatchObject([{ participant: 'home-01', amountMicro: '500000' }]);
    await expect(bid(5)).rejects.toMatchObject({ code: 'no-collateral' });
  });

  it('finds the debt in its next statement, and again in the one after as long as it cannot pay', async () => {
    await settleSlot(2);
    expect(linesOf(2, 'home-01')).toEqual({ short: -500_000n, debt: -500_000n });
    expect(linesOf(2, 'home-02')).toEqual({ surplus: 128_000n, claim: 128_000n });
    expect(linesOf(2, 'community-fund')).toEqual({ 'fund-share': 272_000n, claim: 272_000n });
    expect(market.receipt(slot(2))!.record.unpaid).toMatchObject([{ amountMicro: '1000000' }]);
    expect(market.debts()).toMatchObject([{ participant: 'home-01', amountMicro: '1000000' }]);
    await expect(bid(6)).rejects.toMatchObject({ code: 'no-collateral' });
    expect(await earned('home-02')).toBe(128_000n);
  });

  it('approves again and pays; claims first, oldest first, then the fund; and its orders are taken', async () => {
    await approve();
    await settleSlot(3);
    const { record } = market.receipt(slot(3))!;
    expect(record.unpaid).toEqual([]);
    expect(record.payments).toContainEqual({
      participant: 'home-01',
      accountKey: keyOf('home-01'),
      direction: 'in',
      amountMicro: '1500000',
    });
    expect(linesOf(3, 'home-01')).toEqual({ short: -500_000n, debt: -1_000_000n });
    expect(market.debts()).toEqual([]);
    await bid(7);
    // Everyone has what the four slots say.
    const all = [await earned('home-01'), await earned('home-02'), await earned('supplier')];
    expect(all).toEqual([-2_000_000n, 512_000n, 400_000n]);
    expect(await earned('community-fund')).toBe(1_088_000n);
    expect(sum([...all, await earned('community-fund')])).toBe(0n);
  });

  it('is verified from the bundles and the chain alone', async () => {
    const report = await verifyBundles({
      bundleDir: join(folder, 'bundles'),
      chain,
      rebuild: rebuildRecords,
    });
    expect(report.faults).toEqual([]);
    expect(report.slots.flatMap(({ faults }) => faults)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.batches).toBe(4);
  });
});
