import { CommonwattError, slotAfter, type Clearing, type NeighbourhoodView } from '@commonwatt/domain';
import type { ImportLimit } from '@commonwatt/home-agent';
import {
  buildMarketServer,
  rebuildRecords,
  trueUpOriginProblem,
  type Market,
} from '@commonwatt/market-engine';
import { ALARM_LIMITS, readRegistry, verifyBundles } from '@commonwatt/substrate-client';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPark, type NeighbourhoodSpec } from '../neighbourhood/index.ts';
import { BundleShelf } from './bundles.ts';
import { ApprovalDesk } from './approvals.ts';
import { addApprovalRoutes } from './approval-routes.ts';
import { chainFacts, type PublicChain } from './chain.ts';
import { ChainWatch } from './chain-watch.ts';
import { createSimulatedClock } from './clock.ts';
import { CollateralBoard } from './collateral.ts';
import { addCosignRoutes } from './cosign-routes.ts';
import { startCosigners } from './cosigners.ts';
import { Closing } from './closing.ts';
import { formCommunity } from './community.ts';
import { addFaucet, faucetMember } from './faucet.ts';
import { startHomes } from './homes.ts';
import type { Household } from './household.ts';
import { listen } from './listen.ts';
import { ClearingBoard, shareLimits } from './outlook.ts';
import type { RuleChanges } from './rules.ts';
import { replay, teach } from './resume.ts';
import { addNeighbourhoodRoutes } from './server.ts';
import { followRegistry, membershipOf } from './registry.ts';
import { PERIOD_SLOTS, startSettlement } from './settle.ts';
import { slotAtOrAfter, slotsToSettle } from './span.ts';
import { SignalBoard } from './signals.ts';
import { slotLine } from './slot-line.ts';
import { writeAtomically, type State } from './state.ts';
import { summarise, type Summary } from './summary.ts';
import { Tally } from './tally.ts';
import { startTelemetry } from './telemetry.ts';
import { openRunMarket } from './run-market.ts';
import { neighbourhoodView } from './view.ts';
import { watchFeeder } from './watch.ts';

const LOOK_MS = 100;
const FIRST_ORDERS_MS = 10_000;
const BATCHES_SHOWN = 20;
const MINUTES_PER_DAY = 1440;

export interface RunOptions {
  readonly state: State;
  readonly spec: NeighbourhoodSpec;
  readonly speed: number;
  /** Ends after this many slots are settled on chain; null runs until it is stopped. */
  readonly slots: number | null;
  readonly port: number;
  /** Then a free port will do as well. */
  readonly portIsDefault: boolean;
  /** What the community has agreed otherwise than the default rules. */
  readonly rules: RuleChanges;
  /** A chain that somebody else runs; null for the embedded one. */
  readonly publicChain: PublicChain | null;
  /** Grid meters that show only so much of what flows from this start on. */
  readonly wrongMeters: readonly { readonly home: string; readonly percent: number }[];
  readonly influxUrl: string | null;
  readonly summaryFile: string | null;
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal;
}

/** Runs the neighbourhood until its slots are settled, its data ends, or it is stopped. Returns the summary of a run that came to its end, or whose summary was asked for. */
export async function runNeighbourhood(options: RunOptions): Promise<Summary | null> {
  const closing = new Closing();
  try {
    return await compose(options, closing);
  } finally {
    await closing.run(options.say);
  }
}

