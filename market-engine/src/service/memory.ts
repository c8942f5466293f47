import type { SlotId } from '@commonwatt/domain';
import type { Journal } from '../journal/journal.ts';
import type { Decision, Intake } from '../journal/rows.ts';
import type { MarketState } from './market-state.ts';
import { loadSlotDetail, type SlotDetail } from './slot-detail.ts';

/** Details of settled slots kept at hand; older ones are read back from the journal. */
const SETTLED_KEPT_MAX = 24;

/** The journal and what is in memory of it, changed together: disk first. */
export class Memory {
  readonly journal: Journal;
  readonly state: MarketState;
  readonly #details = new Map<SlotId, SlotDetail>();

  constructor(journal: Journal, state: MarketState) {
    this.journal = journal;
    this.state = state;
  }

  /** Writes the decisions and applies them. Throws `unavailable`, and then has changed nothing in memory. */
  commit(rows: readonly Decision[], about?: Intake): void {
    let seq = this.journal.commit(rows, about);
    if (about !== undefined) this.#details.get(about.signed.payload.slot)?.takeIn(about);
    for (const row of rows) {
      this.state.apply({ seq: seq++, row });
      if ('slot' in row) this.#details.get(row.slot)?.decide(row);
    }
  }

  /** A known slot's detail, from memory or from the journal. Throws `unknown-slot`. */
  detail(slot: SlotId): SlotDetail {
    const kept = this.#details.get(slot);
    if (kept !== undefined) return kept;
    const detail = loadSlotDetail(this.journal, slot, this.state.entry(slot).rules);
    this.#details.set(slot, detail);
    this.#forgetSettled();
    return detail;
  }

  #forgetSettled(): void {
    const settled = [...this.#details.keys()].filter(
      (slot) => this.state.slots.get(slot)?.stored?.state === 'settled',
    );
    for (const slot of settled.slice(0, Math.max(0, settled.length - SETTLED_KEPT_MAX))) {
      this.#details.delete(slot);
    }
  }
}
