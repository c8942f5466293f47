import { History } from './history.ts';
import { householdShape, TYPICAL_LOAD_W } from './household-shape.ts';
import { LeastSquares } from './least-squares.ts';
import type { LocalTime } from './local-time.ts';
import { RecentError } from './recent-error.ts';
import type { Quantiles } from './types.ts';

/** Added before the logarithm: below it (standby) differences in watts matter, not ratios. */
const STANDBY_W = 100;
/** Triangular kernel half-width for profiles: habits are not sharper than this. */
const BLUR_MINUTES = 45;

/**
 * Load of one home. Everything happens in the logarithm of power, where a household's errors are nearly symmetric: the mean there is the
 * median of the energy, and bands come out skewed as they should.
 * Slow model: a profile by time of day, corrected by a regression on the fast profile, the day type, yesterday and last week.
 * On top of it the recent errors carry over (see RecentError).
 */
export class LoadModel {
  private readonly slotHours: number;
  private readonly day: number;
  private readonly bins: number;
  private readonly past: History;
  private readonly fit: LeastSquares;
  private readonly recent: RecentError;
  private readonly slow: Profile;
  private readonly fast: Profile;
  private readonly dayTypes: readonly [Profile, Profile];
  private readonly scales: Profile;
  private level = Math.log(TYPICAL_LOAD_W + STANDBY_W);
  /** No forecast lies above the highest ever seen: the exponential must not run away with a wild error. */
  private highest = Math.log(10_000);
  private seen = 0;
  private lastIndex = Number.NaN;

  constructor(slotMinutes: number) {
    this.slotHours = slotMinutes / 60;
    this.day = Math.round(24 / this.slotHours);
    this.bins = this.day;
    this.past = new History(9 * this.day);
    const blur = Math.ceil(BLUR_MINUTES / slotMinutes) - 1;
    this.slow = new Profile(this.bins, 21, blur);
    this.fast = new Profile(this.bins, 4, blur);
    this.dayTypes = [new Profile(this.bins, 15, blur), new Profile(this.bins, 6, blur)];
    this.scales = new Profile(this.bins, 14, blur);
    this.fit = new LeastSquares([0, 0.25, 0.2, 0.1, 0.1, 0.15], 0.1, 40 * this.day);
    this.recent = new RecentError(this.slotHours, 0.5);
  }

  /** Takes a slot's truth. Slots come in order. */
  observe(index: number, local: LocalTime, loadWh: number): void {
    const z = Math.log(loadWh / this.slotHours + STANDBY_W);
    this.highest = Math.max(this.highest, z);
    const bin = this.binOf(local);
    const features = this.features(index, local);
    const base = this.baseOf(features);
    const error = z - base;
    this.recent.learn(index, base, error, this.scaleAt(bin));
    this.fit.learn(features.values, z - features.slow);
    // Before the first days are through, the standard shape moves up and down with what is seen.
    this.seen += 1;
    const typical = Math.log(shapeW(local) + STANDBY_W) - Math.log(TYPICAL_LOAD_W + STANDBY_W);
    const moved = (z - typical - this.level) * Math.max(1 / (this.seen + 2), 1 / (3 * this.day));
    this.level += moved;
    // What the slow model has just taken in is no error to carry on; in the first day that is nearly all.
    this.recent.forgive(index, moved * Math.max(0, 1 - this.seen / this.day));
    this.slow.learn(bin, z);
    this.fast.learn(bin, z);
    this.dayTypes[local.weekend ? 1 : 0].learn(bin, z);
    this.scales.learn(bin, Math.abs(error));
    this.past.set(index, z);
    this.lastIndex = index;
  }

  forecast(index: number, local: LocalTime): Quantiles {
    const base = this.baseOf(this.features(index, local));
    const scale = this.scaleAt(this.binOf(local));
    const ahead = Number.isNaN(this.lastIndex) ? Number.POSITIVE_INFINITY : index - this.lastIndex;
    const carried = this.recent.carry(this.lastIndex, base, Math.max(1, ahead));
    const wh = (mark: number): number =>
      Math.max(0, Math.exp(Math.min(this.highest, base + carried.shift + mark * scale)) - STANDBY_W) *
      this.slotHours;
    return ordered(wh(carried.low), wh(carried.mid), wh(carried.high));
  }

  private baseOf(features: Features): number {
    return Math.min(this.highest, features.slow + this.fit.predict(features.values));
  }

  private features(index: number, local: LocalTime): Features {
    const bin = this.binOf(local);
    const start = this.level + Math.log(shapeW(local) + STANDBY_W) - Math.log(TYPICAL_LOAD_W + STANDBY_W);
    const slow = this.slow.at(bin, start, 1);
    const against = (value: number): number => (Number.isNaN(value) ? 0 : value - slow);
    const yesterday = this.past.get(index - this.day);
    const around =
      (this.past.get(index - this.day - 1) + yesterday + this.past.get(index - this.day + 1)) / 3;
    return {
      slow,
      values: [
        1,
        this.fast.at(bin, slow, 1) - slow,
        this.dayTypes[local.weekend ? 1 : 0].at(bin, slow, 1) - slow,
        against(yesterday),
        against(this.past.get(index - 7 * this.day)),
        against(around),
      ],
    };
  }

  private scaleAt(bin: number): number {
    return Math.max(0.02, this.scales.at(bin, this.scales.overall(0.5), 3));
  }

  private binOf(local: LocalTime): number {
    return Math.floor((local.minuteOfDay / 1440) * this.bins);
  }
}

interface Features {
  readonly slow: number;
  readonly values: readonly number[];
}

/** A mean per time of day that forgets, smoothed over its neighbours, shrunk towards a given value while it has seen little. */
class Profile {
  private readonly sums: Float64Array;
  private readonly weights: Float64Array;
  private readonly keep: number;
  private readonly blur: number;
  private total = 0;
  private totalWeight = 0;

  constructor(bins: number, memoryDays: number, blur: number) {
    this.sums = new Float64Array(bins);
    this.weights = new Float64Array(bins);
    this.keep = 1 - 1 / memoryDays;
    this.blur = blur;
  }

  learn(bin: number, value: number): void {
    this.sums[bin] = (this.sums[bin] ?? 0) * this.keep + value;
    this.weights[bin] = (this.weights[bin] ?? 0) * this.keep + 1;
    this.total += value;
    this.totalWeight += 1;
  }

  /** `towards` counts as much as `strength` days of data. */
  at(bin: number, towards: number, strength: number): number {
    let sum = towards * strength;
    let weight = strength;
    const bins = this.sums.length;
    for (let off = -this.blur; off <= this.blur; off += 1) {
      const near = (bin + off + bins) % bins;
      const share = 1 - Math.abs(off) / (this.blur + 1);
      sum += share * (this.sums[near] ?? 0);
      weight += share * (this.weights[near] ?? 0);
    }
    return sum / weight;
  }

  /** Mean over all times, `start` counting as eight samples. */
  overall(start: number): number {
    return (this.total + 8 * start) / (this.totalWeight + 8);
  }
}

function shapeW(local: LocalTime): number {
  return TYPICAL_LOAD_W * householdShape(local.minuteOfDay);
}

/** Whole Wh in order. */
export function ordered(low: number, mid: number, high: number): Quantiles {
  const p50 = Math.max(0, Math.round(mid));
  return {
    p10: Math.max(0, Math.min(p50, Math.round(low))),
    p50,
    p90: Math.max(p50, Math.round(high)),
  };
}
