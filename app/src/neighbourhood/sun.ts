/** Solar geometry, good to about half a degree. Formulas: J. W. Spencer 1971 (declination, equation of time), standard hour angle. */

const RAD = Math.PI / 180;
const MS_PER_DAY = 86_400_000;

/** Where the sun stands: sine of its height, and its direction in radians, 0 = south, west positive. */
export interface SunPosition {
  readonly sinElevation: number;
  readonly azimuth: number;
}

export function sunAt(atMs: number, latitudeDeg: number, longitudeDeg: number): SunPosition {
  const date = new Date(atMs);
  const yearStartMs = Date.UTC(date.getUTCFullYear(), 0, 1);
  const g = (2 * Math.PI * (atMs - yearStartMs)) / (365.25 * MS_PER_DAY);
  const declination =
    0.006918 -
    0.399912 * Math.cos(g) +
    0.070257 * Math.sin(g) -
    0.006758 * Math.cos(2 * g) +
    0.000907 * Math.sin(2 * g);
  const equationMin =
    229.18 *
    (0.000075 +
      0.001868 * Math.cos(g) -
      0.032077 * Math.sin(g) -
      0.014615 * Math.cos(2 * g) -
      0.040849 * Math.sin(2 * g));
  const minuteOfDay = (atMs % MS_PER_DAY) / 60_000;
  const hourAngle = ((minuteOfDay + equationMin + 4 * longitudeDeg) / 4 - 180) * RAD;
  const latitude = latitudeDeg * RAD;
  const sinElevation =
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle);
  const azimuth = Math.atan2(
    Math.sin(hourAngle),
    Math.cos(hourAngle) * Math.sin(latitude) - Math.tan(declination) * Math.cos(latitude),
  );
  return { sinElevation, azimuth };
}

/**
 * Irradiance on a tilted panel in W/m2 under a clear sky: Haurwitz 1945 for the horizontal, 15 % of it diffuse.
 * `clouds` from 0 (clear) to 1 (overcast) dims it after Kasten and Czeplak 1980 and turns direct light into diffuse.
 */
export function panelIrradiance(
  sun: SunPosition,
  tiltDeg: number,
  azimuthDeg: number,
  clouds: number,
): number {
  if (sun.sinElevation <= 0.01) return 0;
  const clear = 1098 * sun.sinElevation * Math.exp(-0.057 / sun.sinElevation);
  const global = clear * (1 - 0.75 * clouds ** 3.4);
  const diffuse = global * (0.15 + 0.85 * clouds ** 2);
  const tilt = tiltDeg * RAD;
  const cosElevation = Math.sqrt(Math.max(0, 1 - sun.sinElevation ** 2));
  const cosIncidence =
    sun.sinElevation * Math.cos(tilt) +
    cosElevation * Math.sin(tilt) * Math.cos(sun.azimuth - azimuthDeg * RAD);
  // Near the horizon the ratio of incidence to elevation grows without bound; real panels see houses and hills there.
  const gain = Math.min(4, Math.max(0, cosIncidence) / Math.max(0.05, sun.sinElevation));
  return (global - diffuse) * gain + (diffuse * (1 + Math.cos(tilt))) / 2;
}
