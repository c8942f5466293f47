import {
  CommonwattError,
  slotAfter,
  type BundleRecord,
  type Book,
  type Clearing,
  type Clock,
  type FeederCheck,
  type FeederReport,
  type MarketRules,
  type OrderPayload,
  type Participant,
  type SettlementReceipt,
  type Signed,
  type SlotId,
  type SlotMinutes,
  type Statement,
} from '@commonwatt/domain';
import { openJournal, type JournalHooks } from '../journal/journal.ts';
import { Announcer } from './announcer.ts';
import { messageOf } from './attempt.ts';
import { core } from './core.ts';
import { FeederWatch } from './feeder-watch.ts';
import { findSlots } from './find-slots.ts';
import { Intakes } from './intake.ts';
import { MarketState } from './market-state.ts';
import { Members } from './members.ts';
import { Memory } from './memory.ts';
import { nextSlotToOpen } from './next-slot.ts';
import { openingRows } from './opening.ts';
import { OrderDesk } from './order-desk.ts';
import type {
  FeederFilter,
  Market,
  MarketEvent,
  MarketHealth,
  MarketOptions,
  Membership,
  MembersTaken,
  OrderTaken,
  ReadingTaken,
  SlotFilter,
  SlotSummary,
} from './ports.ts';
import { ReadingDesk } from './reading-desk.ts';
import { Receipts } from './receipts.ts';
import { statementOf } from './slot-detail.ts';
import { SlotShell } from './slot-shell.ts';
import { SlotTimes } from './slot-times.ts';
import { stateCounts } from './state-counts.ts';
import { Ticker } from './ticker.ts';
import { whoOf } from './who.ts';

/** The market as one object: hands each request to who answers it, keeps the tick going, and stands still once the journal has failed. */

export class MarketService implements Market {
  readonly rules: MarketRules;
  readonly clock: Clock;
  readonly #options: MarketOptions;
  readonly #memory: Memory;
  readonly #shell: SlotShell;
  readonly #members: Members;
  readonly #feeder: FeederWatch;
  readonly #announcer: Announcer;
  readonly #receipts: Receipts;
  readonly #orderDesk: OrderDesk;
  readonly #readingDesk: ReadingDesk;
  readonly #ticker: Ticker;
  readonly #counters: Record<string, number> = { orders: 0, cancels: 0, readings: 0, refused: 0 };
  #trouble: string | null = null;
  #stopped = false;

