import { CommonwattError, slotMs } from '@commonwatt/domain';
import { LoadModel } from './load-model.ts';
import { localClock } from './local-time.ts';
import { PvModel } from './pv-model.ts';
import type { HomeSite, SlotEnergy, SlotForecast } from './types.ts';

/** Learns one home's load and PV slot by slot and says what comes next. Pure: no clock, no I/O; the same slots give the same answer. */
export interface Forecaster {
  /** Takes a slot's energy. In order of time; a slot that was seen already (or is older) is ignored; gaps are fine. */
  observe(energy: SlotEnergy): void;
  /** `slots` slots from the one that holds `fromMs`. Any distance ahead is answered; past a day nothing recent is assumed. */
  forecast(fromMs: number, slots: number): SlotForecast[];
  /** How many slots were taken. */
  observed(): number;
}

/** Throws CommonwattError `malformed` when the site makes no sense. Before the first slot: a standard household, typical clearness. */
export function createForecaster(site: HomeSite): Forecaster {
  check(site);
  const lengthMs = slotMs(site.slotMinutes);
  const localAt = localClock(site.timezone);
  const load = new LoadModel(site.slotMinutes);
  const pv = new PvModel(site);
  let latest = Number.NEGATIVE_INFINITY;
  let count = 0;
  return {
    observe({ slotStartMs, loadWh, pvWh }) {
      const index = Math.floor(slotStartMs / lengthMs);
      if (!(index > latest)) return;
      latest = index;
      count += 1;
      if (isEnergy(loadWh)) load.observe(index, localAt(slotStartMs), loadWh);
      if (isEnergy(pvWh)) pv.observe(index, pvWh);
    },
    forecast(fromMs, slots) {
      const first = Math.floor(fromMs / lengthMs);
      return Array.from({ length: Math.max(0, slots) }, (_, step) => {
        const slotStartMs = (first + step) * lengthMs;
        return {
          slotStartMs,
          loadWh: load.forecast(first + step, localAt(slotStartMs)),
          pvWh: pv.forecast(first + step),
        };
      });
    },
    observed: () => count,
  };
}

function isEnergy(energyWh: number | null): energyWh is number {
  return energyWh !== null && Number.isFinite(energyWh) && energyWh >= 0;
}

function check(site: HomeSite): void {
  const refuse = (field: string, rule: string): never => {
    throw new CommonwattError('malformed', `the site's ${field} makes no sense: ${rule}`, { field, rule });
  };
  if (!(Math.abs(site.latitudeDeg) <= 90)) refuse('latitudeDeg', '-90 to 90 degrees');
  if (!(Math.abs(site.longitudeDeg) <= 180)) refuse('longitudeDeg', '-180 to 180 degrees, east is positive');
  if (site.pvPeakW !== null && !(site.pvPeakW >= 0)) refuse('pvPeakW', 'whole watts, or null without panels');
  try {
    localClock(site.timezone);
  } catch {
    refuse('timezone', `an IANA name such as Europe/Berlin, not ${JSON.stringify(site.timezone)}`);
  }
}
