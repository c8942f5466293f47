import { unitOf, type Quantity } from '../quantity.ts';

/** What a unit is worth in the vocabulary's own units. */
const UNITS: Record<string, { readonly unit: string; readonly scale: number }> = {
  w: { unit: 'W', scale: 1 },
  kw: { unit: 'W', scale: 1e3 },
  mw: { unit: 'W', scale: 1e6 },
  wh: { unit: 'Wh', scale: 1 },
  kwh: { unit: 'Wh', scale: 1e3 },
  mwh: { unit: 'Wh', scale: 1e6 },
  v: { unit: 'V', scale: 1 },
  kv: { unit: 'V', scale: 1e3 },
  a: { unit: 'A', scale: 1 },
  ma: { unit: 'A', scale: 1e-3 },
  hz: { unit: 'Hz', scale: 1 },
  '%': { unit: 'permille', scale: 10 },
  '‰': { unit: 'permille', scale: 1 },
};

const NAMES: Record<string, string> = {
  watt: 'w',
  kilowatt: 'kw',
  volt: 'v',
  ampere: 'a',
  hertz: 'hz',
  percent: '%',
};

/** UN/CEFACT common codes (Recommendation 20); an EUInformation holds one as the number its letters make. */
const CODES: Record<string, string> = {
  WTT: 'W',
  KWT: 'kW',
  MAW: 'MW',
  WHR: 'Wh',
  KWH: 'kWh',
  MWH: 'MWh',
  VLT: 'V',
  AMP: 'A',
  HTZ: 'Hz',
  P1: '%',
};

/** The unit of a UN/CEFACT code as a number; null for one that no quantity here has. */
export function unitOfCode(code: number): string | null {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(code >>> 0);
  return CODES[bytes.toString('latin1').replaceAll('\0', '')] ?? null;
}

/** What to multiply by to get the quantity's own unit; undefined when that unit measures something else. `MW` is mega, `mW` is not known. */
export function scaleOf(quantity: Quantity, unit: string): number | undefined {
  const lower = unit.replaceAll(/[\s.·*]/g, '').toLowerCase();
  if (/^m[WV]/.test(unit.trim())) return undefined;
  const known = UNITS[NAMES[lower] ?? lower];
  return known?.unit === unitOf(quantity) ? known.scale : undefined;
}
