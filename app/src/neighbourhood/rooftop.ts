import type { EnergySeries } from './energy.ts';
import { between, fraction, smooth } from './random.ts';
import { panelIrradiance, sunAt, type SunPosition } from './sun.ts';

const MS_PER_DAY = 86_400_000;
const MINUTE_MS = 60_000;

export interface Sky {
  /** The sun at the middle of this minute since 1970. */
  sun(minute: number): SunPosition;
  /** Cloud cover from 0 to 1; the same weather for all, seen a little earlier or later by each roof. */
  clouds(minute: number): number;
}

/** Sun and seeded weather over a place: days that are mostly fair, some broken, one in ten dull, with passing clouds. */
export function skyOver(seed: number, latitudeDeg: number, longitudeDeg: number): Sky {
  let known = { minute: Number.NaN, sun: { sinElevation: 0, azimuth: 0 } };
  const dayCover = (day: number): number => {
    const draw = fraction(seed, day, 70);
    return draw < 0.55 ? 0.25 * draw : draw < 0.9 ? 0.14 + (draw - 0.55) : 0.75 + 2 * (draw - 0.9);
  };
  return {
    sun(minute) {
      if (known.minute !== minute) {
        known = { minute, sun: sunAt((minute + 0.5) * MINUTE_MS, latitudeDeg, longitudeDeg) };
      }
      return known.sun;
    },
    clouds(minute) {
      const at = minute * MINUTE_MS;
      const day = Math.floor(at / MS_PER_DAY - 0.5);
      const part = at / MS_PER_DAY - 0.5 - day;
      const cover = dayCover(day) * (1 - part) + dayCover(day + 1) * part;
      const passing = smooth(minute / 95, seed, 71) * 0.6 + smooth(minute / 14, seed, 72) * 0.4;
      return Math.min(1, Math.max(0, cover + (passing - 0.5) * 2.4 * Math.min(cover, 1 - cover + 0.2)));
    },
  };
}

/** A roof's output by the minute. `peakW` is the power under 1,000 W/m2; 14 % is lost to heat, wiring and inverter. */
export function rooftop(sky: Sky, seed: number, peakW: number): EnergySeries {
  const tiltDeg = between(15, 42, seed, 80);
  const azimuthDeg = between(-60, 60, seed, 81);
  const delayMin = between(0, 6, seed, 82);
  return {
    originMs: 0,
    intervalMs: MINUTE_MS,
    energyMilliJ(minute) {
      const sun = sky.sun(minute);
      if (sun.sinElevation <= 0.01) return 0;
      const irradiance = panelIrradiance(sun, tiltDeg, azimuthDeg, sky.clouds(minute - delayMin));
      return Math.min(peakW, Math.round((peakW * irradiance * 0.86) / 1000)) * MINUTE_MS;
    },
  };
}
