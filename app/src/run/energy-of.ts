import { slotStartMs, type MeterReading } from '@commonwatt/domain';
import type { SlotEnergy } from '@commonwatt/forecasts';
import type { HomeSpec } from '../neighbourhood/index.ts';

const BROKEN = new Set(['nonsense', 'reset', 'jump', 'replaced']);

/** What a home used and made in a slot, as far as the reading is sure of it: load = import - export + PV + discharged - charged. */
export function energyOf(reading: MeterReading, spec: Pick<HomeSpec, 'pvPeakW' | 'battery'>): SlotEnergy {
  const { importWh, exportWh, pvWh, batteryChargedWh, batteryDischargedWh, flags } = reading;
  const broken = flags.some((flag) => BROKEN.has(flag));
  const madeWh = spec.pvPeakW === null ? 0 : pvWh;
  const known = batteryChargedWh !== null && batteryDischargedWh !== null;
  const batteryWh = spec.battery === null ? 0 : known ? batteryDischargedWh - batteryChargedWh : null;
  return {
    slotStartMs: slotStartMs(reading.slot),
    loadWh:
      broken || batteryWh === null || madeWh === null
        ? null
        : Math.max(0, importWh - exportWh + madeWh + batteryWh),
    pvWh: broken ? null : madeWh,
  };
}
