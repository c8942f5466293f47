import { slotAfter } from '@commonwatt/domain';
import { afterEach, describe, expect, it } from 'vitest';
import { rebuildRecords } from '../statement/rebuild-records.ts';
import { createMemoryTelemetry } from '../telemetry/memory-telemetry.ts';
import { openMarket } from './open-market.ts';
import type { Market, MarketEvent } from './ports.ts';
import {
  makeFeeder,
  makeStage,
  order,
  reading,
  RULES,
  settled,
  SLOT,
  withFeeders,
  type Home,
  type Stage,
} from './test-kit.ts';

const END_MS = Date.parse(SLOT) + 15 * 60_000;
const DEADLINE_MS = END_MS + RULES.meteringDeadlineMs;
const FEEDER = makeFeeder();

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function stageWith(...feeders: readonly Home[]): Stage {
  const stage = makeStage({ lastSlot: SLOT }, 2);
  cleanups.push(() => stage.remove());
  return { ...stage, options: withFeeders(stage.options, ...feeders) };
}

async function open(): Promise<Stage & { market: Market }> {
  const stage = stageWith(FEEDER);
  const market = await openMarket(stage.options);
  cleanups.push(() => market.stop());
  return { ...stage, market };
}

describe('a community with a feeder meter', () => {
  it("waits for the feeder's reading, publishes it and the check, and settles nothing on it", async () => {
    const { market, clock, homes } = await open();
    await clock.goTo(END_MS);
    for (const home of homes) await market.submitReading(reading(home));
    expect(market.slot(SLOT)?.state).toBe('metering');
    // More than any home can draw.
    await market.submitReading(reading(FEEDER, { importWh: 400_000, importCounterWh: 400_000 }));
    await settled();
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 2, estimates: 0 });
    const records = market.records(SLOT)!;
    expect(records.at(-1)).toMatchObject({
      type: 'feeder',
      check: { feeder: 'feeder-1', importWh: 400_000, homesImportWh: 1000, verdict: 'loss' },
    });
    expect(rebuildRecords(records)).toEqual({ records, problems: [] });
    const statement = market.statement(SLOT)!;
    expect(statement.positions.map(({ participant }) => participant)).toEqual(['home-01', 'home-02']);
    expect(statement.lines.some(({ participant }) => participant === 'feeder-1')).toBe(false);
  });

  it('goes on at the deadline without it; what comes then is noted, and the check stays unknown', async () => {
    const { market, clock, homes } = await open();
    await clock.goTo(END_MS);
    for (const home of homes) await market.submitReading(reading(home));
    await clock.goTo(DEADLINE_MS);
    expect(market.slot(SLOT)).toMatchObject({ state: 'settled', readings: 2, estimates: 0 });
    const records = market.records(SLOT)!;
    expect(records.at(-1)).toMatchObject({
      check: { importWh: null, differenceWh: null, verdict: 'unknown' },
    });
    expect(rebuildRecords(records).problems).toEqual([]);
    expect(await market.submitReading(reading(FEEDER))).toMatchObject({ use: 'noted' });
    expect(market.records(SLOT)).toEqual(records);
  });

  it('tells about each check, keeps it over a restart, and names a meter once', async () => {
    const stage = makeStage({}, 3);
    cleanups.push(() => stage.remove());
    const telemetry = createMemoryTelemetry();
    const options = { ...withFeeders(stage.options, FEEDER), telemetry };
    const market = await openMarket(options);
    const events: MarketEvent[] = [];
    market.subscribe((event) => void (event.type === 'feeder' && events.push(event)));
    const [first, second, third] = stage.homes as [Home, Home, Home];
    const SLOTS = 60;
    for (let index = 0; index < SLOTS; index++) {
      const slot = slotAfter(SLOT, 15, index);
      await stage.clock.goTo(Date.parse(slot) + 15 * 60_000);
      const flows = [400 + ((index * 37) % 300), 300 + ((index * index) % 500), 200 + ((index * 101) % 400)];
      const [a = 0, b = 0, c = 0] = flows;
      // The second home's meter takes import for export.
      for (const [home, importWh, exportWh] of [
        [first, a, 0],
        [second, 0, b],
        [third, c, 0],
        [FEEDER, a + b + c + 60, 0],
      ] as const) {
        await market.submitReading(reading(home, { slot, sequence: index, importWh, exportWh }));
      }
      await settled();
    }
    expect(events).toHaveLength(SLOTS);
    const report = market.feederReport();
    expect(report).toMatchObject({ feeder: 'feeder-1', slots: SLOTS, from: SLOT });
    expect(report.suspects).toMatchObject([{ participant: 'home-02', fault: 'swapped' }]);
    expect(stage.logged.filter((line) => line.includes('look at the meter of home-02'))).toHaveLength(1);
    expect(market.slot(SLOT)).toMatchObject({ feederVerdict: 'loss', feederDifferenceWh: 660 });
    expect(market.feederChecks({ limit: 2 }).map(({ slot }) => slot)).toEqual([
      slotAfter(SLOT, 15, SLOTS - 1),
      slotAfter(SLOT, 15, SLOTS - 2),
    ]);
    expect(telemetry.points('feeder').at(0)).toMatchObject({
      tags: { feeder: 'feeder-1' },
      fields: { diff_wh: 660, e_imp_wh: 960, suspects: 0 },
    });
    expect(telemetry.points('feeder').at(-1)?.fields['suspects']).toBe(1);
    await market.stop();
    const again = await openMarket(options);
    cleanups.push(() => again.stop());
    expect(again.feederReport()).toEqual(report);
    expect(again.health().feeder).toMatchObject({
      suspects: 1,
      latest: { slot: slotAfter(SLOT, 15, SLOTS - 1) },
    });
  });

  it('refuses orders of the feeder', async () => {
    const { market } = await open();
    await expect(market.submitOrder(order(FEEDER))).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('feeder-1 is the feeder') as string,
    });
  });

  it('is opened with one feeder at most', async () => {
    const { options } = stageWith(FEEDER, makeFeeder('feeder-2', 8003));
    await expect(openMarket(options)).rejects.toMatchObject({
      code: 'conflict',
      place: { record: 'feeder-2' },
    });
  });
});
