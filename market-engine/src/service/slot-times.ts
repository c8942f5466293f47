import {
  CommonwattError,
  slotMs,
  type CancelPayload,
  type MeterReading,
  type OrderPayload,
  type SlotId,
} from '@commonwatt/domain';
import { slotDeadlines, type SlotDeadlines } from '../slot/deadlines.ts';
import type { Memory } from './memory.ts';
import type { MarketOptions } from './ports.ts';
import type { SlotShell } from './slot-shell.ts';

const DEADLINES_KEPT_MAX = 1024;

/** Whether it is the time for a message: the clock decides, not the last tick. */
export class SlotTimes {
  readonly #memory: Memory;
  readonly #shell: SlotShell;
  readonly #options: MarketOptions;
  readonly #deadlines = new Map<SlotId, SlotDeadlines>();

  constructor(memory: Memory, shell: SlotShell, options: MarketOptions) {
    this.#memory = memory;
    this.#shell = shell;
    this.#options = options;
  }

  /** Throws `unknown-slot`, `not-yet-open` or `gate-closed`. */
  checkOrderTime({ slot, id }: OrderPayload | CancelPayload): void {
    this.#checkSlotName(slot, id);
    const { opensMs, gateClosesMs } = this.#deadlinesOf(slot);
    const nowMs = this.#options.clock.nowMs();
    const place = { record: id, field: 'payload.slot' };
    if (nowMs < opensMs) {
      throw new CommonwattError(
        'not-yet-open',
        `${slot} takes orders from ${iso(opensMs)}; it is ${iso(nowMs)}`,
        {
          ...place,
          remedy: 'send it again then',
        },
      );
    }
    if (nowMs < gateClosesMs && !this.#memory.state.slots.has(slot)) this.#shell.tick(nowMs);
    if (nowMs >= gateClosesMs || !this.#shell.isOpen(slot)) {
      throw new CommonwattError(
        'gate-closed',
        `the gate of ${slot} closed at ${iso(gateClosesMs)}; it is ${iso(nowMs)}`,
        {
          ...place,
          remedy: 'bid for a later slot',
        },
      );
    }
  }

  /** Throws `unknown-slot`, `not-yet-open` (the slot has not ended) or `too-late`. */
  checkReadingTime({ slot }: MeterReading, record: string): void {
    this.#checkSlotName(slot, record);
    const { endsMs, trueUpEndsMs } = this.#deadlinesOf(slot);
    const nowMs = this.#options.clock.nowMs();
    const place = { record, field: 'payload.slot' };
    if (nowMs < endsMs) {
      throw new CommonwattError('not-yet-open', `${slot} ends at ${iso(endsMs)}; it is ${iso(nowMs)}`, {
        ...place,
        rule: 'a slot is read after its end',
        remedy: "check the gateway's clock",
      });
    }
    if (nowMs > trueUpEndsMs) {
      throw new CommonwattError('too-late', `readings of ${slot} were taken until ${iso(trueUpEndsMs)}`, {
        ...place,
        rule: 'late readings are trued up until a limit',
      });
    }
    if (!this.#memory.state.slots.has(slot)) this.#shell.tick(nowMs);
    if (!this.#memory.state.slots.has(slot)) {
      throw new CommonwattError('unknown-slot', `there is no slot ${slot} here`, place);
    }
  }

  #checkSlotName(slot: SlotId, record: string): void {
    const { rules, lastSlot } = this.#options;
    const { journal, slots } = this.#memory.state;
    if (slots.has(slot)) return;
    const why =
      this.#deadlinesOf(slot).startsMs % slotMs(rules.slotMinutes) !== 0
        ? `slots here are ${rules.slotMinutes} minutes long`
        : journal !== null && slot < journal.firstSlot
          ? `the market began with ${journal.firstSlot}`
          : lastSlot !== undefined && slot > lastSlot
            ? `the market ends with ${lastSlot}`
            : null;
    if (why === null) return;
    throw new CommonwattError('unknown-slot', `there is no slot ${slot}: ${why}`, {
      record,
      field: 'payload.slot',
    });
  }

  #deadlinesOf(slot: SlotId): SlotDeadlines {
    // A slot keeps the rules that it was opened under.
    const kept = this.#memory.state.slots.get(slot)?.deadlines ?? this.#deadlines.get(slot);
    if (kept !== undefined) return kept;
    const deadlines = slotDeadlines(slot, this.#options.rules);
    if (this.#deadlines.size >= DEADLINES_KEPT_MAX) this.#deadlines.clear();
    this.#deadlines.set(slot, deadlines);
    return deadlines;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
