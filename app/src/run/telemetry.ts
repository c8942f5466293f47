import { influxSchema } from '@commonwatt/grafana';
import {
  createInfluxTelemetry,
  createMemoryTelemetry,
  type TelemetryPoint,
  type TelemetryPort,
} from '@commonwatt/market-engine';
import type { Household } from './household.ts';
import { flowsOf, sumFlows } from './view.ts';

const FEEDER = 'feeder-1';
const SUBSTATION = 'substation-1';

/** What the neighbourhood tells the operators' time series. Never a reason for the market to wait or fail. */
export interface Telemetry {
  readonly port: TelemetryPort;
  homes(atMs: number, households: readonly Household[], limitW: number | null): void;
  stop(): Promise<void>;
}

export async function startTelemetry(options: {
  influxUrl: string | null;
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
    homes(atMs, households, limitW) {
      const flows = sumFlows(households.map(flowsOf));
      write([
        ...households.flatMap((household) => homePoints(atMs, household)),
        {
          measurement: 'feeder',
          tags: { feeder: FEEDER, substation: SUBSTATION },
          fields: {
            p_w: flows.gridW,
            load_w: flows.loadW,
            pv_w: flows.pvW,
            ...(limitW === null
              ? {}
              : { limit_w: limitW, loading_pct: limitW === 0 ? 0 : (100 * flows.gridW) / limitW }),
            sites_online: households.filter((household) => household.latest() !== null).length,
          },
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
      fields: { up: reading.flags.includes('stale') ? 0 : 1, buffered: gateway.statistics().pending },
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
        cap_wh: spec.battery.capacityWh,
      },
      atMs,
    });
  }
  return points;
}
