import { afterEach, describe, expect, it } from 'vitest';
import { rebuildRecords } from '../statement/rebuild-records.ts';
import { trueUpOriginProblem } from '../statement/true-up-origin.ts';
import { CommonwattError, canonicalJson, sha256Hex, slotAfter } from '@commonwatt/domain';
import { createMemoryTelemetry } from '../telemetry/memory-telemetry.ts';
import { openMarket } from './open-market.ts';
import type { Market, MarketOptions } from './ports.ts';
import {
  COMMUNITY,
  RULES,
  SLOT,
  cancel,
  makeStage,
  order,
  reading,
  settled,
  type Stage,
} from './test-kit.ts';

const GATE_MS = Date.parse(SLOT) - RULES.gateClosureMs;
const END_MS = Date.parse(SLOT) + 15 * 60_000;
const DEADLINE_MS = END_MS + RULES.meteringDeadlineMs;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function open(part: Partial<MarketOptions> = {}, homes = 4): Promise<Stage & { market: Market }> {
  const stage = makeStage(part, homes);
  const market = await openMarket(stage.options);
  cleanups.push(() => stage.remove());
  cleanups.push(() => market.stop());
  return { ...stage, market };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'taken';
  } catch (error) {
    return (error as CommonwattError).code;
  }
}

