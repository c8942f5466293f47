const DAY_MS = 86_400_000;
const RADIANS = Math.PI / 180;
/** 2000-01-01T12:00:00Z, the epoch of the formulas below. */
const J2000_MS = 946_728_000_000;

/** Sine of the sun's elevation, -1 to 1. Low-precision formulas of the Astronomical Almanac, good to 0.01 degrees. */
export function sunElevationSine(atMs: number, latitudeDeg: number, longitudeDeg: number): number {
  const days = (atMs - J2000_MS) / DAY_MS;
  const meanLongitudeDeg = 280.46 + 0.9856474 * days;
  const anomaly = (357.528 + 0.9856003 * days) * RADIANS;
  const longitude = (meanLongitudeDeg + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RADIANS;
  const obliquity = (23.439 - 0.0000004 * days) * RADIANS;
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(longitude));
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(longitude), Math.cos(longitude));
  const siderealDeg = 280.46061837 + 360.98564736629 * days + longitudeDeg;
  const hourAngle = siderealDeg * RADIANS - ascension;
  const latitude = latitudeDeg * RADIANS;
  return (
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
  );
}

/** Global horizontal irradiance under a clear sky, W/m2: Haurwitz 1945, the best of the simple ones (Reno, Hansen, Stein 2012). */
export function clearSkyWPerM2(elevationSine: number): number {
  return elevationSine <= 0 ? 0 : 1098 * elevationSine * Math.exp(-0.059 / elevationSine);
}

/**
 * Mean clear-sky irradiance around a slot relative to 1000 W/m2. The window reaches half an hour beyond the slot on both sides, so that
 * a meter whose clock is a little off, or a roof that looks east, still has sun to divide by; what the roof really does is learned.
 */
export function clearSkyShare(
  slotStartMs: number,
  slotMinutes: number,
  latitudeDeg: number,
  longitudeDeg: number,
): number {
  const steps = 8;
  const fromMs = slotStartMs - 30 * 60_000;
  const widthMs = (slotMinutes + 60) * 60_000;
  let total = 0;
  for (let i = 0; i < steps; i += 1) {
    const atMs = fromMs + ((i + 0.5) / steps) * widthMs;
    total += clearSkyWPerM2(sunElevationSine(atMs, latitudeDeg, longitudeDeg));
  }
  return total / steps / 1000;
}
