import {
  slotMs,
  type Estimate,
  type FeederCheck,
  type FeederVerdict,
  type MarketRules,
  type MeterReading,
  type Participant,
  type QualityFlag,
  type SlotId,
} from '@commonwatt/domain';

/** A reading with one of these says nothing certain about the slot's energy. */
const IN_DOUBT: ReadonlySet<QualityFlag> = new Set(['stale', 'nonsense', 'reset', 'jump', 'replaced']);

const LOSS_PERMILLE = 40;
const LOSS_W = 500;
const TOLERANCE_WH = 100;
const MS_PER_HOUR = 3_600_000;

export interface LossModel {
  readonly permille: number;
  readonly constantWh: number;
}

/** What a slot holds of the feeder and its homes. */
export interface FeederFacts {
  readonly rules: MarketRules;
  readonly slot: SlotId;
  readonly participants: readonly Participant[];
  /** Of the slot, the feeder's own among them. */
  readonly readings: readonly MeterReading[];
  readonly estimates: readonly Estimate[];
}

/** The participant whose meter stands at the transformer, or null. */
export function feederOf(participants: readonly Participant[]): string | null {
  return participants.find(({ role }) => role === 'feeder')?.id ?? null;
}

/** False for a reading whose device was silent, broke off or showed what cannot be. */
export function isSound({ flags }: Pick<MeterReading, 'flags'>): boolean {
  return !flags.some((flag) => IN_DOUBT.has(flag));
}

/**
 * The feeder meter against the sum of the homes, as `docs/market-rules.md` says (section "The feeder"); null in a community without one.
 * Whole Wh throughout; floor(sqrt) is exact for these sizes (IEEE 754 rounds the root correctly).
 */
export function checkFeeder(facts: FeederFacts): FeederCheck | null {
  const { rules, slot, readings, estimates } = facts;
  const feeder = feederOf(facts.participants);
  if (feeder === null) return null;
  const own = readings.find(({ participant }) => participant === feeder);
  const homes = readings.filter(({ participant }) => participant !== feeder);
  const homesImportWh = total(homes, 'importWh') + total(estimates, 'importWh');
  const homesExportWh = total(homes, 'exportWh') + total(estimates, 'exportWh');
  const count = homes.length + estimates.length;
  const homesInDoubt = estimates.length + homes.filter((reading) => !isSound(reading)).length;
  const differenceWh =
    own === undefined ? null : own.importWh - own.exportWh - (homesImportWh - homesExportWh);
  const lossWhMax = lossLimitWh(rules, homesImportWh + homesExportWh);
  const toleranceWh = Math.floor(Math.sqrt(count * stepWh(rules) ** 2));
  return {
    slot,
    feeder,
    importWh: own?.importWh ?? null,
    exportWh: own?.exportWh ?? null,
    homesImportWh,
    homesExportWh,
    homes: count,
    homesInDoubt,
    differenceWh,
    lossWhMax,
    toleranceWh,
    verdict: verdictOf(
      own === undefined || !isSound(own) || homesInDoubt > 0 ? null : differenceWh,
      lossWhMax,
      toleranceWh,
    ),
  };
}

/** The share and the constant power that a feeder of these rules may lose in a slot; whole Wh and permille. */
export function lossModel(rules: MarketRules): LossModel {
  return {
    permille: rules.feederLossPermille ?? LOSS_PERMILLE,
    constantWh: Math.floor(((rules.feederLossW ?? LOSS_W) * slotMs(rules.slotMinutes)) / MS_PER_HOUR),
  };
}

/** How far one home's reading may be off because its counter moves in steps, Wh. */
export function stepWh(rules: MarketRules): number {
  return rules.feederToleranceWh ?? TOLERANCE_WH;
}

function lossLimitWh(rules: MarketRules, throughputWh: number): number {
  const { permille, constantWh } = lossModel(rules);
  return Math.floor((throughputWh * permille) / 1000) + constantWh;
}

function verdictOf(differenceWh: number | null, lossWhMax: number, toleranceWh: number): FeederVerdict {
  if (differenceWh === null) return 'unknown';
  if (differenceWh > lossWhMax + toleranceWh) return 'loss';
  return differenceWh < -toleranceWh ? 'gain' : 'normal';
}

function total(
  items: readonly { readonly importWh: number; readonly exportWh: number }[],
  field: 'importWh' | 'exportWh',
): number {
  return items.reduce((sum, item) => sum + item[field], 0);
}