describe('the life of a slot', () => {
  it('goes from open to settled, with trades, imbalance and a receipt', async () => {
    const { market, clock, homes, settlement } = await open();
    const states: string[] = [];
    market.subscribe((event) => {
      if (event.type === 'slot' && event.slot === SLOT) states.push(event.state);
    });
    await market.submitOrder(order(homes[0]!, { side: 'bid', energyWh: 1000, priceMicroPerKwh: 200_000 }));
    await market.submitOrder(order(homes[1]!, { side: 'offer', energyWh: 800, priceMicroPerKwh: 100_000 }));
    expect(market.bookOf(SLOT)).toBeNull();
    await clock.goTo(GATE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'cleared', volumeWh: 800, bids: 1, offers: 1 });
    expect(market.bookOf(SLOT)?.orders).toHaveLength(2);
    await clock.goTo(END_MS);
    expect(market.slot(SLOT)?.state).toBe('metering');
    await market.submitReading(reading(homes[0]!, { importWh: 900, importCounterWh: 900 }));
    await market.submitReading(
      reading(homes[1]!, { importWh: 0, exportWh: 850, importCounterWh: 0, exportCounterWh: 850 }),
    );
    await market.submitReading(reading(homes[2]!));
    expect(market.slot(SLOT)?.state).toBe('metering');
    await market.submitReading(reading(homes[3]!));
    await settled();
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 4, estimates: 0, blockNumber: 1 });
    // One tick took it through delivering.
    expect(states).toEqual(['gateClosed', 'cleared', 'metering', 'metered', 'settling', 'settled']);
    expect(settlement.calls).toBe(1);
    const statement = market.statement(SLOT)!;
    expect(statement.lines.reduce((total, line) => total + BigInt(line.amountNano), 0n)).toBe(0n);
    expect(market.receipt(SLOT)?.root).toBe(sha256Hex(canonicalJson(market.records(SLOT))));
  });

  it('settles an empty book too, because imbalance is there without trades', async () => {
    const { market, clock } = await open();
    await clock.goTo(GATE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'empty', volumeWh: 0, priceMicroPerKwh: null });
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 0, estimates: 4 });
    expect(market.statement(SLOT)!.lines.some((line) => line.reason === 'short')).toBe(true);
  });

  it('estimates what is missing at the deadline and trues it up in the next statement', async () => {
    const { market, clock, homes } = await open({}, 2);
    await market.submitOrder(order(homes[0]!, { side: 'offer', energyWh: 300, priceMicroPerKwh: 100_000 }));
    await market.submitOrder(order(homes[1]!, { side: 'bid', energyWh: 300, priceMicroPerKwh: 200_000 }));
    await clock.goTo(END_MS);
    await market.submitReading(reading(homes[0]!));
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 1, estimates: 1, volumeWh: 300 });
    const late = reading(homes[1]!, { importWh: 700, importCounterWh: 700 });
    expect(await market.submitReading(late)).toMatchObject({ use: 'true-up' });
    expect(await codeOf(market.submitReading(late))).toBe('duplicate');
    expect(await codeOf(market.submitReading(reading(homes[1]!, { sequence: 1, importWh: 710 })))).toBe(
      'conflict',
    );
    const next = slotAfter(SLOT, 15);
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    expect(market.slot(next)?.state).toBe('settled');
    const trueUps = market.records(next)!.filter((record) => record.type === 'true-up');
    expect(trueUps).toMatchObject([{ trueUp: { tradedWh: -300 } }]);
    expect(trueUpOriginProblem(trueUps[0]!.trueUp, market.records(SLOT)!)).toBeUndefined();
    expect(rebuildRecords(market.records(next)!).problems).toEqual([]);
    await clock.goTo(DEADLINE_MS + 30 * 60_000);
    expect(market.records(slotAfter(SLOT, 15, 2))!.some((record) => record.type === 'true-up')).toBe(false);
  });

  it('does not settle on a reading whose clock was not synchronised', async () => {
    const { market, clock, homes } = await open({}, 2);
    await clock.goTo(END_MS);
    await market.submitReading(reading(homes[0]!));
    expect(await market.submitReading(reading(homes[1]!, { clockSynchronised: false }))).toMatchObject({
      use: 'noted',
    });
    await settled();
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 1, estimates: 1 });
  });

  it('ends with the last slot', async () => {
    const { market, clock } = await open({ lastSlot: slotAfter(SLOT, 15) });
    await clock.goTo(DEADLINE_MS + 6 * 3_600_000);
    await settled(20);
    expect(market.slots().map(({ state }) => state)).toEqual(['settled', 'settled']);
  });

  it('tries settling again after failures', async () => {
    const { market, clock, settlement } = await open({ lastSlot: SLOT });
    let failures = 3;
    settlement.before = () => {
      if (failures-- > 0) throw new Error('the chain does not answer');
    };
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'retryWait', trouble: 'the chain does not answer' });
    await clock.goTo(DEADLINE_MS + 29_000);
    expect(market.slot(SLOT)?.state).toBe('retryWait');
    for (let minutes = 1; minutes < 5; minutes++) await clock.goTo(DEADLINE_MS + minutes * 60_000);
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', trouble: null });
    expect(settlement.calls).toBe(4);
  });

  it('waits for an operator after a refusal, over a restart too', async () => {
    const { market, clock, settlement, options, logged } = await open({ lastSlot: SLOT });
    settlement.before = () => {
      throw new CommonwattError('conflict', 'the root is another one');
    };
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({
      state: 'needsOperator',
      trouble: 'settlement refuses: the root is another one',
    });
    expect(logged.join()).toContain('needs an operator');
    expect(() => market.retry('2030-01-01T00:00:00Z')).toThrow('no slot');
    await market.stop();
    settlement.before = () => {};
    const again = await openMarket(options);
    cleanups.push(() => again.stop());
    await settled();
    expect(again.slot(SLOT)?.state).toBe('needsOperator');
    again.retry(SLOT);
    await settled();
    expect(again.slot(SLOT)).toMatchObject({ state: 'settled', trouble: null });
    expect(() => again.retry(SLOT)).toThrow('does not wait for an operator');
  });

  it('gives up an attempt that hangs, and repeats it', async () => {
    const { market, clock, settlement } = await open({ lastSlot: SLOT, settleWithinMs: 60_000 });
    let aborted = 0;
    settlement.before = (_input, signal) =>
      settlement.calls > 1
        ? undefined
        : new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted++;
              reject(signal.reason as Error);
            });
          });
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)?.state).toBe('settling');
    await clock.goTo(DEADLINE_MS + 60_000);
    expect(market.slot(SLOT)?.state).toBe('retryWait');
    expect(aborted).toBe(1);
    await clock.goTo(DEADLINE_MS + 120_000);
    expect(market.slot(SLOT)?.state).toBe('settled');
  });
});

