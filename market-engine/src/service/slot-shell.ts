import {
  CommonwattError,
  type Book,
  type BundleRecord,
  type ErrorCode,
  type SettlementReceipt,
  type SlotId,
} from '@commonwatt/domain';
import type { Decision } from '../journal/rows.ts';
import { slotDeadlines } from '../slot/deadlines.ts';
import type { SlotEffect, SlotMachineEvent } from '../slot/machine.ts';
import {
  firstSnapshot,
  nextDeadlineMs,
  outstandingEffects,
  restoreSnapshot,
  stateOf,
  step,
  storeSnapshot,
  type SlotSnapshot,
} from '../slot/step.ts';
import { attempt, messageOf } from './attempt.ts';
import type { Core } from './core.ts';
import { allDelivered, fixSlot } from './fix-slot.ts';
import type { Memory } from './memory.ts';
import { nextSlotToOpen } from './next-slot.ts';
import type { MarketEvent, MarketOptions } from './ports.ts';
import { countsIn, statementOf } from './slot-detail.ts';

interface LiveSlot {
  readonly slot: SlotId;
  snapshot: SlotSnapshot;
  /** The attempt to settle that runs, if one does. */
  attempt: AbortController | null;
}

export interface ShellDependencies {
  readonly memory: Memory;
  readonly core: Core;
  readonly options: MarketOptions;
  readonly emit: (event: MarketEvent) => void;
  /** Deadlines have changed. */
  readonly changed: () => void;
  /** The journal cannot be written: nothing goes on. */
  readonly fail: (error: unknown) => void;
}

const SETTLE_WITHIN_MS = 26 * 3_600_000;
/** Settlement refuses for good with these; everything else is tried again. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['malformed', 'out-of-range', 'conflict', 'forbidden']);

/**
 * Runs the machines of all slots that are not settled: journals each new state, together with what was decided on the way, and then
 * carries out its effect. Nothing here is lost with the process: `restore` starts from the journal and repeats outstanding effects.
 */
export class SlotShell {
  readonly #deps: ShellDependencies;
  readonly #live = new Map<SlotId, LiveSlot>();
  #stopped = false;

  constructor(deps: ShellDependencies) {
    this.#deps = deps;
  }

  restore(): void {
    for (const { slot, stored } of this.#deps.memory.state.slots.values()) {
      if (stored === null || stored.state === 'settled') continue;
      this.#live.set(slot, { slot, snapshot: restoreSnapshot(stored), attempt: null });
    }
    for (const live of this.#live.values()) {
      for (const effect of outstandingEffects(live.snapshot)) this.#carryOut(live, effect);
    }
  }

