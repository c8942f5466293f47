/**
 * Units. Energy is whole Wh, power whole W, prices whole micro-units per kWh; all fit a JS number.
 * Money is a bigint: nano-units inside (Wh x micro/kWh = nano), micro-units on chain. In JSON money is a decimal string.
 */

declare const unit: unique symbol;

/** Money in 10^-9 of the currency. Positive: received; negative: paid. */
export type Nano = bigint & { readonly [unit]?: 'nano' };
/** Money in 10^-6 of the currency, the chain's smallest unit. */
export type Micro = bigint & { readonly [unit]?: 'micro' };

export const NANO_PER_MICRO = 1000n;
export const MS_PER_HOUR = 3_600_000;

/** Wh x micro-units/kWh = nano-units, exactly. Signed energy gives signed money. Throws RangeError unless both are safe integers. */
export function costNano(energyWh: number, priceMicroPerKwh: number): Nano {
  if (!Number.isSafeInteger(energyWh) || !Number.isSafeInteger(priceMicroPerKwh)) {
    throw new RangeError(
      `costNano takes whole Wh and whole micro/kWh, got ${energyWh} and ${priceMicroPerKwh}`,
    );
  }
  return BigInt(energyWh) * BigInt(priceMicroPerKwh);
}

/** Nano to micro, rounded towards minus infinity: a receiver gets less, a payer pays more. */
export function floorNanoToMicro(amountNano: Nano): Micro {
  const quotient = amountNano / NANO_PER_MICRO;
  return amountNano % NANO_PER_MICRO < 0n ? quotient - 1n : quotient;
}

/** Sum of money; 0n for none. */
export function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}

/** A decimal string as money. Throws RangeError on anything but an optional minus and digits. */
export function parseAmount(text: string): bigint {
  if (!/^-?\d{1,40}$/.test(text)) throw new RangeError(`not a whole amount: ${JSON.stringify(text)}`);
  return BigInt(text);
}

/** Micro-units as a person reads them: `12.345678`, always six decimals. */
export function formatMicro(amountMicro: Micro): string {
  const digits = (amountMicro < 0n ? -amountMicro : amountMicro).toString().padStart(7, '0');
  return `${amountMicro < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** Mean power over a time, in whole W (rounded half away from zero). */
export function meanPowerW(energyWh: number, durationMs: number): number {
  return Math.round((energyWh * MS_PER_HOUR) / durationMs);
}