async function compose(options: RunOptions, closing: Closing): Promise<Summary | null> {
  const { state, spec, say } = options;
  const { slotMinutes } = state.identity;
  const homes = spec.homes.map((home) => home.id);
  const community = formCommunity({
    community: state.community,
    homes,
    feeder: spec.feeder?.id ?? null,
    slotMinutes,
    signer: state.signer,
    changes: options.rules,
  });
  const { rules } = community;
  const firstSlot = slotAtOrAfter(spec.startMs, slotMinutes);
  const target = slotsToSettle(options.slots, firstSlot, spec.endMs, slotMinutes);
  const lastSlot = target === null ? null : slotAfter(firstSlot, slotMinutes, target - 1);
  const failed = new AbortController();
  const ended = new AbortController();
  const over = AbortSignal.any([options.stop, failed.signal, ended.signal]);

  say(`${homes.length} homes, state in ${state.dir}${state.fresh ? '' : ' (going on where it was)'}`);
  say('the devices and the chain start ...');
  // Both are awaited even if one fails, so that what has started is stopped again.
  const [parkStart, chainStart] = await Promise.allSettled([
    startPark({ spec, dir: state.path('devices'), atMs: spec.startMs, log: say }).then((started) => {
      closing.add('the devices', () => started.stop());
      return started;
    }),
    startSettlement({ state, community, firstSlot, publicChain: options.publicChain, say }, closing),
  ]);
  if (parkStart.status === 'rejected') throw parkStart.reason;
  if (chainStart.status === 'rejected') throw chainStart.reason;
  const park = parkStart.value;
  const { endpoint, chain, start, settlement, communityChain, registry, terms } = chainStart.value;
  if (options.stop.aborted) return null;
  const devices = [...park.homes, ...(park.feeder === null ? [] : [park.feeder])];
  say(`${devices.reduce((count, home) => count + home.devices.length, 0)} devices answer on loopback`);
  for (const { home, percent } of options.wrongMeters) {
    await park.fault(home, 'grid-meter', { kind: 'wrong-meter', percent });
    say(`the meter of ${home} shows ${percent} % of what flows`);
  }

  const clock = createSimulatedClock({
    startMs: park.atMs,
    speed: options.speed,
    advance: (toMs) => park.advance(toMs),
    onError: (error) =>
      failed.abort(new CommonwattError('unavailable', `the devices stopped: ${(error as Error).message}`)),
  });
  closing.add('the clock', () => clock.stop());
  const members = membershipOf(registry);
  for (const { entry, why } of members.ignored) say(`the registry's entry ${entry} does not count: ${why}`);
  const collateral = new CollateralBoard(communityChain, members.participants);
  await collateral.refresh();
  const telemetry = await startTelemetry({ influxUrl: options.influxUrl, slotMinutes, log: say });
  closing.add('telemetry', () => telemetry.stop());
  const households: Household[] = [];
  const market = await openRunMarket(
    {
      state,
      rules,
      members,
      clock,
      firstSlot,
      lastSlot,
      settlement,
      collateral,
      telemetry: telemetry.port,
      households,
      say,
    },
    closing,
  );

  const board = new ClearingBoard();
  const tally = new Tally(rules, homes);
  replay(market, board, tally);
  const signals = new SignalBoard({
    file: state.path('signals.json'),
    community: state.community,
    operatorKey: state.signer('operator').publicKey,
  });
  closing.add('the demand signals', () => signals.save());
  let limits = new Map<string, ImportLimit[]>();
  const share = (): void => {
    limits = shareLimits(signals, households, clock.nowMs());
  };
  let finalizedBlock = (await chain.finalizedBlock()).number;

  const facts = await chainFacts(chainStart.value, state.community, communityChain.settlementKey);
  const watch = new ChainWatch({
    settlement,
    community: state.community,
    native: facts.native,
    batchesPerDay: MINUTES_PER_DAY / (slotMinutes * PERIOD_SLOTS),
    participants: () => market.participants.map(({ id }) => id),
    availableMicro: (participant) => collateral.availableMicro(participant),
    nowMs: () => clock.nowMs(),
    monotonicMs: () => performance.now(),
    write: (points) => telemetry.port.write(points),
    say,
  });
  const view = (): NeighbourhoodView =>
    neighbourhoodView({
      community,
      households,
      signals,
      nowMs: clock.nowMs(),
      speed: options.speed,
      firstSlot,
      tally: tally.result(),
      cleared: latestClearing(board.latest(), market),
      losses: lossesOf(market),
      batches: settlement.batches(BATCHES_SHOWN),
      chain: {
        endpoint,
        finalizedBlock,
        healthy: watch.figures().silentS <= ALARM_LIMITS.silentS,
        health: watch.view(),
      },
    });
  const server = await buildMarketServer(market, {
    port: options.port,
    operatorKey: state.signer('operator').publicKey,
    operations: { metrics: () => watch.metrics(), health: () => ({ chain: watch.view() }) },
  });
  const endStreams = await addNeighbourhoodRoutes(server, {
    view,
    takeSignal: (signed) => {
      const signal = signals.add(signed, clock.nowMs());
      share();
      const [from, to] = [signal.fromMs, signal.toMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
      const text = `import at most ${signal.limitW} W from ${from}Z to ${to}Z`;
      say(`demand signal ${signal.id}: ${text}`);
      telemetry.event(clock.nowMs(), 'demand-signal', `demand signal ${signal.id}`, text);
      return signal;
    },
    nowMs: () => clock.nowMs(),
    bundles: new BundleShelf(state.path('bundles')),
  });
  if (settlement.desk !== null) addCosignRoutes(server, settlement.desk);
  if (chainStart.value.dev) addFaucet(server, { chain, communityChain, from: faucetMember(state).signer });
  const approvals = new ApprovalDesk({
    chain,
    place: communityChain,
    participants: () => market.participants,
    onFinal: () => void collateral.refresh(),
  });
  closing.add('approvals', () => approvals.stop());
  addApprovalRoutes(server, approvals, facts);
  const address = await listen(server, options.port, options.portIsDefault);
  closing.add('the page', async () => {
    endStreams();
    await server.close();
  });
  const running = { address, pid: process.pid, community: state.community, chain: endpoint };
  writeAtomically(state.path('running.json'), `${JSON.stringify(running)}\n`);
  say(`the page is at ${address}`);
  if (terms !== null) {
    say(`${terms.threshold} of ${terms.signatories.length} nodes approve every batch`);
    const stopCosigners = startCosigners({ dir: state.dir, terms, market: address, chain: endpoint, say });
    closing.add('the cosigners', stopCosigners);
  }

  const feederGateway = await startHomes(
    {
      state,
      spec,
      park,
      community,
      address,
      clock,
      speed: options.speed,
      firstSlot,
      board,
      limits: (home) => limits.get(home) ?? [],
      telemetry,
      households,
      say,
    },
    closing,
  );
  if (options.stop.aborted) return null;
  teach(market, households);
  share();

  const unsubscribe = market.subscribe((event) => {
    if (event.type === 'cleared') {
      board.add(event.clearing);
      share();
    } else if (event.type === 'settled') {
      tally.add(event.slot, 'settled', market.records(event.slot) ?? []);
      finalizedBlock = Math.max(finalizedBlock, event.receipt.blockNumber);
      signals.save();
      collateral.refreshAfter(event.receipt.batchId);
      const { slots } = tally.result();
      const slot = slots.get(event.slot);
      if (slot) say(slotLine(slot, event.receipt.blockNumber, slots.size, target));
    }
  });
  closing.add('the events', unsubscribe);
  const following = followRegistry({
    chain,
    registry,
    market,
    changed: () => collateral.watch(market.participants),
    say,
    over,
  });
  const chainWatching = watch.run(over);
  const watching = watchFeeder({ clock, households, feeder: feederGateway, signals, telemetry, share, over });
  await Promise.race([
    Promise.all(households.map((household) => household.trading.firstOrders)),
    sleep(FIRST_ORDERS_MS),
  ]);
  clock.start();
  const completed = await untilDone();
  ended.abort();
  await clock.stop();
  await Promise.all([watching, following, chainWatching]);
  if (failed.signal.aborted) throw failed.signal.reason;
  return completed || options.summaryFile !== null ? conclude() : null;

  /** True once all slots that were asked for are settled; false when stopped before. */
  async function untilDone(): Promise<boolean> {
    while (!over.aborted) {
      if (target !== null && tally.result().slots.size >= target) return true;
      if (lastSlot !== null && market.records(lastSlot) !== null) await settlement.flush();
      await sleep(LOOK_MS);
    }
    return false;
  }

  /** Every check is made here and now, from the public bundles and the chain. */
  async function conclude(): Promise<Summary> {
    say('every settled slot is checked against the chain ...');
    const verified = await verifyBundles({
      bundleDir: state.path('bundles'),
      chain,
      community: state.community,
      search: { fromBlock: start.block.number },
      partial: false,
      rebuild: rebuildRecords,
      checkTrueUp: trueUpOriginProblem,
      registryAt: (block) => readRegistry(chain, state.community, block),
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
      checks: market.feederChecks(),
      feeder: market.feederReport(),
    });
    if (options.summaryFile !== null)
      writeAtomically(options.summaryFile, `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  }
}

function latestClearing(clearing: Clearing | null, market: Market) {
  if (clearing === null) return null;
  const summary = market.slot(clearing.slot);
  return { clearing, bids: summary?.bids ?? 0, offers: summary?.offers ?? 0 };
}

/** The latest check of the feeder, and the meters to look at. */
function lossesOf(market: Market): NeighbourhoodView['losses'] {
  const [latest] = market.feederChecks({ limit: 1 });
  if (latest === undefined) return null;
  const { slot, differenceWh, lossWhMax, toleranceWh, verdict } = latest;
  return {
    slot,
    verdict,
    differenceWh,
    limitWh: lossWhMax + toleranceWh,
    suspects: market.feederReport().suspects.map(({ participant, text }) => ({ participant, text })),
  };
}
