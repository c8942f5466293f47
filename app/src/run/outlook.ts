import { MS_PER_HOUR, slotStartMs, type Clearing, type MarketRules, type SlotId } from '@commonwatt/domain';
import type { ImportLimit, MarketOutlook } from '@commonwatt/home-agent';
import { shareImportLimit } from '@commonwatt/home-agent';
import type { Household } from './household.ts';
import type { SignalBoard } from './signals.ts';

const PRICES_KEPT = 200;

/** What clearing tells the homes: their positions, and the prices so far. */
export class ClearingBoard {
  readonly #positions = new Map<SlotId, Map<string, number>>();
  readonly #prices: { slotStartMs: number; priceMicroPerKwh: number | null; volumeWh: number }[] = [];
  #latest: Clearing | null = null;

  add(clearing: Clearing): void {
    if (this.#positions.has(clearing.slot)) return;
    const positions = new Map<string, number>();
    const move = (participant: string, energyWh: number): void => {
      positions.set(participant, (positions.get(participant) ?? 0) + energyWh);
    };
    for (const trade of clearing.trades) {
      move(trade.seller, trade.energyWh);
      move(trade.buyer, -trade.energyWh);
    }
    this.#positions.set(clearing.slot, positions);
    this.#prices.push({
      slotStartMs: slotStartMs(clearing.slot),
      priceMicroPerKwh: clearing.priceMicroPerKwh,
      volumeWh: clearing.volumeWh,
    });
    if (this.#prices.length > PRICES_KEPT) {
      const dropped = this.#prices.shift();
      for (const slot of this.#positions.keys())
        if (dropped && slotStartMs(slot) <= dropped.slotStartMs) this.#positions.delete(slot);
    }
    if (this.#latest === null || clearing.slot > this.#latest.slot) this.#latest = clearing;
  }

  latest(): Clearing | null {
    return this.#latest;
  }

  positionWh(slot: SlotId, participant: string): number | null {
    const positions = this.#positions.get(slot);
    return positions === undefined ? null : (positions.get(participant) ?? 0);
  }

  outlook(rules: MarketRules): MarketOutlook {
    return {
      retailMicroPerKwh: rules.retailMicroPerKwh,
      feedInMicroPerKwh: rules.feedInMicroPerKwh,
      recentPrices: this.#prices,
    };
  }
}

/**
 * Splits every feeder limit that is ahead over the homes. Before it begins: by what each is expected to draw, and what its battery can be
 * filled to by then. While it lasts: by what each draws now, and what its battery holds.
 */
export function shareLimits(
  signals: SignalBoard,
  households: readonly Household[],
  nowMs: number,
): Map<string, ImportLimit[]> {
  const limits = new Map<string, ImportLimit[]>();
  for (const signal of signals.ahead(nowMs)) {
    const beginsMs = Math.max(nowMs, signal.fromMs);
    const shares = shareImportLimit({
      limitW: signal.limitW,
      homes: households.map((household) => ({
        participant: household.spec.id,
        expectedNetImportW:
          (beginsMs > nowMs ? null : household.needW()) ?? household.expectedNeedW(beginsMs, signal.toMs),
        batteryDischargeMaxW: household.spec.battery?.dischargeMaxW ?? 0,
        stateOfChargeWh: household.usableWh(beginsMs),
        slotsHours: (signal.toMs - beginsMs) / MS_PER_HOUR,
      })),
    });
    for (const [participant, shareW] of shares) {
      const own = limits.get(participant) ?? [];
      own.push({ id: signal.id, fromMs: signal.fromMs, toMs: signal.toMs, shareW });
      limits.set(participant, own);
    }
  }
  return limits;
}
