import type { SlotMinutes } from '@commonwatt/domain';
import type { SlotEnergy, SlotForecast } from '@commonwatt/forecasts';
import { influxSchema } from '@commonwatt/grafana';
import {
  createInfluxTelemetry,
  createMemoryTelemetry,
  type TelemetryPoint,
  type TelemetryPort,
} from '@commonwatt/market-engine';
import { actualPoints, forecastPoints, type ForecastSite } from './forecast-points.ts';
import type { Gateway } from '@commonwatt/meter-gateway';
import type { Household } from './household.ts';
import { flowsOf, sumFlows } from './view.ts';

const FEEDER = 'feeder-1';
const SUBSTATION = 'substation-1';
/** A feeder is built for this much a home, after diversity: its rating while no signal is in force. */
const RATING_W_PER_HOME = 3000;

/** What the neighbourhood tells the operators' time series. Never a reason for the market to wait or fail. */
export interface Telemetry {
  readonly port: TelemetryPort;
  homes(
    atMs: number,
    households: readonly Household[],
    limitW: number | null,
    /** Its meter says what flows through the transformer; without it that is the sum of the homes. */
    feeder: Gateway | null,
  ): void;
  /** What a home expects of a slot, as its orders were made with it. */
  expected(site: ForecastSite, forecast: SlotForecast): void;
  /** What a slot's reading says came, beside what was expected. */
  came(site: ForecastSite, energy: SlotEnergy): void;
  /** A line on the operators' charts. */
  event(atMs: number, kind: 'demand-signal' | 'limit', title: string, text: string): void;
  stop(): Promise<void>;
}

export async function startTelemetry(options: {
  influxUrl: string | null;
  slotMinutes: SlotMinutes;
  log: (line: string) => void;
}): Promise<Telemetry> {
  const sink =
    options.influxUrl === null
      ? { ...createMemoryTelemetry(), stop: async () => {} }
      : createInfluxTelemetry({
          url: options.influxUrl,
          database: 'commonwatt',
          schema: influxSchema(),
          log: options.log,
        });
  const write = (points: readonly TelemetryPoint[]): void => sink.write(points);
  return {
    port: sink,
    homes(atMs, households, limitW, feeder) {
      const flows = sumFlows(households.map(flowsOf));
      const gridW = feeder?.latest()?.gridW ?? flows.gridW;
      const limitNowW = limitW ?? RATING_W_PER_HOME * households.length;
      const volts = households.flatMap((household) => household.latest()?.voltageV ?? []);
      write([
        ...households.flatMap((household) => homePoints(atMs, household)),
        {
          measurement: 'feeder',
          tags: { feeder: FEEDER, substation: SUBSTATION },
          fields: {
            p_w: gridW,
            load_w: flows.loadW,
            pv_w: flows.pvW,
            limit_w: limitNowW,
            loading_pct: limitNowW === 0 ? 100 : (100 * Math.abs(gridW)) / limitNowW,
            ...(volts.length === 0 ? {} : { v_min: Math.min(...volts), v_max: Math.max(...volts) }),
            sites_online: households.filter((household) => household.latest() !== null).length,
          },
          atMs,
        },
      ]);
    },
    expected: (site, forecast) => write(forecastPoints(site, forecast, options.slotMinutes)),
    came: (site, energy) => write(actualPoints(site, energy, options.slotMinutes)),
    event(atMs, kind, title, text) {
      write([
        {
          measurement: 'event',
          tags: { severity: 'info', kind, feeder: FEEDER },
          fields: { title, text },
          atMs,
        },
      ]);
    },
    stop: async () => {
      await sink.stop();
    },
  };
}

function homePoints(atMs: number, household: Household): TelemetryPoint[] {
  const { spec, gateway } = household;
  const { pending, rejected, rttMs, skewMs } = gateway.statistics();
  const reading = household.latest();
  if (reading === null) return [];
  const flows = flowsOf(household);
  const points: TelemetryPoint[] = [
    {
      measurement: 'meter',
      tags: { site: spec.id, feeder: FEEDER, role: 'grid' },
      fields: {
        p_w: flows.gridW,
        load_w: flows.loadW,
        pv_w: flows.pvW,
        ...(reading.voltageV === undefined ? {} : { v: reading.voltageV }),
        ...(reading.importWh === undefined ? {} : { e_imp_wh: reading.importWh }),
        ...(reading.exportWh === undefined ? {} : { e_exp_wh: reading.exportWh }),
      },
      atMs,
    },
    {
      measurement: 'gateway',
      tags: { gateway: `gw-${spec.id}`, protocol: spec.protocol },
      fields: {
        up: reading.flags.includes('stale') ? 0 : 1,
        ...(rttMs === null ? {} : { rtt_ms: rttMs }),
        buffered: pending,
        dropped: rejected,
        ...(skewMs === null ? {} : { skew_ms: skewMs }),
      },
      atMs,
    },
  ];
  if (spec.battery !== null && reading.stateOfChargePermille !== undefined) {
    points.push({
      measurement: 'battery',
      tags: { site: spec.id, feeder: FEEDER },
      fields: {
        soc_pct: reading.stateOfChargePermille / 10,
        p_w: flows.batteryW,
        setpoint_w: household.setpointW() ?? flows.batteryW,
        cap_wh: spec.battery.capacityWh,
      },
      atMs,
    });
  }
  return points;
}
