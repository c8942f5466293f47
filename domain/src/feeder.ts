import type { SlotId } from './slot.ts';

/**
 * What the feeder meter says about the homes' readings of a slot. `normal`: the difference is what cables, transformer and meters lose;
 * `loss`: more came in than that, something draws energy without a meter; `gain`: the homes report more supply or less consumption
 * than came, which no loss explains, so a meter is wrong; `unknown`: the feeder's reading or a home's is missing or in doubt.
 */
export type FeederVerdict = 'normal' | 'loss' | 'gain' | 'unknown';

/**
 * The feeder meter against the sum of the homes for one slot; whole Wh. Reported, never used for money.
 * Import and export are unsigned; the difference is signed, positive when more came in than the homes' meters account for.
 */
export interface FeederCheck {
  readonly slot: SlotId;
  /** The participant whose meter stands at the transformer. */
  readonly feeder: string;
  /** Null when the feeder's reading is missing. */
  readonly importWh: number | null;
  readonly exportWh: number | null;
  /** Sums over the homes, estimates among them. */
  readonly homesImportWh: number;
  readonly homesExportWh: number;
  readonly homes: number;
  /** Homes without a reading to rely on: estimated, or read with a fault of the device. */
  readonly homesInDoubt: number;
  /** (feeder import - feeder export) - (homes' import - homes' export); null when the feeder's reading is missing. */
  readonly differenceWh: number | null;
  /** What may be lost in such a slot at most, and how far the meters' steps may lead astray. */
  readonly lossWhMax: number;
  readonly toleranceWh: number;
  readonly verdict: FeederVerdict;
}

/**
 * What is wrong with a meter, as far as the flows tell. `scale`: it counts too little or too much of what flows; `swapped`: it takes
 * import for export; `stuck`: it stands still while energy flows; `tap`: a part of the home's use bypasses it.
 */
export type MeterFault = 'scale' | 'swapped' | 'stuck' | 'tap';

/** A meter that the recent differences point at. A reason to look at the meter, not a proof; never used for money. */
export interface MeterSuspect {
  /** A household, or the feeder meter itself. */
  readonly participant: string;
  readonly fault: MeterFault;
  /** What the meter shows of what flows, in permille: 700 when it counts 70 %; 0 for `stuck`, null for `swapped`. */
  readonly showsPermille: number | null;
  /** Energy that its readings miss in the slots looked at, Wh; negative when they hold too much. */
  readonly missingWh: number;
  /** How likely it is this meter and not another one, given that one meter is wrong; 0 to 1000. */
  readonly confidencePermille: number;
  readonly text: string;
}

/** What the feeder checks of the last slots add up to. */
export interface FeederReport {
  /** Null when the community has no feeder meter. */
  readonly feeder: string | null;
  /** The latest slots that could be looked at for suspects: how many, and from which to which; null for none. */
  readonly slots: number;
  readonly from: SlotId | null;
  readonly to: SlotId | null;
  readonly suspects: readonly MeterSuspect[];
}
