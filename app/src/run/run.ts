import { createServer } from 'node:net';
import {
  CommonwattError,
  slotAfter,
  slotEndMs,
  slotHolding,
  slotStartMs,
  type Clearing,
  type SlotId,
} from '@commonwatt/domain';
import type { ImportLimit } from '@commonwatt/home-agent';
import { buildMarketServer, createMarketClient, openMarket, type Market } from '@commonwatt/market-engine';
import { rebuildRecords } from '@commonwatt/market-engine';
import {
  bootstrapCommunity,
  connectChain,
  openSettlement,
  startEmbeddedChain,
  verifyBundles,
} from '@commonwatt/substrate-client';
import { startPark, type NeighbourhoodSpec } from '../neighbourhood/index.ts';
import { createSimulatedClock } from './clock.ts';
import { formCommunity } from './community.ts';
import { startHousehold, type Household } from './household.ts';
import { ClearingBoard, shareLimits } from './outlook.ts';
import { addNeighbourhoodRoutes } from './server.ts';
import { SignalBoard } from './signals.ts';
import { writeAtomically, type State } from './state.ts';
import { summarise, type Summary } from './summary.ts';
import { Tally } from './tally.ts';
import { startTelemetry } from './telemetry.ts';
import { neighbourhoodView } from './view.ts';

const ASSET_ID = 1984;
/** Every household starts with 1,000 and lets the settlement account draw as much; supplier and fund stand for more. */
const BALANCE_MICRO = 1_000_000_000n;
const PERIOD_SLOTS = 4;
const WATCH_MS = 60_000;

export interface RunOptions {
  readonly state: State;
  readonly spec: NeighbourhoodSpec;
  readonly speed: number;
  /** Ends after this many slots are settled on chain; null runs until it is stopped. */
  readonly slots: number | null;
  readonly port: number;
  /** Then a free port will do as well. */
  readonly portIsDefault: boolean;
  readonly influxUrl: string | null;
  readonly summaryFile: string | null;
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal;
}

/** Stops what was started, last first; every part gets its chance even if another fails. */
class Closing {
  readonly #steps: (readonly [what: string, close: () => unknown])[] = [];
  add(what: string, close: () => unknown): void {
    this.#steps.push([what, close]);
  }
  async run(say: (line: string) => void): Promise<void> {
    for (const [what, close] of this.#steps.toReversed()) {
      try {
        await close();
      } catch (error) {
        say(`stopping ${what}: ${(error as Error).message}`);
      }
    }
  }
}

/** Runs the neighbourhood until its slots are settled, its data ends, or it is stopped. Returns the summary. */
export async function runNeighbourhood(options: RunOptions): Promise<Summary | null> {
  const closing = new Closing();
  try {
    return await compose(options, closing);
  } finally {
    await closing.run(options.say);
  }
}

