/** Numbers as people read them, always with their unit. Thin spaces keep number and unit on one line. */

const THIN = '\u202f';
const MINUS = '\u2212';

function withSign(text: string, negative: boolean, plus = false): string {
  return `${negative ? MINUS : plus ? '+' : ''}${text}`;
}

function digits(value: number, fraction: number): string {
  return value.toLocaleString('en-GB', { minimumFractionDigits: fraction, maximumFractionDigits: fraction });
}

/** Picks base or kilo: 950 -> `950 W`, 1234 -> `1.23 kW`, 45678 -> `45.7 kW`. A missing number is a dash. */
function scaled(value: number | null | undefined, unit: string, plus: boolean): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const negative = Math.round(value) < 0;
  if (size < 999.5)
    return withSign(`${digits(Math.round(size), 0)}${THIN}${unit}`, negative, plus && size >= 0.5);
  const kilo = size / 1000;
  const big = kilo >= 9999.5;
  const shown = big ? kilo / 1000 : kilo;
  const fraction = shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
  return withSign(`${digits(shown, fraction)}${THIN}${big ? 'M' : 'k'}${unit}`, negative, plus);
}

/** Power from whole W. */
export function formatPower(powerW: number | null | undefined, plus = false): string {
  return scaled(powerW, 'W', plus);
}

/** Energy from whole Wh. */
export function formatEnergy(energyWh: number | null | undefined, plus = false): string {
  return scaled(energyWh, 'Wh', plus);
}

/** A price in ct/kWh from whole micro-units per kWh: 165000 -> `16.50 ct/kWh`. */
export function formatPrice(priceMicroPerKwh: number | null | undefined): string {
  return priceMicroPerKwh === null || priceMicroPerKwh === undefined
    ? '–'
    : `${digits(priceMicroPerKwh / 10_000, 2)}${THIN}ct/kWh`;
}

/** Micro-units (a decimal string) as bigint; null for anything that is no whole number. */
export function parseMicro(text: unknown): bigint | null {
  return typeof text === 'string' && /^-?\d{1,40}$/.test(text) ? BigInt(text) : null;
}

/** Money as EUR, rounded half away from zero to `fraction` digits (at most 6): `-1234567`, 2 -> `−1.23 EUR`. */
export function formatMoney(
  amountMicro: bigint | null,
  options: { plus?: boolean; fraction?: number } = {},
): string {
  if (amountMicro === null) return '–';
  const fraction = options.fraction ?? 2;
  const step = 10n ** BigInt(6 - fraction);
  const size = amountMicro < 0n ? -amountMicro : amountMicro;
  const rounded = (size + step / 2n) / step;
  const text = rounded.toString().padStart(fraction + 1, '0');
  const whole = (fraction === 0 ? text : text.slice(0, -fraction)).replace(/\B(?=(\d{3})+$)/g, ',');
  const shown = fraction === 0 ? whole : `${whole}.${text.slice(-fraction)}`;
  return `${withSign(shown, amountMicro < 0n && rounded > 0n, options.plus === true && rounded > 0n)}${THIN}EUR`;
}

/** 0..1 as a whole percentage. */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)}${THIN}%` : '–';
}

/** `12:45` in UTC, the clock slots are named by. */
export function formatClock(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString().slice(11, 16) : '–';
}

/** `Mon 1 Jun` in UTC. */
export function formatDay(atMs: number): string {
  return new Date(atMs).toLocaleDateString('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

/** `12:00–12:15` of a slot's name. */
export function formatSlot(slot: string, slotMinutes: number): string {
  const startMs = Date.parse(slot);
  return Number.isNaN(startMs)
    ? slot
    : `${formatClock(startMs)}–${formatClock(startMs + slotMinutes * 60_000)}`;
}

/** The ends of a hash: `3f9a61…b07c`. */
export function shortHash(hash: string, keep = 6): string {
  return hash.length <= 2 * keep ? hash : `${hash.slice(0, keep)}…${hash.slice(-4)}`;
}

/** A native amount as the chain counts it, cut to what a person reads: `997.938738185681 ROC` is `997.93 ROC`, `0.001076951407 ROC` is `0.001076 ROC`. Cut, never rounded up. */
export function shortAmount(amount: string): string {
  return amount.replace(/^(\d+)\.(0*)(\d+)/, (_all, whole: string, zeros: string, rest: string) => {
    const decimals = Number(whole) > 0 ? `${zeros}${rest}`.slice(0, 2) : `${zeros}${rest.slice(0, 4)}`;
    return `${whole}.${decimals}`;
  });
}