describe('telemetry', () => {
  it('hears of the price, the grid and the settlement; when it throws, the market goes on', async () => {
    const telemetry = createMemoryTelemetry();
    const { market, clock, homes } = await open({ telemetry, lastSlot: SLOT }, 2);
    await market.submitOrder(order(homes[0]!, { energyWh: 1000, priceMicroPerKwh: 200_000 }));
    await market.submitOrder(order(homes[1]!, { side: 'offer', energyWh: 1000, priceMicroPerKwh: 100_000 }));
    await clock.goTo(GATE_MS);
    await clock.goTo(DEADLINE_MS);
    const tags = { community: COMMUNITY };
    expect(telemetry.points('market').map(({ fields }) => fields)).toEqual([
      { price: 0.15, floor: 0.08, cap: 0.25, p2p_wh: 1000, bids: 1, offers: 1 },
      { grid_import_wh: 200, grid_export_wh: 0 },
    ]);
    // Both were estimated at 100 Wh of import: one bought 900 Wh too much, the other sold 1100 Wh that it did not have.
    expect(telemetry.points('settlement')).toEqual([
      {
        measurement: 'settlement',
        tags: { ...tags, status: 'final' },
        fields: { lag_s: 600, count: 1, imbalance_wh: 2000, amount: 0 },
        atMs: DEADLINE_MS,
      },
    ]);
    const broken = {
      write: () => {
        throw new Error('no');
      },
    };
    const other = await open({ telemetry: broken, lastSlot: SLOT }, 2);
    await other.clock.goTo(DEADLINE_MS);
    expect(other.market.slot(SLOT)?.state).toBe('settled');
  });
});

