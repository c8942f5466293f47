import type { FeederCheck, FeederReport, FeederVerdict, MeterSuspect, SignalView } from '@commonwatt/domain';
import type { VerifyReport } from '@commonwatt/substrate-client';
import type { Household } from './household.ts';
import type { CommunityTally } from './tally.ts';

/** The summary of a run, as `--summary FILE` writes it. Energy in Wh, money in whole micro-units, power in W. */
export interface Summary {
  readonly community: string;
  readonly slotsSettled: number;
  readonly homes: number;
  /** Signed readings settled on, by the protocol that they were read with, and those that were missing and estimated. */
  readonly readings: { readonly modbus: number; readonly opcua: number; readonly estimated: number };
  readonly gates: { readonly met: number; readonly missed: number };
  readonly tradedWh: number;
  readonly consumptionWh: number;
  readonly productionWh: number;
  readonly gridImportWh: number;
  readonly selfSufficiency: number;
  /** What the feeder meter saw beyond the homes' meters, over the slots that say something; null without a feeder meter. */
  readonly losses: {
    readonly lostWh: number;
    readonly slots: Readonly<Record<FeederVerdict, number>>;
    readonly suspects: readonly MeterSuspect[];
  } | null;
  readonly bill: { readonly withMarketMicro: number; readonly withoutMarketMicro: number };
  readonly chain: { readonly batches: number; readonly finalizedBlock: number; readonly feesNative: number };
  readonly checks: {
    readonly energyBalances: boolean;
    readonly cashSumsToZero: boolean;
    readonly chainMatchesStatements: boolean;
  };
  /** Of the last demand signal, null when there was none. Means over its interval; positive is import. */
  readonly signal: {
    readonly askedW: number;
    readonly importWithoutW: number | null;
    readonly importWithW: number | null;
  } | null;
  readonly signals: readonly SignalView[];
}

export function summarise(sources: {
  community: string;
  households: readonly Household[];
  tally: CommunityTally;
  batches: number;
  finalizedBlock: number;
  feesNative: bigint;
  verified: VerifyReport;
  signals: readonly SignalView[];
  checks: readonly FeederCheck[];
  feeder: FeederReport;
}): Summary {
  const { tally, households, verified } = sources;
  const readings = { modbus: 0, opcua: 0, estimated: 0 };
  const gates = { met: 0, missed: 0 };
  for (const household of households) {
    readings[household.spec.protocol] += tally.homes.get(household.spec.id)?.readings ?? 0;
    readings.estimated += tally.homes.get(household.spec.id)?.estimates ?? 0;
    gates.met += household.trading.gates.met;
    gates.missed += household.trading.gates.missed;
  }
  const last = sources.signals.at(-1);
  return {
    community: sources.community,
    slotsSettled: tally.slots.size,
    homes: households.length,
    readings,
    gates,
    tradedWh: tally.tradedWh,
    consumptionWh: tally.consumptionWh,
    productionWh: tally.productionWh,
    gridImportWh: tally.netImportWh,
    selfSufficiency: Math.round(tally.selfSufficiency * 1e6) / 1e6,
    losses: lossesOf(sources.checks, sources.feeder),
    bill: {
      withMarketMicro: wholeNumber(tally.billWithMarketMicro),
      withoutMarketMicro: wholeNumber(tally.billWithoutMarketMicro),
    },
    chain: {
      batches: sources.batches,
      finalizedBlock: sources.finalizedBlock,
      feesNative: wholeNumber(sources.feesNative),
    },
    checks: {
      energyBalances: tally.energyBalances,
      cashSumsToZero: tally.cashSumsToZero,
      chainMatchesStatements: verified.ok && verified.slots.length === tally.slots.size,
    },
    signal:
      last === undefined
        ? null
        : { askedW: last.limitW, importWithoutW: last.importWithoutW, importWithW: last.importWithW },
    signals: sources.signals,
  };
}

function lossesOf(checks: readonly FeederCheck[], report: FeederReport): Summary['losses'] {
  if (report.feeder === null) return null;
  const slots: Record<FeederVerdict, number> = { normal: 0, loss: 0, gain: 0, unknown: 0 };
  let lostWh = 0;
  for (const { verdict, differenceWh } of checks) {
    slots[verdict]++;
    if (verdict !== 'unknown') lostWh += differenceWh ?? 0;
  }
  return { lostWh, slots, suspects: report.suspects };
}

/** A sum of money as a JSON number; exact up to 2^53. */
function wholeNumber(amount: bigint): number {
  const value = Number(amount);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${amount} does not fit a JSON number`);
  return value;
}
