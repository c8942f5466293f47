import type { BundleRecord, FeederCheck, FeederReport, FeederVerdict, SlotId } from '@commonwatt/domain';
import { feederOf } from '../feeder/check.ts';
import { feederSlotOf, type FeederSlot } from '../feeder/flows.ts';
import { feederReport, WINDOW_SLOTS } from '../feeder/suspects.ts';
import type { MarketState } from './market-state.ts';
import type { FeederFilter, FeederHealth } from './ports.ts';

/**
 * The feeder checks so far, and the flows behind the latest of them. All of it follows from the journal: what is kept here saves reading it
 * again.
 */
export class FeederWatch {
  readonly #state: MarketState;
  readonly #recordsOf: (slot: SlotId) => readonly BundleRecord[] | null;
  readonly #flows = new Map<SlotId, FeederSlot>();
  #report: FeederReport | null = null;

  constructor(state: MarketState, recordsOf: (slot: SlotId) => readonly BundleRecord[] | null) {
    this.#state = state;
    this.#recordsOf = recordsOf;
  }

  /** Newest first. */
  checks({ before, limit = Number.POSITIVE_INFINITY }: FeederFilter = {}): FeederCheck[] {
    const found: FeederCheck[] = [];
    for (const { slot, fixed } of [...this.#state.slots.values()].toReversed()) {
      if (found.length >= limit) break;
      if (before !== undefined && slot >= before) continue;
      if (fixed?.check) found.push(fixed.check);
    }
    return found;
  }

  checkOf(slot: SlotId): FeederCheck | null {
    return this.#state.slots.get(slot)?.fixed?.check ?? null;
  }

  /** A slot is metered, or its records have been made for another reason: they need not be made again. */
  note(slot: SlotId, records: readonly BundleRecord[]): void {
    if (this.#flows.has(slot) || this.checkOf(slot) === null) return;
    const flows = feederSlotOf(records);
    if (flows === null) return;
    this.#flows.set(slot, flows);
    this.#report = null;
    for (const old of this.#flows.keys()) {
      if (this.#flows.size <= WINDOW_SLOTS) break;
      this.#flows.delete(old);
    }
  }

  report(): FeederReport {
    if (this.#report !== null) return this.#report;
    const feeder = feederOf(this.#state.registry?.participants ?? []);
    const rules = this.#state.rules?.rules;
    const slots: FeederSlot[] = [];
    for (const { slot } of this.checks({ limit: WINDOW_SLOTS })) {
      if (!this.#flows.has(slot)) this.note(slot, this.#recordsOf(slot) ?? []);
      const flows = this.#flows.get(slot);
      if (flows !== undefined) slots.unshift(flows);
    }
    if (rules === undefined) return { feeder, slots: 0, from: null, to: null, suspects: [] };
    return (this.#report = feederReport(feeder, slots, rules));
  }

  health(): FeederHealth | null {
    const latest = this.checks({ limit: 1 })[0] ?? null;
    if (latest === null && feederOf(this.#state.registry?.participants ?? []) === null) return null;
    const verdicts: Record<FeederVerdict, number> = { normal: 0, loss: 0, gain: 0, unknown: 0 };
    for (const { fixed } of this.#state.slots.values()) if (fixed?.check) verdicts[fixed.check.verdict]++;
    return { latest, verdicts, suspects: this.report().suspects.length };
  }
}