describe('orders', () => {
  it('are replaced by a higher revision and taken back', async () => {
    const { market, clock, homes } = await open();
    const [home] = homes;
    await market.submitOrder(order(home!, { energyWh: 1000 }));
    await market.submitOrder(order(home!, { energyWh: 700, revision: 1 }));
    expect(market.ordersOf('home-01', SLOT).map(({ payload }) => payload.energyWh)).toEqual([700]);
    expect(await codeOf(market.submitOrder(order(home!, { energyWh: 1000 })))).toBe('duplicate');
    expect(await codeOf(market.submitOrder(order(home!, { energyWh: 1001 })))).toBe('conflict');
    await market.cancelOrder(cancel(home!, { revision: 2 }));
    expect(market.ordersOf('home-01', SLOT)).toEqual([]);
    expect(await codeOf(market.cancelOrder(cancel(home!, { revision: 2 })))).toBe('duplicate');
    await clock.goTo(GATE_MS);
    expect(market.slot(SLOT)?.state).toBe('empty');
  });

  it('of a debtor are refused until the debt is paid', async () => {
    const { market, clock, homes, settlement } = await open({}, 2);
    settlement.unpaid = [{ participant: 'home-01', amountMicro: '500', why: 'balance too small' }];
    settlement.cuts = [{ participant: 'home-02', amountMicro: '200' }];
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)?.state).toBe('settled');
    settlement.unpaid = [];
    settlement.cuts = [];
    const later = slotAfter(SLOT, 15, 5);
    const bid = order(homes[0]!, { slot: later });
    await expect(market.submitOrder(bid)).rejects.toMatchObject({ code: 'no-collateral' });
    expect(market.debts()).toEqual([
      { participant: 'home-01', amountMicro: '500', batchId: `batch-${SLOT}` },
    ]);
    await market.submitOrder(order(homes[1]!, { slot: later }));
    await clock.goTo(DEADLINE_MS + 15 * 60_000);
    const carries = market
      .records(slotAfter(SLOT, 15))!
      .flatMap((record) => (record.type === 'carry' ? [record.carry] : []));
    expect(carries).toEqual([
      {
        debtor: 'home-01',
        batchId: `batch-${SLOT}`,
        amountMicro: '500',
        claims: [{ participant: 'home-02', batchId: `batch-${SLOT}`, amountMicro: '200' }],
      },
    ]);
    await market.submitOrder(bid);
    expect(market.debts()).toEqual([]);
  });

  it('of somebody who turns out not to be a debtor are taken again, also after a restart', async () => {
    const { market, options, clock, homes, settlement } = await open({}, 2);
    settlement.unpaid = [{ participant: 'home-01', amountMicro: '500', why: 'balance too small' }];
    settlement.cuts = [{ participant: 'home-02', amountMicro: '200' }];
    await clock.goTo(DEADLINE_MS);
    const receipt = market.receipt(SLOT)!;
    const events: string[] = [];
    market.subscribe(({ type }) => events.push(type));
    // The chain took the batch back, and when it was carried out again home-01 could pay.
    const record = { ...receipt.record, unpaid: [], cuts: [] };
    const corrected = { ...receipt, blockHash: '0xother', blockNumber: 99, root: '11'.repeat(32), record };
    expect(market.correctReceipt(receipt)).toBe(false);
    expect(market.correctReceipt({ ...corrected, batchId: 'unknown' })).toBe(false);
    expect(market.correctReceipt(corrected)).toBe(true);
    expect(market.correctReceipt(corrected)).toBe(false);
    expect(events).toEqual(['corrected']);
    expect(market.receipt(SLOT)).toEqual(corrected);
    expect(market.slot(SLOT)?.blockNumber).toBe(99);
    expect(market.debts()).toEqual([]);
    await market.submitOrder(order(homes[0]!, { slot: slotAfter(SLOT, 15, 5) }));
    await market.stop();
    const again = await openMarket(options);
    cleanups.push(() => again.stop());
    expect(again.receipt(SLOT)).toEqual(corrected);
    expect(again.debts()).toEqual([]);
  });

  it('are covered by collateral when the port knows it', async () => {
    const { market, homes } = await open({ collateral: { availableMicro: () => 300_000n } });
    await market.submitOrder(order(homes[0]!, { energyWh: 1000, priceMicroPerKwh: 200_000 }));
    const second = order(homes[0]!, { id: 'second', energyWh: 1000, priceMicroPerKwh: 200_000 });
    await expect(market.submitOrder(second)).rejects.toMatchObject({ code: 'no-collateral' });
    await market.submitOrder(order(homes[0]!, { revision: 1, energyWh: 1500, priceMicroPerKwh: 200_000 }));
  });
});

describe('opening', () => {
  it('goes on with the hash chains of the readings, also when the slot before is settled', async () => {
    const { market, options, clock, homes } = await open({ lastSlot: slotAfter(SLOT, 15) }, 1);
    await clock.goTo(END_MS);
    const first = reading(homes[0]!);
    await market.submitReading(first);
    await settled();
    expect(market.slot(SLOT)?.state).toBe('settled');
    await market.stop();
    const again = await openMarket(options);
    cleanups.push(() => again.stop());
    await clock.goTo(END_MS + 15 * 60_000);
    const second = reading(homes[0]!, {
      slot: slotAfter(SLOT, 15),
      sequence: 1,
      previousHash: sha256Hex(canonicalJson(first)),
      importCounterWh: 1000,
    });
    expect(await again.submitReading(second)).toMatchObject({ chain: 'sound' });
  });

  it('refuses a journal of another community', async () => {
    const { market, options } = await open();
    await market.stop();
    const other = { ...options, rules: { ...RULES, community: 'other' }, gateways: [] };
    await expect(openMarket(other)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('refuses a gateway that its participant did not sign', async () => {
    const stage = makeStage();
    cleanups.push(() => stage.remove());
    const [first, second] = stage.homes;
    const forged = second!.signer.sign({ ...first!.registration.payload, community: COMMUNITY });
    await expect(openMarket({ ...stage.options, gateways: [forged] })).rejects.toMatchObject({
      code: 'bad-signature',
    });
  });
});
