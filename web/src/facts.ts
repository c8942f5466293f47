import type { HomeView, NeighbourhoodView, SignalView, SlotView } from '@commonwatt/domain';
import { formatEnergy, parseMicro } from './format.ts';

/** What the pages work out from a view. Pure. */

export interface Fleet {
  readonly count: number;
  readonly capacityWh: number;
  readonly storedWh: number;
  /** 0 to 1. */
  readonly share: number;
}

export function fleetOf(homes: readonly HomeView[]): Fleet {
  let count = 0;
  let capacityWh = 0;
  let storedWh = 0;
  for (const { battery } of homes) {
    if (!battery) continue;
    count += 1;
    capacityWh += battery.capacityWh;
    storedWh += (battery.capacityWh * battery.stateOfChargePermille) / 1000;
  }
  return { count, capacityWh, storedWh, share: capacityWh > 0 ? storedWh / capacityWh : 0 };
}

/** Without minus with, in micro-units; positive is money kept. Null when a bill cannot be read. */
export function savingMicro(bills: {
  readonly billWithMarketMicro: string;
  readonly billWithoutMarketMicro: string;
}): bigint | null {
  const withMarket = parseMicro(bills.billWithMarketMicro);
  const without = parseMicro(bills.billWithoutMarketMicro);
  return withMarket === null || without === null ? null : without - withMarket;
}

/** The lowest limit in force now, W; null when none is. A signal in force counts even if the feeder's own field lags behind. */
export function limitNow(view: NeighbourhoodView): number | null {
  const limits = view.signals.filter((signal) => signal.state === 'active').map((signal) => signal.limitW);
  if (view.feeder.limitW !== null) limits.push(view.feeder.limitW);
  return limits.length > 0 ? Math.min(...limits) : null;
}

const BEFORE_METERED = new Set(['open', 'gateClosed', 'cleared', 'delivering', 'metering']);

/** Slots whose meters have been read; the others still hold zeros. */
export function isMetered(slot: SlotView): boolean {
  return !BEFORE_METERED.has(slot.state);
}

/** By time; slot names sort as text. */
export function slotsInOrder(history: readonly SlotView[]): readonly SlotView[] {
  return history.toSorted((a, b) => (a.slot < b.slot ? -1 : a.slot > b.slot ? 1 : 0));
}

/** Mean net power of the feeder over a slot, W, positive on import. */
export function meanImportW(slot: SlotView, slotMinutes: number): number {
  return ((slot.importWh - slot.exportWh) * 60) / slotMinutes;
}

/** The metered slot with the highest mean import while a signal was in force; a mean over all of it would hide a slot above the limit. */
export function highestSlot(
  view: NeighbourhoodView,
  signal: SignalView,
): { slot: SlotView; importW: number } | null {
  let highest: { slot: SlotView; importW: number } | null = null;
  for (const slot of view.history) {
    const startMs = Date.parse(slot.slot);
    const inForce = startMs < signal.toMs && startMs + view.slotMinutes * 60_000 > signal.fromMs;
    if (!inForce || !isMetered(slot)) continue;
    const importW = meanImportW(slot, view.slotMinutes);
    if (highest === null || importW > highest.importW) highest = { slot, importW };
  }
  return highest;
}

export function signalWords(signal: SignalView): string {
  return signal.state === 'announced' ? 'announced' : signal.state === 'active' ? 'in force' : 'over';
}

/** 0 in the night, 1 at noon, for the sky: sunrise about 5, sunset about 20 UTC. */
export function daylight(nowMs: number): number {
  const hour = (nowMs / 3_600_000) % 24;
  const height = Math.sin((Math.PI * (hour - 5)) / 15);
  return hour > 5 && hour < 20 ? Math.min(1, Math.max(0, height * 1.6)) : 0;
}

/** The latest slot at the transformer, in words. */
export function lossWords(losses: NonNullable<NeighbourhoodView['losses']>): string {
  const { verdict, differenceWh, limitWh } = losses;
  if (differenceWh === null || verdict === 'unknown')
    return 'A reading is missing or in doubt, so nothing can be said.';
  const difference = formatEnergy(Math.abs(differenceWh));
  const limit = formatEnergy(limitWh);
  switch (verdict) {
    case 'normal':
      return differenceWh < 0
        ? `The homes’ meters and the feeder’s agree within ${difference}.`
        : `${difference} were lost on the way; up to ${limit} is usual.`;
    case 'loss':
      return `${difference} came in that no home’s meter accounts for; up to ${limit} is usual. Something draws without a meter, or one shows too little.`;
    case 'gain':
      return `The homes report ${difference} less than came in can explain: a meter is wrong.`;
  }
}
