import { History } from './history.ts';
import { ordered } from './load-model.ts';
import { RecentError } from './recent-error.ts';
import { clearSkyShare } from './solar.ts';
import type { HomeSite, Quantiles } from './types.ts';

/** What a typical roof makes of a clear sky's horizontal irradiance, from dull to bright: stands in until its own days are known. */
const TYPICAL = [0.12, 0.28, 0.45, 0.6, 0.7, 0.78, 0.85] as const;
const TYPICAL_WEIGHT = 1.5 / TYPICAL.length;
const MEMORY_DAYS = 28;
const FADE_DAYS = 12;
/** Less sun than this share of 1000 W/m2 is night. */
const NIGHT = 0.002;

/**
 * PV of one home. Energy is divided by what a clear sky would give a flat panel (solar geometry); the ratio's recent distribution at the
 * same time of day is the forecast, so orientation, shading and losses are learned and the season's drift is not.
 * Clouds persist: the level relative to the distribution's bright end carries over (see RecentError).
 */
export class PvModel {
  private readonly site: HomeSite;
  private readonly slotHours: number;
  private readonly day: number;
  private readonly ratios: History;
  private readonly recent: RecentError;
  private readonly outlooks = new Map<number, Outlook>();
  private peakW: number;
  private lastIndex = Number.NaN;

  constructor(site: HomeSite) {
    this.site = site;
    this.slotHours = site.slotMinutes / 60;
    this.day = Math.round(24 / this.slotHours);
    this.ratios = new History((MEMORY_DAYS + 1) * this.day);
    this.recent = new RecentError(this.slotHours, 0.15);
    this.peakW = site.pvPeakW ?? 0;
  }

  observe(index: number, pvWh: number): void {
    // A home said to have no panels, and yet it produces: its highest power stands in for the nameplate.
    if (this.site.pvPeakW === null) this.learnPeak(pvWh / this.slotHours);
    this.lastIndex = index;
    const clear = this.clearWh(index);
    if (clear <= 0) return this.recent.rest(index);
    const ratio = pvWh / clear;
    const outlook = this.outlook(index);
    const usual = outlook.mid / outlook.bright;
    const importance = Math.min(1, (clear * outlook.bright) / (this.peakW * this.slotHours));
    this.recent.learn(index, usual, ratio / outlook.bright - usual, outlook.scale, importance);
    this.ratios.set(index, ratio);
  }

  forecast(index: number): Quantiles {
    const clear = this.clearWh(index);
    if (clear <= 0) return { p10: 0, p50: 0, p90: 0 };
    const outlook = this.outlook(index);
    const usual = outlook.mid / outlook.bright;
    const ahead = Number.isNaN(this.lastIndex) ? Number.POSITIVE_INFINITY : index - this.lastIndex;
    const carried = this.recent.carry(this.lastIndex, usual, Math.max(1, ahead));
    const wh = (mark: number): number => {
      const share = usual + carried.shift + mark * outlook.scale;
      return Math.min(Math.max(share, 0), 1.1) * outlook.bright * clear;
    };
    return ordered(wh(carried.low), wh(carried.mid), wh(carried.high));
  }

  private learnPeak(powerW: number): void {
    if (powerW <= this.peakW) return;
    this.peakW = powerW;
    this.outlooks.clear();
  }

  /** Wh a flat panel would give under a clear sky in this slot. */
  private clearWh(index: number): number {
    if (this.peakW <= 0) return 0;
    const startMs = index * this.site.slotMinutes * 60_000;
    const share = clearSkyShare(
      startMs,
      this.site.slotMinutes,
      this.site.latitudeDeg,
      this.site.longitudeDeg,
    );
    return share < NIGHT ? 0 : share * this.peakW * this.slotHours;
  }

  /** The ratio's recent distribution at this time of day; changes once a day, so it is kept. */
  private outlook(index: number): Outlook {
    const bin = ((index % this.day) + this.day) % this.day;
    const newest = this.newestBefore(index);
    const known = this.outlooks.get(bin);
    if (known !== undefined && known.newest === newest) return known;
    const samples: Sample[] = TYPICAL.map((ratio) => ({ ratio, weight: TYPICAL_WEIGHT }));
    for (let back = 0; back < MEMORY_DAYS; back += 1) {
      const weight = Math.exp(-back / FADE_DAYS);
      for (const [off, share] of NEIGHBOURS) {
        const ratio = this.ratios.get(newest - back * this.day + off);
        if (!Number.isNaN(ratio)) samples.push({ ratio, weight: weight * share });
      }
    }
    samples.sort((a, b) => a.ratio - b.ratio);
    const bright = Math.max(0.02, quantile(samples, 0.9));
    const mid = quantile(samples, 0.5);
    const scale = Math.max(0.03, (quantile(samples, 0.9) - quantile(samples, 0.1)) / 3.2 / bright);
    const outlook = { newest, mid, bright, scale };
    this.outlooks.set(bin, outlook);
    return outlook;
  }

  /** The latest slot at this time of day that can have been seen. */
  private newestBefore(index: number): number {
    if (Number.isNaN(this.lastIndex)) return index - this.day;
    const days = Math.max(1, Math.ceil((index - this.lastIndex) / this.day));
    return index - days * this.day;
  }
}

interface Outlook {
  readonly newest: number;
  readonly mid: number;
  /** The ratio on a bright day. */
  readonly bright: number;
  /** Typical error, in shares of bright. */
  readonly scale: number;
}

interface Sample {
  readonly ratio: number;
  readonly weight: number;
}

/** The same time of day counts most; the slots beside it make the distribution less ragged. */
const NEIGHBOURS = [
  [0, 1],
  [-1, 0.25],
  [1, 0.25],
] as const;

/** Weighted quantile of samples in ascending order. */
function quantile(samples: readonly Sample[], level: number): number {
  let total = 0;
  for (const { weight } of samples) total += weight;
  let sum = 0;
  for (const { ratio, weight } of samples) {
    sum += weight;
    if (sum >= level * total) return ratio;
  }
  return samples.at(-1)?.ratio ?? 0;
}
