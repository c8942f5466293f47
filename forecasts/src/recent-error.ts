import { ErrorBand } from './band.ts';
import { History } from './history.ts';
import { LeastSquares } from './least-squares.ts';

/** What is carried from the recent errors to a slot `ahead` slots later, and the error band there (scaled). */
export interface Carried {
  readonly shift: number;
  readonly low: number;
  readonly mid: number;
  readonly high: number;
}

const FEATURES = 5;
/** How far a carry-over weight may well lie from our first guess. */
const WEIGHT_SPREAD = 0.3;

interface Anchor {
  readonly ahead: number;
  readonly fit: LeastSquares;
  readonly band: ErrorBand;
}

/**
 * How much of the errors just seen is still true later. For some distances ahead (anchors) a small regression learns how the last
 * error, the one before, the mean of the last hours and of the last day, and the change of the slow model itself carry over; between anchors it is interpolated.
 */
export class RecentError {
  private readonly anchors: readonly Anchor[];
  private readonly origins: readonly History[];
  private readonly slotHours: number;
  private last = 0;
  private before = 0;
  private base = 0;
  private hoursMean = 0;
  private dayMean = 0;

  /** `noise`: typical size of an error that nothing foretells, in the errors' own unit; sets how fast the prior gives way. */
  constructor(slotHours: number, noise: number) {
    this.slotHours = slotHours;
    const day = Math.round(24 / slotHours);
    const distances = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96].filter((ahead) => ahead <= day);
    this.anchors = distances.map((ahead) => {
      const hours = ahead * slotHours;
      const prior = [0.5 * Math.exp(-hours / 2), 0, 0.2 * Math.exp(-hours / 6), 0.2, 0];
      return {
        ahead,
        fit: new LeastSquares(prior, (WEIGHT_SPREAD / noise) ** 2, 30 * day),
        band: new ErrorBand(),
      };
    });
    this.origins = Array.from({ length: FEATURES }, () => new History(day + 2));
  }

  /**
   * The truth of slot `index`: what the slow model said (`base`), how far it was off, the scale errors have at this time of day, and
   * how much the slot matters (`importance`, 0 to 1).
   */
  learn(index: number, base: number, error: number, scale: number, importance = 1): void {
    for (const anchor of this.anchors) {
      const features = this.features(index - anchor.ahead, base);
      if (Number.isNaN(features[0])) continue;
      anchor.band.learn((error - anchor.fit.predict(features)) / scale);
      anchor.fit.learn(features, error, importance);
    }
    this.hoursMean += (error - this.hoursMean) * (1 - Math.exp(-this.slotHours / 3));
    this.dayMean += (error - this.dayMean) * (1 - Math.exp(-this.slotHours / 24));
    this.before = this.last;
    this.last = error;
    this.base = base;
    this.rest(index);
  }

  /** After slot `index` the slow model moved by so much: the errors seen before were against the old one. */
  forgive(index: number, amount: number): void {
    this.last -= amount;
    this.before -= amount;
    this.hoursMean -= amount;
    this.dayMean -= amount;
    this.rest(index);
  }

  /** A slot that says nothing (night, for PV): what was seen last still stands. */
  rest(index: number): void {
    this.origins[0]?.set(index, this.last);
    this.origins[1]?.set(index, this.before);
    this.origins[2]?.set(index, this.hoursMean);
    this.origins[3]?.set(index, this.dayMean);
    this.origins[4]?.set(index, this.base);
  }

  /** Seen from slot `origin`, the last one learned. Without it nothing is carried. */
  carry(origin: number, base: number, ahead: number): Carried {
    const features = this.features(origin, base);
    const known = !Number.isNaN(features[0]);
    const at = (anchor: Anchor): Carried => ({
      shift: known ? anchor.fit.predict(features) : 0,
      low: anchor.band.mark(0),
      mid: anchor.band.mark(1),
      high: anchor.band.mark(2),
    });
    const above = this.anchors.findIndex((anchor) => anchor.ahead >= ahead);
    const upper = this.anchors.at(above) as Anchor;
    if (above <= 0) {
      const edge = at(upper);
      // Past the last anchor (a day) only the band is still true.
      return above < 0 ? { ...edge, shift: 0 } : edge;
    }
    const lower = this.anchors[above - 1] as Anchor;
    const share = (ahead - lower.ahead) / (upper.ahead - lower.ahead);
    const [a, b] = [at(lower), at(upper)];
    const mix = (x: number, y: number): number => x + (y - x) * share;
    return {
      shift: mix(a.shift, b.shift),
      low: mix(a.low, b.low),
      mid: mix(a.mid, b.mid),
      high: mix(a.high, b.high),
    };
  }

  /** The last one lets the fit choose between a habit's error that persists and a level (cloud cover) that does. */
  private features(origin: number, base: number): number[] {
    const features = this.origins.map((series) => series.get(origin));
    features[FEATURES - 1] = (features[FEATURES - 1] ?? 0) - base;
    return features;
  }
}
