/** Randomness as a pure function of a seed and what it is for, so any moment of any run can be computed again alone. */

/** A whole number from 0 to 2^32-1. Mixing after the finalizer of MurmurHash3. */
export function hash32(...parts: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const part of parts) {
    h ^= Math.trunc(part) & 0xffffffff;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h = (h ^ (h >>> 16)) + 0x9e3779b9;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** From 0 (included) to 1 (not included). */
export function fraction(...parts: readonly number[]): number {
  return hash32(...parts) / 2 ** 32;
}

/** A whole number from `low` to `high`, both included. */
export function between(low: number, high: number, ...parts: readonly number[]): number {
  return low + Math.floor(fraction(...parts) * (high - low + 1));
}

/** A smooth curve through one random value per whole `x`, from 0 to 1. */
export function smooth(x: number, ...parts: readonly number[]): number {
  const left = Math.floor(x);
  const t = x - left;
  const weight = t * t * (3 - 2 * t);
  return fraction(...parts, left) * (1 - weight) + fraction(...parts, left + 1) * weight;
}

/** A number that stands for a text, to seed with. */
export function textSeed(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
