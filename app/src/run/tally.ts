import {
  costNano,
  floorNanoToMicro,
  parseAmount,
  sum,
  type BundleRecord,
  type MarketRules,
  type SlotId,
  type SlotView,
} from '@commonwatt/domain';

/** One home's energy (Wh, unsigned) and money (nano, positive is received) over the slots counted so far. */
export interface HomeTally {
  importWh: number;
  exportWh: number;
  productionWh: number;
  chargedWh: number;
  dischargedWh: number;
  boughtWh: number;
  soldWh: number;
  withMarketNano: bigint;
  withoutMarketNano: bigint;
  readings: number;
  estimates: number;
}

export interface CommunityTally {
  readonly homes: ReadonlyMap<string, HomeTally>;
  readonly slots: ReadonlyMap<SlotId, SlotView>;
  readonly tradedWh: number;
  readonly consumptionWh: number;
  readonly productionWh: number;
  /** What the neighbourhood as a whole drew from the grid, slot by slot. */
  readonly netImportWh: number;
  /** 1 - netImport / consumption; 0 while nothing was consumed. */
  readonly selfSufficiency: number;
  readonly billWithMarketMicro: bigint;
  readonly billWithoutMarketMicro: bigint;
  readonly energyBalances: boolean;
  readonly cashSumsToZero: boolean;
}

const EMPTY: HomeTally = {
  importWh: 0,
  exportWh: 0,
  productionWh: 0,
  chargedWh: 0,
  dischargedWh: 0,
  boughtWh: 0,
  soldWh: 0,
  withMarketNano: 0n,
  withoutMarketNano: 0n,
  readings: 0,
  estimates: 0,
};

/** What a home used: what came in and was made or discharged, less what went out or was charged. */
export function consumptionWh(home: HomeTally): number {
  return home.importWh - home.exportWh + home.productionWh + home.dischargedWh - home.chargedWh;
}

/** What a bill shows: the cost (positive) of a sum of money received, in micro-units. */
export function billMicro(receivedNano: bigint): bigint {
  return floorNanoToMicro(-receivedNano);
}

/** Sums up settled slots from their public records, and checks the energy and cash identities on the way. */
export class Tally {
  readonly #rules: MarketRules;
  readonly #homes = new Map<string, HomeTally>();
  readonly #slots = new Map<SlotId, SlotView>();
  #tradedWh = 0;
  #netImportWh = 0;
  #energyBalances = true;
  #cashSumsToZero = true;

  constructor(rules: MarketRules, homes: readonly string[]) {
    this.#rules = rules;
    for (const home of homes) this.#homes.set(home, { ...EMPTY });
  }

  /** Counts a slot once; a slot that is already counted is left alone. */
  add(slot: SlotId, state: string, records: readonly BundleRecord[]): void {
    if (this.#slots.has(slot)) return;
    const before = this.#sums();
    let tradedWh = 0;
    let priceMicroPerKwh: number | null = null;
    let cashNano = 0n;
    let netExportWh = 0;
    for (const record of records) {
      if (record.type === 'reading') this.#addReading(record.reading.payload);
      else if (record.type === 'estimate') {
        this.#home(record.estimate.participant).estimates += 1;
        this.#addEnergy(record.estimate.participant, record.estimate);
      } else if (record.type === 'clearing') {
        tradedWh = record.clearing.volumeWh;
        priceMicroPerKwh = record.clearing.priceMicroPerKwh;
        for (const trade of record.clearing.trades) {
          this.#home(trade.buyer).boughtWh += trade.energyWh;
          this.#home(trade.seller).soldWh += trade.energyWh;
        }
        const soldWh = sum(record.clearing.trades.map((trade) => BigInt(trade.energyWh)));
        if (soldWh !== BigInt(tradedWh)) this.#energyBalances = false;
      } else if (record.type === 'position') {
        const { meteredWh, tradedWh: positionWh, imbalanceWh } = record.position;
        netExportWh += meteredWh;
        if (positionWh + imbalanceWh !== meteredWh) this.#energyBalances = false;
      } else if (record.type === 'line') {
        const amountNano = parseAmount(record.line.amountNano);
        cashNano += amountNano;
        const home = this.#homes.get(record.line.participant);
        if (home) home.withMarketNano += amountNano;
      }
    }
    if (cashNano !== 0n) this.#cashSumsToZero = false;
    const after = this.#sums();
    const importWh = after.importWh - before.importWh;
    const exportWh = after.exportWh - before.exportWh;
    if (netExportWh !== exportWh - importWh) this.#energyBalances = false;
    this.#tradedWh += tradedWh;
    this.#netImportWh += Math.max(0, importWh - exportWh);
    this.#slots.set(slot, {
      slot,
      state,
      priceMicroPerKwh,
      tradedWh,
      importWh: Math.max(0, importWh - exportWh),
      exportWh: Math.max(0, exportWh - importWh),
      consumptionWh: after.consumptionWh - before.consumptionWh,
      productionWh: after.productionWh - before.productionWh,
    });
  }

  result(): CommunityTally {
    const sums = this.#sums();
    const homes = [...this.#homes.values()];
    return {
      homes: this.#homes,
      slots: this.#slots,
      tradedWh: this.#tradedWh,
      consumptionWh: sums.consumptionWh,
      productionWh: sums.productionWh,
      netImportWh: this.#netImportWh,
      selfSufficiency: sums.consumptionWh > 0 ? 1 - this.#netImportWh / sums.consumptionWh : 0,
      billWithMarketMicro: billMicro(sum(homes.map((home) => home.withMarketNano))),
      billWithoutMarketMicro: billMicro(sum(homes.map((home) => home.withoutMarketNano))),
      energyBalances: this.#energyBalances,
      cashSumsToZero: this.#cashSumsToZero,
    };
  }

  #home(id: string): HomeTally {
    return this.#homes.get(id) ?? { ...EMPTY };
  }

  #addReading(reading: {
    participant: string;
    importWh: number;
    exportWh: number;
    pvWh: number | null;
    batteryChargedWh: number | null;
    batteryDischargedWh: number | null;
  }): void {
    const home = this.#home(reading.participant);
    home.productionWh += reading.pvWh ?? 0;
    home.chargedWh += reading.batteryChargedWh ?? 0;
    home.dischargedWh += reading.batteryDischargedWh ?? 0;
    home.readings += 1;
    this.#addEnergy(reading.participant, reading);
  }

  #addEnergy(participant: string, energy: { importWh: number; exportWh: number }): void {
    const home = this.#home(participant);
    home.importWh += energy.importWh;
    home.exportWh += energy.exportWh;
    home.withoutMarketNano +=
      costNano(energy.exportWh, this.#rules.feedInMicroPerKwh) -
      costNano(energy.importWh, this.#rules.retailMicroPerKwh);
  }

  #sums(): { importWh: number; exportWh: number; productionWh: number; consumptionWh: number } {
    const sums = { importWh: 0, exportWh: 0, productionWh: 0, consumptionWh: 0 };
    for (const home of this.#homes.values()) {
      sums.importWh += home.importWh;
      sums.exportWh += home.exportWh;
      sums.productionWh += home.productionWh;
      sums.consumptionWh += consumptionWh(home);
    }
    return sums;
  }
}
