import { meanPowerW, slotMs, type SlotMinutes } from '@commonwatt/domain';
import type { SlotEnergy, SlotForecast } from '@commonwatt/forecasts';
import type { TelemetryPoint } from '@commonwatt/market-engine';

/** A home as its forecasts need it; one without panels gets no line for PV. */
export interface ForecastSite {
  readonly id: string;
  readonly pvPeakW: number | null;
}

const LOAD = ['load', 'loadWh'] as const;
const PV = ['pv', 'pvWh'] as const;
const targetsOf = ({ pvPeakW }: ForecastSite) => (pvPeakW === null ? [LOAD] : [LOAD, PV]);

/** A slot's forecast as telemetry, W at the slot's start; what came is written to the same point later. */
export function forecastPoints(
  site: ForecastSite,
  forecast: SlotForecast,
  slotMinutes: SlotMinutes,
): TelemetryPoint[] {
  const watts = (energyWh: number): number => meanPowerW(energyWh, slotMs(slotMinutes));
  return targetsOf(site).flatMap(([target, name]) => {
    const { p10, p50, p90 } = forecast[name];
    return {
      measurement: 'forecast',
      tags: { site: site.id, target },
      fields: { p10: watts(p10), p50: watts(p50), p90: watts(p90) },
      atMs: forecast.slotStartMs,
    };
  });
}

/** What a slot's reading says came, W at the slot's start; nothing where it was not measured. */
export function actualPoints(
  site: ForecastSite,
  energy: SlotEnergy,
  slotMinutes: SlotMinutes,
): TelemetryPoint[] {
  return targetsOf(site).flatMap(([target, name]) => {
    const energyWh = energy[name];
    if (energyWh === null) return [];
    return {
      measurement: 'forecast',
      tags: { site: site.id, target },
      fields: { actual: meanPowerW(energyWh, slotMs(slotMinutes)) },
      atMs: energy.slotStartMs,
    };
  });
}