  /** Opens what is due and sends the tick to every slot, earliest first. */
  tick(nowMs: number): void {
    if (this.#stopped) return;
    this.#openDue(nowMs);
    for (const slot of this.liveSlots()) this.send(slot, { type: 'clock.tick', nowMs });
  }

  /** Sends an event to a slot's machine; a settled or unknown slot ignores it. */
  send(slot: SlotId, event: SlotMachineEvent, facts: readonly Decision[] = []): void {
    const live = this.#live.get(slot);
    if (live === undefined || this.#stopped) return;
    const before = stateOf(live.snapshot);
    const next = step(live.snapshot, event);
    if (!next.changed) {
      live.snapshot = next.snapshot;
      return;
    }
    const state = stateOf(next.snapshot);
    const { memory } = this.#deps;
    try {
      const rows: Decision[] = [...facts];
      if (state === 'metered' && memory.detail(slot).fixed === null) rows.push(this.#fix(slot));
      rows.push({ type: 'state', slot, stored: storeSnapshot(next.snapshot) });
      memory.commit(rows);
    } catch (error) {
      this.#deps.fail(error);
      return;
    }
    live.snapshot = next.snapshot;
    if (before === 'settling') {
      live.attempt?.abort(new CommonwattError('unavailable', `the attempt to settle ${slot} is over`));
      live.attempt = null;
    }
    if (state === 'settled') this.#live.delete(slot);
    this.#deps.emit({ type: 'slot', slot, state });
    for (const fact of facts) {
      if (fact.type !== 'cleared') continue;
      const { clearing, bids, offers } = fact;
      this.#deps.emit({ type: 'cleared', clearing, bids, offers });
    }
    this.#deps.changed();
    for (const effect of next.effects) this.#carryOut(live, effect);
  }

  /** A reading has arrived: the slot may be complete. */
  readingTaken(slot: SlotId): void {
    const live = this.#live.get(slot);
    if (live !== undefined && stateOf(live.snapshot) === 'metering') this.#carryOut(live, 'askReadings');
  }

  isOpen(slot: SlotId): boolean {
    const live = this.#live.get(slot);
    return live !== undefined && stateOf(live.snapshot) === 'open';
  }

  liveSlots(): SlotId[] {
    return [...this.#live.keys()];
  }

  /** When a tick is next due, ms since 1970; null when nothing waits for time. */
  nextDeadlineMs(): number | null {
    const { memory, options } = this.#deps;
    const opening = nextSlotToOpen(memory.state, options);
    let next = opening === null ? null : slotDeadlines(opening, options.rules).opensMs;
    for (const live of this.#live.values()) {
      const at = nextDeadlineMs(live.snapshot);
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  stop(): void {
    this.#stopped = true;
    for (const live of this.#live.values()) {
      live.attempt?.abort(new CommonwattError('unavailable', 'the market is stopping'));
    }
  }

  records(slot: SlotId): BundleRecord[] | null {
    const { memory, core } = this.#deps;
    const { state } = memory;
    const registries = {
      at: (seq: number) => state.registryAt(seq),
      of: (earlier: SlotId) => (state.slots.has(earlier) ? state.registryOf(earlier) : null),
    };
    return memory.detail(slot).records(core, registries, memory.journal);
  }

  /** The orders of members that stand in a slot, in canonical order. */
  book(slot: SlotId): Book {
    const { memory } = this.#deps;
    return memory.detail(slot).orders.book(countsIn(memory.state.registryOf(slot)));
  }

  #openDue(nowMs: number): void {
    const { memory, options } = this.#deps;
    for (;;) {
      const slot = nextSlotToOpen(memory.state, options);
      if (slot === null) return;
      const deadlines = slotDeadlines(slot, options.rules);
      if (deadlines.opensMs > nowMs || memory.state.rules === null) return;
      const snapshot = firstSnapshot({
        slot,
        deadlines,
        settleWithinMs: options.settleWithinMs ?? SETTLE_WITHIN_MS,
      });
      try {
        memory.commit([
          { type: 'opened', slot, rulesSeq: memory.state.rules.seq },
          { type: 'state', slot, stored: storeSnapshot(snapshot) },
        ]);
      } catch (error) {
        this.#deps.fail(error);
        return;
      }
      this.#live.set(slot, { slot, snapshot, attempt: null });
      this.#deps.emit({ type: 'slot', slot, state: 'open' });
    }
  }

  #fix(slot: SlotId): Decision {
    const { memory, options } = this.#deps;
    const { trueUps, debts, known } = memory.state;
    const registry = memory.state.registryOf(slot);
    return fixSlot(memory.detail(slot), registry, options.estimate, trueUps, debts.carries(), (id) =>
      known.get(id),
    );
  }

  #carryOut(live: LiveSlot, effect: SlotEffect): void {
    const { memory, core, emit } = this.#deps;
    const { slot } = live;
    const detail = memory.detail(slot);
    switch (effect) {
      case 'clearBook': {
        const book = this.book(slot);
        const clearing = attempt(() => core.clear(book, detail.rules.mechanism));
        if (clearing instanceof Error) return this.#stuck(slot, 'the book cannot be cleared', clearing);
        const bids = book.orders.filter((order) => order.side === 'bid').length;
        const offers = book.orders.length - bids;
        return this.send(slot, { type: 'book.cleared', volumeWh: clearing.volumeWh }, [
          { type: 'cleared', slot, clearing, bids, offers },
        ]);
      }
      case 'askReadings': {
        if (allDelivered(detail, memory.state.registryOf(slot)))
          this.send(slot, { type: 'readings.complete' });
        return;
      }
      case 'checkStatement': {
        const records = attempt(() => this.records(slot) ?? []);
        if (records instanceof Error) return this.#stuck(slot, 'the statement does not hold', records);
        emit({ type: 'statement', statement: statementOf(slot, records) });
        return this.send(slot, { type: 'statement.ready' });
      }
      case 'startSettlement':
        void this.#settle(live);
        return;
    }
  }

  /** One attempt. Its outcome counts as long as the slot is not settled, even when it was given up meanwhile. */
  async #settle(live: LiveSlot): Promise<void> {
    const { slot } = live;
    const controller = new AbortController();
    live.attempt = controller;
    let receipt: SettlementReceipt;
    try {
      const records = this.records(slot) ?? [];
      receipt = await this.#deps.options.settlement.settle({ slot, records }, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      if (live.attempt === controller) live.attempt = null;
      const known = error instanceof CommonwattError && REFUSALS.has(error.code);
      if (known) return this.#stuck(slot, 'settlement refuses', error);
      this.#deps.options.log(`slot ${slot}: settling failed and is tried again: ${messageOf(error)}`);
      return this.send(slot, { type: 'settlement.failed', why: messageOf(error) });
    }
    if (this.#stopped || !this.#live.has(slot)) return;
    if (live.attempt === controller) live.attempt = null;
    const { state } = this.#deps.memory;
    const debts = state.debts.rowFor(receipt);
    const facts: Decision[] = [
      ...(state.batch(receipt.batchId) === null ? [{ type: 'batch', receipt } as const] : []),
      ...(debts === null ? [] : [debts]),
    ];
    this.send(slot, { type: 'settlement.final', batchId: receipt.batchId }, facts);
    if (!this.#live.has(slot)) this.#deps.emit({ type: 'settled', slot, receipt });
  }

  #stuck(slot: SlotId, what: string, error: unknown): void {
    const why = `${what}: ${messageOf(error)}`;
    this.#deps.options.log(`slot ${slot} needs an operator: ${why}`);
    this.send(slot, { type: 'stuck', why });
  }
}
