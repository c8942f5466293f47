import { slotStartMs } from '@commonwatt/domain';
import type { FeederSlot } from './flows.ts';
import type { Series } from './projection.ts';

const DAY_MS = 86_400_000;

/** A home's flows in the slots looked at, Wh; 0 where it did not take part. */
export interface HomeSeries {
  readonly participant: string;
  /** Import less export. */
  readonly netWh: Series;
  /** What the home used behind its meter: net import and what roof and battery gave. */
  readonly useWh: Series;
  readonly ownWh: Series;
  /** 1 where neither counter moved for long, less where a block holds only some of those slots. */
  readonly still: Series;
}

export interface Window {
  readonly differenceWh: Series;
  readonly feederWh: Series;
  readonly homesWh: Series;
  readonly throughputWh: Series;
  /** How many slots each value holds. */
  readonly ones: Series;
  /** Of the homes' counters, Wh. */
  readonly stepWh: number;
  readonly homes: readonly HomeSeries[];
  /** What the average home used. */
  readonly averageUseWh: Series;
  /**
   * What may move the differences without any meter being wrong: a constant, a share of what flows, a share of its square, the feeder
   * meter's own error, and whatever goes with the hour of the day, such as a street lamp without a meter.
   */
  readonly nuisances: readonly Series[];
}

/** A counter that stood still for so many slots in a row has stopped: one that moves in steps pauses too, but not for as long. */
const STILL_SLOTS_MIN = 16;

/**
 * The slots as columns, `perBlock` neighbouring ones added up to one value: the steps of a counter cancel from slot to slot, what a wrong
 * meter misses adds up.
 */
export function windowOf(slots: readonly FeederSlot[], perBlock: number, stepWh: number): Window {
  const blockOf = blocks(slots, perBlock);
  const count = (blockOf.at(-1) ?? -1) + 1;
  const empty = (): Series => new Float64Array(count);
  const series = (valueOf: (slot: FeederSlot) => number): Series => {
    const sums = empty();
    for (const [t, slot] of slots.entries()) sums[blockOf[t]!]! += valueOf(slot);
    return sums;
  };
  const homes = new Map<string, HomeSeries>();
  const averageUseWh = empty();
  for (const [t, slot] of slots.entries()) {
    const block = blockOf[t]!;
    for (const { participant, importWh, exportWh, ownWh } of slot.homes) {
      let home = homes.get(participant);
      if (home === undefined) {
        home = { participant, netWh: empty(), useWh: empty(), ownWh: empty(), still: empty() };
        homes.set(participant, home);
      }
      const useWh = Math.max(0, importWh - exportWh + ownWh);
      home.netWh[block]! += importWh - exportWh;
      home.ownWh[block]! += ownWh;
      home.useWh[block]! += useWh;
      averageUseWh[block]! += useWh / slot.homes.length;
    }
  }
  for (const [participant, runs] of stillRuns(slots)) {
    const home = homes.get(participant);
    for (const t of runs) home!.still[blockOf[t]!]! += 1 / perBlock;
  }
  const feederWh = series(({ check }) => (check.importWh ?? 0) - (check.exportWh ?? 0));
  const homesWh = series(({ check }) => check.homesImportWh - check.homesExportWh);
  const throughputWh = series(({ check }) => check.homesImportWh + check.homesExportWh);
  const angle = (slot: FeederSlot, perDay: number): number =>
    (2 * Math.PI * perDay * (slotStartMs(slot.check.slot) % DAY_MS)) / DAY_MS;
  return {
    differenceWh: series(({ check }) => check.differenceWh ?? 0),
    feederWh,
    homesWh,
    throughputWh,
    ones: series(() => 1),
    stepWh,
    homes: [...homes.values()],
    averageUseWh,
    nuisances: [
      series(() => 1),
      throughputWh,
      series(({ check }) => (check.homesImportWh - check.homesExportWh) ** 2),
      feederWh,
      ...[1, 2].flatMap((perDay) => [
        series((slot) => Math.cos(angle(slot, perDay))),
        series((slot) => Math.sin(angle(slot, perDay))),
      ]),
    ],
  };
}

/** The number of each slot's block; blocks begin at whole multiples of their length. */
function blocks(slots: readonly FeederSlot[], perBlock: number): number[] {
  const starts = slots.map(({ check }) => slotStartMs(check.slot));
  const lengthMs = starts.reduce(
    (least, start, t) => Math.min(least, t === 0 ? Infinity : start - starts[t - 1]!),
    Infinity,
  );
  const numbers = starts.map((start) => Math.floor(start / (lengthMs * perBlock)));
  let block = -1;
  return numbers.map((number, t) => (t > 0 && number === numbers[t - 1] ? block : ++block));
}

/** For each home the slots, by number, in which its counters stood still for long. */
function stillRuns(slots: readonly FeederSlot[]): Map<string, number[]> {
  const runs = new Map<string, number[]>();
  const current = new Map<string, number[]>();
  for (const [t, slot] of slots.entries()) {
    for (const { participant, importWh, exportWh } of slot.homes) {
      const run = importWh === 0 && exportWh === 0 ? [...(current.get(participant) ?? []), t] : [];
      current.set(participant, run);
      if (run.length === STILL_SLOTS_MIN) runs.set(participant, [...(runs.get(participant) ?? []), ...run]);
      else if (run.length > STILL_SLOTS_MIN) runs.get(participant)?.push(t);
    }
  }
  return runs;
}
