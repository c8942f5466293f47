import { dirname, join } from 'node:path';
import { CommonwattError, slotMs } from '@commonwatt/domain';
import { checkDevices } from './config.ts';
import { openConnections } from './connect.ts';
import type { BatteryState, Gateway, GatewayOptions } from './contract.ts';
import { reason, withDeadline } from './deadline.ts';
import { startDelivery } from './delivery.ts';
import { Dispatcher, type DispatchView } from './dispatch/dispatcher.ts';
import { batteryState, dispatchView } from './battery-view.ts';
import { combineReading, isFresh, slowestMs, widestSkewMs } from './latest.ts';
import { atMostEvery, Live } from './live.ts';
import { runPollLoop } from './poll-loop.ts';
import { Poller } from './poller.ts';
import { Slots } from './slots/slots.ts';
import { openStore } from './store/store.ts';

const MINUTE_MS = 60_000;
const CHANGE_REAL_MS = 200;

/**
 * Starts the box of one home. Resolves even when devices are down and keeps trying. Throws CommonwattError for a configuration that
 * cannot work, or a state file that is not this gateway's.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock, pollIntervalMs, limits, tuning = {} } = options;
  checkDevices(options.devices);
  if (!(pollIntervalMs > 0)) {
    throw new CommonwattError('out-of-range', `a poll interval is positive, not ${pollIntervalMs}`, {
      field: 'pollIntervalMs',
    });
  }
  const slotLengthMs = slotMs(options.slotMinutes);
  const staleAfterMs = tuning.staleAfterMs ?? Math.max(5 * pollIntervalMs, MINUTE_MS);
  const nowMs = (): number => clock.nowMs();
  const log = (line: string): void => options.log(`${options.gateway}: ${line}`);
  const connections = openConnections({
    pkiFolder: options.pkiFolder ?? join(dirname(options.statePath), 'pki'),
    ...tuning.connections,
  });
  const devices = options.devices.map((config) => ({ config, device: connections.device(config) }));
  const store = openStore(options.statePath, {
    community: options.community,
    gateway: options.gateway,
    key: options.signer.publicKey,
  });
  const memory = store.memory();
  const startedMs = nowMs();

  const pollers = devices.map(
    ({ config, device }) =>
      new Poller({
        device,
        role: config.role,
        nowMs,
        slotMs: slotLengthMs,
        memory: memory?.devices[config.id],
        log,
        limits: {
          // A fuse carries more than its rating for a while, and a roof may feed in more than the home may draw.
          ratedW: limits.importFuseW * 2,
          skewMs: Math.max(2 * pollIntervalMs, 2 * MINUTE_MS),
          resolutionWh: device.resolutionWh,
          confirmations: 3,
        },
      }),
  );
  const slots = new Slots(
    {
      community: options.community,
      participant: options.participant,
      gateway: options.gateway,
      slotMs: slotLengthMs,
      signer: options.signer,
      store,
      pollers,
      startedMs,
      graceMs: tuning.graceMs ?? 5 * MINUTE_MS,
      gapMaxMs: Math.max(4 * pollIntervalMs, slotLengthMs / 3),
      firstMs: Math.max(2 * pollIntervalMs, MINUTE_MS),
      nowMs,
      clockSynchronised: tuning.clockSynchronised ?? (() => true),
    },
    memory,
  );
  const [backoffFirstMs, backoffMaxMs] = tuning.deliveryBackoffMs ?? [200, 10_000];
  const delivery = startDelivery({
    store,
    deliver: options.deliver,
    timeoutMs: tuning.deliveryTimeoutMs ?? 10_000,
    backoffFirstMs,
    backoffMaxMs,
    log,
  });

  const meter = pollers.find(({ role }) => role === 'grid-meter') as Poller;
  const bank = pollers.find(({ role }) => role === 'battery');
  const freshness = (poller: Poller): boolean => isFresh(poller, nowMs(), staleAfterMs);
  const nameplate = options.devices.find(({ role }) => role === 'battery')?.nameplate;
  const battery = (): BatteryState | null => batteryState(bank, nameplate, freshness);
  const view = (): DispatchView => dispatchView(meter, bank, nameplate, freshness);
  const dispatcher =
    bank?.device.control &&
    new Dispatcher({
      control: bank.device.control,
      nowMs,
      view,
      reservePermille: limits.socReservePermille,
      fuseW: limits.importFuseW,
      rampWPerS: tuning.rampWPerS,
      reversionMs: tuning.reversionMs ?? Math.max(10 * pollIntervalMs, MINUTE_MS),
      settleMs: Math.max(2 * pollIntervalMs, 15_000),
      durationMaxMs: 24 * 60 * MINUTE_MS,
      save: (record) => store.saveDispatch(record),
      firstId: (store.dispatches(1)[0]?.id ?? 0) + 1,
      log,
    });

  const live = new Live(() => combineReading(nowMs(), pollers, freshness), log);
  let signed = 0;
  let storeFault = '';
  const stopping = new AbortController();

  const settle = (): void => {
    try {
      if (pollers.some(({ epochBegan }) => epochBegan)) {
        slots.save();
        for (const poller of pollers) poller.epochBegan = false;
      }
      const readings = slots.closeDue();
      signed += readings.length;
      if (readings.length > 0) delivery.wake();
      if (storeFault !== '') log('the disk takes readings again');
      storeFault = '';
    } catch (error) {
      if (storeFault === '') log(`the reading is not on disk, it will be tried again: ${reason(error)}`);
      storeFault = reason(error);
    }
  };
  // A change that a device reports by itself is looked at soon, without waiting for the poll.
  const changes = atMostEvery(CHANGE_REAL_MS, () => {
    live.publish();
    void dispatcher?.tick();
  });
  for (const poller of pollers) poller.changed = () => changes.call();

  const running = runPollLoop({
    clock,
    pollers,
    pollIntervalMs,
    slotMs: slotLengthMs,
    name: options.gateway,
    alsoAtMs: () => dispatcher?.expiresAtMs,
    looked: () => {
      settle();
      live.publish();
      // Not awaited: a hanging battery must not hold up the meter.
      void dispatcher?.tick();
    },
    log,
    stopping: stopping.signal,
  });

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    changes.stop();
    for (const poller of pollers) poller.stopped = true;
    await running;
    if (dispatcher) {
      await withDeadline(dispatcher.stop(), 5000, 'release of the battery').catch((error: unknown) =>
        log(`the battery was not released at the stop: ${reason(error)}`),
      );
    }
    await delivery.stop();
    await withDeadline(connections.closeAll(), 5000, 'closing').catch(() => {});
    try {
      slots.save();
    } catch (error) {
      log(`the last counters are not on disk: ${reason(error)}`);
    }
    store.close();
    live.close();
  };

  return {
    latest: () => live.latest,
    subscribe: (listener) => live.subscribe(listener),
    battery,
    async setBattery(command) {
      if (!dispatcher)
        throw new CommonwattError('not-found', `${options.gateway} has no battery it can steer`);
      return dispatcher.set(command);
    },
    async releaseBattery() {
      await dispatcher?.release();
    },
    dispatches: (limit = 20) => store.dispatches(limit),
    boundaries: () => ({
      nextBoundaryMs: slots.nextBoundaryMs ?? null,
      counters: Object.fromEntries(
        pollers.flatMap(({ id, counters }) => {
          const point = counters.points.at(-1);
          return point ? [[id, point]] : [];
        }),
      ),
    }),
    statistics: () => ({
      polls: pollers.reduce((sum, { polls }) => sum + polls, 0),
      pollErrors: pollers.reduce((sum, { errors }) => sum + errors, 0),
      readingsSigned: signed,
      delivered: delivery.delivered,
      rejected: delivery.rejected,
      pending: store.pendingCount(),
      protocol: meter.device.protocol,
      rttMs: slowestMs(pollers),
      skewMs: widestSkewMs(meter, pollers),
      flags: live.latest?.flags ?? [],
    }),
    stop: () => (stopped ??= stop()),
  };
}
