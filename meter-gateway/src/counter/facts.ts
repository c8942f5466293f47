import type { CounterFacts, Quantity } from '../quantity.ts';

/** A counter's register in one answer: its raw value as decoded, and what one raw step is in Wh. */
export interface CounterRegister {
  readonly quantity: Quantity;
  readonly type: string;
  readonly raw: number;
  readonly stepWh: number;
  /** The raw value at which it begins again, where that is not the end of its type. */
  readonly rollsAt?: number | undefined;
}

/** The distance of a binary32 float to its neighbour (IEEE 754: 24 bits of significand). */
function floatStep(value: number): number {
  return 2 ** (Math.floor(Math.log2(Math.max(Math.abs(value), 1e-6))) - 23);
}

const ROLLS_AT: Readonly<Record<string, number>> = { u32: 2 ** 32, acc32: 2 ** 32 };

/** How fine the counters of one answer are, and where they begin again. Empty where there is nothing to say. */
export function counterFacts(registers: readonly CounterRegister[]): CounterFacts {
  let resolutionWh = 0;
  const rollsAtWh: Partial<Record<Quantity, number>> = {};
  for (const { quantity, type, raw, stepWh, rollsAt = ROLLS_AT[type] } of registers) {
    if (!Number.isFinite(raw) || !(stepWh > 0)) continue;
    resolutionWh = Math.max(resolutionWh, type === 'f32' ? floatStep(raw) * stepWh : stepWh);
    if (rollsAt !== undefined) rollsAtWh[quantity] = rollsAt * stepWh;
  }
  return {
    ...(resolutionWh > 0 ? { resolutionWh } : {}),
    ...(Object.keys(rollsAtWh).length > 0 ? { rollsAtWh } : {}),
  };
}