async function compose(options: RunOptions, closing: Closing): Promise<Summary | null> {
  const { state, spec, say, stop } = options;
  const { slotMinutes } = state.identity;
  const homes = spec.homes.map((home) => home.id);
  const community = formCommunity({ community: state.community, homes, slotMinutes, signer: state.signer });
  const { rules } = community;
  const firstSlot = slotAfter(slotHolding(spec.startMs, slotMinutes), slotMinutes);
  const failed = new AbortController();
  const over = AbortSignal.any([stop, failed.signal]);

  say(`${homes.length} homes, state in ${state.dir}${state.fresh ? '' : ' (going on where it was)'}`);
  say('the chain starts ...');
  const [chainProcess, park] = await Promise.all([
    startEmbeddedChain({ dir: state.path('chain'), log: say, onProgress: (text) => say(`chain: ${text}`) }),
    startPark({ spec, dir: state.path('devices'), atMs: spec.startMs, log: say }),
  ]);
  closing.add('the chain', () => chainProcess.stop());
  closing.add('the devices', () => park.stop());
  say(`${park.homes.reduce((count, home) => count + home.devices.length, 0)} devices answer on loopback`);
  const chain = await connectChain({ endpoint: chainProcess.endpoint, log: say });
  closing.add('the chain connection', () => chain.close());
  const communityChain = await bootstrapCommunity({
    chain,
    community: state.community,
    treasury: state.signer('treasury'),
    participants: community.participants.map((participant) => ({
      participant,
      signer: community.signers.get(participant.id) as NonNullable<ReturnType<typeof community.signers.get>>,
    })),
    assetId: ASSET_ID,
    balanceMicro: BALANCE_MICRO,
    approvalMicro: BALANCE_MICRO,
    dev: true,
    onProgress: (text: string) => say(`chain: ${text}`),
  });
  const settlement = await openSettlement({
    chain: communityChain,
    ledgerPath: state.path('settlement.sqlite'),
    bundleDir: state.path('bundles'),
    periodSlots: PERIOD_SLOTS,
    slotMinutes,
    log: say,
  });
  closing.add('settlement', () => settlement.stop());
  settlement.expectFrom(firstSlot);
  await settlement.reconcile();
  writeAtomically(
    state.path('chain', 'endpoint.json'),
    `${JSON.stringify({ endpoint: chainProcess.endpoint, pid: chainProcess.pid })}\n`,
  );

  const clock = createSimulatedClock({
    startMs: park.atMs,
    speed: options.speed,
    advance: (toMs) => park.advance(spec.endMs === null ? toMs : Math.min(toMs, spec.endMs)),
    onError: (error) =>
      failed.abort(new CommonwattError('unavailable', `the devices stopped: ${(error as Error).message}`)),
  });
  closing.add('the clock', () => clock.stop());
  const telemetry = await startTelemetry({
    influxUrl: options.influxUrl,
    community: state.community,
    log: say,
  });
  closing.add('telemetry', () => telemetry.stop());
  const households: Household[] = [];
  const market = await openMarket({
    rules,
    participants: community.participants,
    gateways: community.gateways,
    journalPath: state.path('market.sqlite'),
    clock,
    firstSlot,
    settlement: { settle: (input, signal) => settlement.settle(input, signal) },
    telemetry: telemetry.port,
    estimate: {
      estimate: (participant, slot) =>
        households.find((household) => household.spec.id === participant)?.estimate(slot) ?? {
          importWh: 0,
          exportWh: 0,
          basis: 'nothing known',
        },
    },
    log: say,
  });
  closing.add('the market', () => market.stop());

  const board = new ClearingBoard();
  const tally = new Tally(rules, homes);
  const orderCounts = new Map<SlotId, { bids: number; offers: number }>();
  replay(market, board, tally);
  const signals = new SignalBoard({
    file: state.path('signals.json'),
    community: state.community,
    operatorKey: state.signer('operator').publicKey,
  });
  closing.add('signals', () => signals.save());
  let limits = new Map<string, ImportLimit[]>();
  let finalizedBlock = (await chain.finalizedBlock()).number;

  const server = await buildMarketServer(market, { port: options.port });
  const view = () =>
    neighbourhoodView({
      community,
      households,
      signals,
      nowMs: clock.nowMs(),
      speed: options.speed,
      firstSlot,
      tally: tally.result(),
      cleared: clearedView(board.latest(), orderCounts),
      batches: settlement.batches(20),
      chain: { endpoint: chainProcess.endpoint, finalizedBlock, healthy: true },
    });
  const endStreams = await addNeighbourhoodRoutes(server, {
    view,
    takeSignal: (signed) => {
      const signal = signals.add(signed, clock.nowMs());
      limits = shareLimits(signals, households, clock.nowMs());
      say(
        `demand signal ${signal.id}: import at most ${signal.limitW} W from ${new Date(signal.fromMs).toISOString()} to ${new Date(signal.toMs).toISOString()}`,
      );
      return signal;
    },
    nowMs: () => clock.nowMs(),
  });
  const address = await listen(server, options.port, options.portIsDefault);
  closing.add('the page', async () => {
    endStreams();
    await server.close();
  });
  writeAtomically(
    state.path('running.json'),
    `${JSON.stringify({ address, pid: process.pid, community: state.community, chain: chainProcess.endpoint })}\n`,
  );
  say(`the page is at ${address}`);

  const client = createMarketClient({ baseUrl: address });
  say(`${homes.length} gateways start ...`);
  await Promise.all(
    spec.homes.map(async (home, index) => {
      const devices = park.homes.find((one) => one.id === home.id)?.devices ?? [];
      households[index] = await startHousehold({
        spec: home,
        site: {
          slotMinutes,
          pvPeakW: home.pvPeakW,
          latitudeDeg: spec.latitudeDeg,
          longitudeDeg: spec.longitudeDeg,
          timezone: spec.timezone,
        },
        devices,
        community,
        market: client,
        clock,
        pollIntervalMs: Math.max(10_000, Math.round(options.speed * 200)),
        gatewayFile: state.path('gateways', `${home.id}.sqlite`),
        pkiFolder: state.path('gateways', 'pki'),
        firstSlot,
        phase: index / spec.homes.length,
        outlook: () => board.outlook(rules),
        limits: () => limits.get(home.id) ?? [],
        positionWh: (slot) => board.positionWh(slot, home.id),
        log: say,
      });
    }),
  );
  closing.add('the homes', () => Promise.all(households.map((household) => household?.stop())));
  teach(market, households);

  const unsubscribe = market.subscribe((event) => {
    if (event.type === 'cleared') {
      board.add(event.clearing);
      const orders = market.bookOf(event.clearing.slot)?.orders ?? [];
      const bids = orders.filter((order) => order.side === 'bid').length;
      orderCounts.set(event.clearing.slot, { bids, offers: orders.length - bids });
      limits = shareLimits(signals, households, clock.nowMs());
      telemetry.cleared(clock.nowMs(), event.clearing, rules, orderCounts.get(event.clearing.slot));
    } else if (event.type === 'settled') {
      market.addCarries(event.receipt);
      const records = market.records(event.slot);
      if (records) tally.add(event.slot, 'settled', records);
      finalizedBlock = Math.max(finalizedBlock, event.receipt.blockNumber);
      signals.save();
      const settled = tally.result().slots;
      say(slotLine(settled.get(event.slot), event.receipt.blockNumber, settled.size, options.slots));
      telemetry.settled(
        clock.nowMs(),
        event.slot,
        settled.get(event.slot),
        slotEndMs(event.slot, slotMinutes),
      );
    }
  });
  closing.add('events', unsubscribe);
  const watch = watchFeeder();
  clock.start();

  await runUntilDone();
  await clock.stop();
  if (over.aborted && failed.signal.aborted) throw failed.signal.reason;
  if (options.slots === null && options.summaryFile === null) return null;
  say('checking every settled slot against the chain ...');
  const verified = await verifyBundles({
    bundleDir: state.path('bundles'),
    chain,
    community: state.community,
    rebuild: rebuildRecords,
  });
  const result = tally.result();
  const summary = summarise({
    community: state.community,
    households,
    tally: result,
    batches: settlement.receipts().length,
    finalizedBlock: (await chain.finalizedBlock()).number,
    feesNative: settlement.feesNative(),
    verified,
    signals: signals.views(clock.nowMs(), result.slots, slotMinutes),
  });
  if (options.summaryFile !== null)
    writeAtomically(options.summaryFile, `${JSON.stringify(summary, null, 2)}\n`);
  await watch;
  return summary;

  /** Every minute of the neighbourhood's time: what the feeder would draw without signals, and the telemetry of the homes. */
  async function watchFeeder(): Promise<void> {
    let fromMs = clock.nowMs();
    while (!over.aborted) {
      try {
        await clock.waitUntil(fromMs + WATCH_MS, AbortSignal.any([over, ended.signal]));
      } catch {
        return;
      }
      const nowMs = clock.nowMs();
      const without = households.map((household) => household.gridWithoutSignalsW());
      signals.watch(
        fromMs,
        nowMs,
        without.reduce((total: number, powerW) => total + (powerW ?? 0), 0),
      );
      telemetry.homes(nowMs, households, signals.limitW(nowMs));
      fromMs = nowMs;
    }
  }

  async function runUntilDone(): Promise<void> {
    const target = options.slots;
    const lastSlot = target === null ? null : slotAfter(firstSlot, slotMinutes, target - 1);
    let flushed = false;
    while (!over.aborted) {
      const settledCount = tally.result().slots.size;
      if (target !== null && settledCount >= target) break;
      const dataOver = spec.endMs !== null && clock.nowMs() >= spec.endMs;
      const lastMetered = lastSlot !== null && market.records(lastSlot) !== null;
      if ((lastMetered || dataOver) && !flushed) {
        flushed = true;
        if (dataOver) say('the measured data ends here');
        await settlement.flush();
        if (dataOver && target === null) break;
      } else if (flushed) {
        await settlement.flush();
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    ended.abort();
  }
}

const ended = new AbortController();

/** On a restart: what earlier runs cleared and settled. */
function replay(market: Market, board: ClearingBoard, tally: Tally): void {
  for (const summary of market.slots({})) {
    const clearing = market.clearing(summary.slot);
    if (clearing) board.add(clearing);
    const records = summary.state === 'settled' ? market.records(summary.slot) : null;
    if (records) tally.add(summary.slot, 'settled', records);
  }
}

/** On a restart: the forecasters learn from the readings that the market already has. */
function teach(market: Market, households: readonly Household[]): void {
  const byId = new Map(households.map((household) => [household.spec.id, household]));
  for (const summary of market.slots({})) {
    for (const record of market.records(summary.slot) ?? []) {
      if (record.type === 'reading')
        byId.get(record.reading.payload.participant)?.learn(record.reading.payload);
    }
  }
}

function clearedView(
  clearing: Clearing | null,
  counts: ReadonlyMap<SlotId, { bids: number; offers: number }>,
) {
  return clearing === null ? null : { clearing, ...(counts.get(clearing.slot) ?? { bids: 0, offers: 0 }) };
}

function slotLine(
  slot:
    | { slot: SlotId; priceMicroPerKwh: number | null; tradedWh: number; importWh: number; exportWh: number }
    | undefined,
  block: number,
  settled: number,
  target: number | null,
): string {
  if (slot === undefined) return '';
  const price =
    slot.priceMicroPerKwh === null
      ? 'no trade'
      : `${(slot.tradedWh / 1000).toFixed(2)} kWh at ${(slot.priceMicroPerKwh / 10_000).toFixed(2)} ct`;
  const grid =
    slot.importWh > 0
      ? `${(slot.importWh / 1000).toFixed(2)} kWh from the grid`
      : `${(slot.exportWh / 1000).toFixed(2)} kWh to the grid`;
  const count = target === null ? `${settled}` : `${settled} of ${target}`;
  return `${new Date(slotStartMs(slot.slot)).toISOString().slice(0, 16)}Z  ${price.padEnd(24)} ${grid.padEnd(24)} settled in block ${block} (${count})`;
}

/** Listens on loopback. A port that was asked for and is taken is an error; the default one gives way to a free one. */
async function listen(
  server: { listen(options: { host: string; port: number }): Promise<string> },
  port: number,
  orAnother: boolean,
): Promise<string> {
  const host = '127.0.0.1';
  try {
    return await server.listen({ host, port: orAnother && !(await portIsFree(port)) ? 0 : port });
  } catch (error) {
    throw new CommonwattError(
      'unavailable',
      `port ${port} cannot be had: ${(error as Error).message}`,
      { remedy: 'give another --port, or 0 for a free one' },
      { cause: error },
    );
  }
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