  constructor(options: MarketOptions, hooks: JournalHooks) {
    this.rules = options.rules;
    this.clock = options.clock;
    this.#options = options;
    whoOf(options.rules.community, options.participants, options.gateways);
    const state = new MarketState();
    this.#memory = new Memory(openJournal(options.journalPath, hooks), state);
    try {
      for (const numbered of this.#memory.journal.decisions()) state.apply(numbered);
      const rows = openingRows(options, state);
      if (rows.length > 0) this.#memory.commit(rows);
    } catch (error) {
      this.#memory.journal.close();
      throw error;
    }
    this.#shell = new SlotShell({
      memory: this.#memory,
      core,
      options,
      emit: (event) => this.#announcer.emit(event),
      changed: () => this.#ticker.wake(),
      fail: (error) => this.#fail(error),
    });
    this.#feeder = new FeederWatch(state, (slot) => this.#shell.records(slot));
    this.#announcer = new Announcer({
      ...options,
      feeder: this.#feeder,
      statement: (slot) => this.statement(slot),
    });
    this.#receipts = new Receipts(this.#memory);
    this.#members = new Members(this.#memory, options.rules.community);
    const desk = {
      memory: this.#memory,
      shell: this.#shell,
      members: this.#members,
      times: new SlotTimes(this.#memory, this.#shell, options),
      intakes: new Intakes(this.#memory, options.rules.community),
    };
    this.#orderDesk = new OrderDesk(desk, options.collateral);
    this.#readingDesk = new ReadingDesk(desk, options.log);
    this.#ticker = new Ticker(
      options.clock,
      () => this.tick(),
      () => (this.#trouble === null ? this.#shell.nextDeadlineMs() : null),
    );
  }

  start(): void {
    this.#shell.restore();
    this.#takeMembersOfOpening();
    this.#readingDesk.remember(withPredecessor(this.#shell.liveSlots(), this.rules.slotMinutes));
    this.#ticker.start();
  }

  get participants(): readonly Participant[] {
    return this.#memory.state.registry?.participants ?? [];
  }

  members(): Membership & { readonly fromSlot: SlotId | null } {
    const { participants = [], gateways = [], asOf } = this.#memory.state.registry ?? {};
    return {
      participants,
      gateways,
      ...(asOf === undefined ? {} : { asOf }),
      fromSlot: this.#firstOpenSlot(),
    };
  }

  updateMembers(members: Membership): MembersTaken {
    // Gates that are due close with the members as they were.
    this.tick();
    if (this.#trouble !== null || this.#stopped)
      throw new CommonwattError('unavailable', this.#trouble ?? 'the market is stopping');
    try {
      const { changed, refused } = this.#members.update(members);
      for (const { participant, why } of refused) this.#options.log(`${participant} is refused: ${why}`);
      return { changed, refused, fromSlot: this.#firstOpenSlot() };
    } catch (error) {
      if (this.#memory.journal.failed) this.#fail(error);
      throw error;
    }
  }

  participantOfKey(key: string): Participant {
    return this.#members.ofKey(key);
  }

  submitOrder(signed: unknown): Promise<OrderTaken> {
    return this.#counted('orders', () => this.#orderDesk.order(signed));
  }

  cancelOrder(signed: unknown): Promise<OrderTaken> {
    return this.#counted('cancels', () => this.#orderDesk.cancel(signed));
  }

  async submitReading(signed: unknown): Promise<ReadingTaken> {
    const { reading, taken } = await this.#counted('readings', () => this.#readingDesk.reading(signed));
    this.#announcer.emit({ type: 'reading', reading, chain: taken.chain, use: taken.use });
    return taken;
  }

  tick(): void {
    if (this.#trouble === null && !this.#stopped) this.#shell.tick(this.clock.nowMs());
  }

  clearing(slot: SlotId): Clearing | null {
    return this.#memory.state.slots.has(slot) ? this.#memory.detail(slot).clearing : null;
  }

  statement(slot: SlotId): Statement | null {
    const records = this.records(slot);
    return records === null ? null : statementOf(slot, records);
  }

  records(slot: SlotId): BundleRecord[] | null {
    const records = this.#memory.state.slots.has(slot) ? this.#shell.records(slot) : null;
    if (records !== null) this.#feeder.note(slot, records);
    return records;
  }

  feederChecks(filter: FeederFilter = {}): FeederCheck[] {
    return this.#feeder.checks(filter);
  }

  feederReport(): FeederReport {
    return this.#feeder.report();
  }

  receipt(slot: SlotId): SettlementReceipt | null {
    return this.#receipts.ofSlot(slot);
  }

  bookOf(slot: SlotId): Book | null {
    const known = this.#memory.state.slots.has(slot) && !this.#shell.isOpen(slot);
    return known ? this.#shell.book(slot) : null;
  }

  ordersOf(participant: string, slot: SlotId): readonly Signed<OrderPayload>[] {
    return this.#memory.state.slots.has(slot) ? this.#memory.detail(slot).orders.liveOf(participant) : [];
  }

  slot(slot: SlotId): SlotSummary | null {
    const entry = this.#memory.state.slots.get(slot);
    return entry === undefined ? null : this.#memory.state.summary(entry);
  }

  slots(filter: SlotFilter = {}): SlotSummary[] {
    return findSlots(this.#memory.state, filter);
  }

  subscribe(listener: (event: MarketEvent) => void): () => void {
    return this.#announcer.subscribe(listener);
  }

  addCarries(receipt: SettlementReceipt): void {
    this.#receipts.addCarries(receipt);
  }

  correctReceipt(receipt: SettlementReceipt): boolean {
    const isNew = this.#receipts.correct(receipt);
    if (isNew) this.#announcer.emit({ type: 'corrected', receipt });
    return isNew;
  }

  debts(): readonly { readonly participant: string; readonly amountMicro: string }[] {
    return this.#memory.state.debts.open();
  }

  retry(slot: SlotId): void {
    const { state } = this.#memory.state.summary(this.#memory.state.entry(slot));
    if (state !== 'needsOperator') {
      throw new CommonwattError('conflict', `slot ${slot} is ${state}; it does not wait for an operator`, {
        record: slot,
      });
    }
    this.#shell.send(slot, { type: 'operator.retry' });
  }

  health(): MarketHealth {
    return {
      ready: this.#trouble === null && !this.#stopped,
      why: this.#trouble ?? (this.#stopped ? 'the market is stopping' : null),
      nowMs: this.clock.nowMs(),
      slots: stateCounts(this.#memory.state),
      feeder: this.#feeder.health(),
      journal: { ...this.#memory.journal.statistics },
      counters: { ...this.#counters },
    };
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#shell.stop();
    await this.#ticker.stop();
    this.#memory.journal.close();
  }

  /** On a known journal: members that changed while the market was down hold for the gates that are still open. */
  #takeMembersOfOpening(): void {
    try {
      this.updateMembers(this.#options);
    } catch (error) {
      this.#fail(error);
    }
  }

  #firstOpenSlot(): SlotId | null {
    const open = this.#shell.liveSlots().find((slot) => this.#shell.isOpen(slot));
    return open ?? nextSlotToOpen(this.#memory.state, this.#options);
  }

  async #counted<T>(name: string, action: () => Promise<T>): Promise<T> {
    if (this.#stopped)
      throw new CommonwattError('unavailable', 'the market is stopping; send it again later');
    try {
      const result = await action();
      this.#counters[name] = (this.#counters[name] ?? 0) + 1;
      return result;
    } catch (error) {
      this.#counters['refused'] = (this.#counters['refused'] ?? 0) + 1;
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (this.#trouble !== null || this.#stopped) return;
    this.#trouble = messageOf(error);
    this.#options.log(`the market stands still: ${this.#trouble}`);
    this.#shell.stop();
  }
}

/** The slots and the one before the first of them, whose readings the next ones follow. */
function withPredecessor(slots: readonly SlotId[], minutes: SlotMinutes): readonly SlotId[] {
  const [first] = slots;
  return first === undefined ? [] : [slotAfter(first, minutes, -1), ...slots];
}
