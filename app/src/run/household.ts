import {
  meanPowerW,
  MS_PER_HOUR,
  slotHolding,
  slotMs,
  slotStartMs,
  type Clock,
  type MeterReading,
  type Reading,
  type SlotId,
} from '@commonwatt/domain';
import { createForecaster, type HomeSite } from '@commonwatt/forecasts';
import { meanWh, type AgentHome, type ImportLimit, type MarketOutlook } from '@commonwatt/home-agent';
import type { MarketClient } from '@commonwatt/market-engine';
import { startGateway, type Gateway } from '@commonwatt/meter-gateway';
import type { HomeSpec, ParkDevice } from '../neighbourhood/index.ts';
import { gatewayOf, type Community } from './community.ts';
import { energyOf } from './energy-of.ts';
import { deliverReading } from './market-access.ts';
import { startSteering } from './steering.ts';
import type { Telemetry } from './telemetry.ts';
import { startTrading, type Trading } from './trading.ts';

const SOC_RESERVE_PERMILLE = 100;

export interface HouseholdOptions {
  readonly spec: HomeSpec;
  readonly site: HomeSite;
  readonly devices: readonly ParkDevice[];
  readonly community: Community;
  readonly market: MarketClient;
  readonly clock: Clock;
  readonly pollIntervalMs: number;
  readonly gatewayFile: string;
  readonly pkiFolder: string;
  readonly firstSlot: SlotId;
  /** 0 to 1: where in the span of order times this home stands. */
  readonly phase: number;
  readonly outlook: () => MarketOutlook;
  readonly limits: () => readonly ImportLimit[];
  /** Sold less bought in this slot's clearing, Wh; null while it is not cleared. */
  readonly positionWh: (slot: SlotId) => number | null;
  readonly telemetry: Pick<Telemetry, 'expected' | 'came'>;
  readonly log: (line: string) => void;
}

export interface Household {
  readonly spec: HomeSpec;
  readonly gateway: Gateway;
  latest(): Reading | null;
  /** Grid power the home would have without demand signals, W, positive on import; null before the first reading. */
  gridWithoutSignalsW(): number | null;
  /** Teaches the forecaster a slot that was read earlier. */
  learn(reading: MeterReading): void;
  /** Expected import and export of a slot whose reading is missing. */
  estimate(slot: SlotId): { importWh: number; exportWh: number; basis: string };
  /** Power the battery was last asked for, W; null without a battery. */
  setpointW(): number | null;
  /** What the home would draw now if its battery stood still, W; null before the first reading. */
  needW(): number | null;
  /** The same, expected as a mean over [fromMs, toMs). */
  expectedNeedW(fromMs: number, toMs: number): number;
  /** Energy above the reserve that the battery can hold by then, Wh. */
  usableWh(atMs: number): number;
  readonly trading: Trading;
  stop(): Promise<void>;
}

/** One home: its gateway reads, its forecaster learns, its agent bids before every gate and steers the battery after it. */
export async function startHousehold(options: HouseholdOptions): Promise<Household> {
  const { spec, clock, community, market, log } = options;
  const { rules } = community;
  const minutes = rules.slotMinutes;
  const home: AgentHome = {
    participant: spec.id,
    slotMinutes: minutes,
    battery: spec.battery === null ? null : { ...spec.battery, reservePermille: SOC_RESERVE_PERMILLE },
    importFuseW: spec.importFuseW,
  };
  const forecaster = createForecaster(options.site);
  const learn = (reading: MeterReading): void => forecaster.observe(energyOf(reading, spec));
  const gateway = await startGateway({
    community: rules.community,
    participant: spec.id,
    gateway: gatewayOf(spec.id),
    slotMinutes: minutes,
    devices: options.devices,
    signer: community.gatewaySigner(spec.id),
    statePath: options.gatewayFile,
    pkiFolder: options.pkiFolder,
    clock,
    pollIntervalMs: options.pollIntervalMs,
    deliver: async (reading, signal) => {
      learn(reading.payload);
      options.telemetry.came(spec, energyOf(reading.payload, spec));
      return deliverReading(market, reading, signal);
    },
    limits: { importFuseW: spec.importFuseW, socReservePermille: SOC_RESERVE_PERMILLE },
    log,
  });
  const stateOfChargeWh = (): number | null => {
    const permille = gateway.latest()?.stateOfChargePermille;
    return spec.battery === null || permille === undefined
      ? null
      : Math.round((spec.battery.capacityWh * permille) / 1000);
  };
  const trading = startTrading({
    ...options,
    home,
    rules,
    signer: community.signerOf(spec.id),
    forecaster,
    expected: (forecast) => options.telemetry.expected(spec, forecast),
    stateOfChargeWh,
  });
  const steering = startSteering({
    ...options,
    home,
    gateway,
    holdMs: options.pollIntervalMs,
    plan: trading.plan,
  });

  return {
    spec,
    gateway,
    trading,
    learn,
    latest: () => gateway.latest(),
    gridWithoutSignalsW: () => {
      const reading = gateway.latest();
      if (reading?.gridW === undefined) return null;
      const baselineW = steering.baselineW();
      return baselineW === null || reading.batteryW === undefined
        ? reading.gridW
        : reading.gridW + reading.batteryW - baselineW;
    },
    estimate: (slot) => {
      const [forecast] = forecaster.forecast(slotStartMs(slot), 1);
      const netWh = forecast === undefined ? 0 : meanWh(forecast.loadWh) - meanWh(forecast.pvWh);
      return {
        importWh: Math.max(0, netWh),
        exportWh: Math.max(0, -netWh),
        basis: 'mean of the forecast of load less PV',
      };
    },
    setpointW: () => steering.setpointW(),
    needW: () => {
      const reading = gateway.latest();
      return reading?.gridW === undefined ? null : reading.gridW + (reading.batteryW ?? 0);
    },
    expectedNeedW: (fromMs, toMs) => {
      const first = slotHolding(fromMs, minutes);
      const slots = Math.max(1, Math.ceil((toMs - slotStartMs(first)) / slotMs(minutes)));
      let needWh = 0;
      for (const { loadWh, pvWh } of forecaster.forecast(slotStartMs(first), slots))
        needWh += meanWh(loadWh) - meanWh(pvWh);
      return meanPowerW(needWh, slots * slotMs(minutes));
    },
    usableWh: (atMs) => {
      const storedWh = stateOfChargeWh();
      if (spec.battery === null || storedWh === null) return 0;
      const { capacityWh, chargeMaxW } = spec.battery;
      const chargedWh = (chargeMaxW * Math.max(0, atMs - clock.nowMs())) / MS_PER_HOUR;
      return Math.max(
        0,
        Math.round(Math.min(capacityWh, storedWh + chargedWh) - (capacityWh * SOC_RESERVE_PERMILLE) / 1000),
      );
    },
    async stop() {
      steering.stop();
      await trading.stop();
      await gateway.stop();
    },
  };
}
