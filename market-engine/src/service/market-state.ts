import {
  CommonwattError,
  type FeederCheck,
  type MarketRules,
  type Participant,
  type SlotId,
} from '@commonwatt/domain';
import type { Numbered } from '../journal/journal.ts';
import type { Decision, PendingTrueUp } from '../journal/rows.ts';
import { slotDeadlines, type SlotDeadlines } from '../slot/deadlines.ts';
import type { StoredSlotState } from '../slot/step.ts';
import { Debts } from './debts.ts';
import type { SlotSummary } from './ports.ts';
import type { Registry } from './slot-detail.ts';

/** The little that stays in memory of every slot, however old. */
export interface SlotEntry {
  readonly slot: SlotId;
  readonly rules: MarketRules;
  readonly deadlines: SlotDeadlines;
  /** The row of the registry that held when the gate closed; null before. */
  registrySeq: number | null;
  stored: StoredSlotState | null;
  cleared: Pick<SlotSummary, 'bids' | 'offers' | 'volumeWh' | 'priceMicroPerKwh' | 'bookHash'> | null;
  fixed: {
    readonly readings: number;
    readonly estimates: number;
    readonly check: FeederCheck | null;
  } | null;
}

/** The market's memory: a fold over the journal's decisions, the same live as after a restart. */
export class MarketState {
  journal: Extract<Decision, { type: 'journal' }> | null = null;
  rules: { readonly seq: number; readonly rules: MarketRules } | null = null;
  registry: (Registry & { readonly seq: number }) | null = null;
  lastOpened: SlotId | null = null;
  /** Everyone who ever took part, as last registered. An id stays with its account for ever, because debts and claims are kept by id. */
  readonly known = new Map<string, Participant>();
  readonly slots = new Map<SlotId, SlotEntry>();
  readonly debts = new Debts();
  trueUps: PendingTrueUp[] = [];
  readonly #rules = new Map<number, MarketRules>();
  readonly #registries = new Map<number, Registry>();
  readonly #batches = new Map<string, { readonly seq: number; readonly blockNumber: number }>();

  apply({ seq, row }: Numbered<Decision>): void {
    switch (row.type) {
      case 'journal':
        this.journal = row;
        break;
      case 'rules':
        this.#rules.set(seq, row.rules);
        this.rules = { seq, rules: row.rules };
        break;
      case 'registry': {
        const { type: _type, ...registry } = row;
        this.#registries.set(seq, registry);
        this.registry = { seq, ...registry };
        for (const participant of row.participants) this.known.set(participant.id, participant);
        break;
      }
      case 'opened':
        this.#open(row.slot, row.rulesSeq);
        break;
      case 'state':
        this.#keepState(this.entry(row.slot), row.stored);
        if (row.stored.state === 'settled') this.debts.settled(row.slot);
        break;
      case 'cleared': {
        const { volumeWh, priceMicroPerKwh, bookHash } = row.clearing;
        const { bids, offers } = row;
        this.entry(row.slot).cleared = { bids, offers, volumeWh, priceMicroPerKwh, bookHash };
        break;
      }
      case 'fixed': {
        this.entry(row.slot).fixed = {
          // Nobody is settled on the feeder's.
          readings: row.readings.length - ((row.check?.importWh ?? null) === null ? 0 : 1),
          estimates: row.estimates.length,
          check: row.check ?? null,
        };
        this.debts.charge(row.slot, row.carries);
        const used = new Set(row.trueUps.map(({ estimate }) => trueUpKey(estimate)));
        this.trueUps = this.trueUps.filter(({ estimate }) => !used.has(trueUpKey(estimate)));
        break;
      }
      case 'late':
        this.trueUps.push({ estimate: row.estimate, reading: row.reading, tradedWh: row.tradedWh });
        break;
      case 'batch':
        this.#batches.set(row.receipt.batchId, { seq, blockNumber: row.receipt.blockNumber });
        break;
      case 'debts':
        this.debts.apply(row);
        break;
    }
  }

  entry(slot: SlotId): SlotEntry {
    const entry = this.slots.get(slot);
    if (entry !== undefined) return entry;
    throw new CommonwattError('unknown-slot', `there is no slot ${slot} here`, { record: slot });
  }

  /** Who takes part in a slot: as it was when the gate closed; before that, as it is now. */
  registryOf(slot: SlotId): Registry & { readonly seq: number } {
    const seq = this.slots.get(slot)?.registrySeq ?? this.registry?.seq;
    if (seq !== undefined) return { seq, ...this.registryAt(seq) };
    throw new CommonwattError('internal', 'the journal has no registry');
  }

  registryAt(seq: number): Registry {
    const registry = this.#registries.get(seq);
    if (registry !== undefined) return registry;
    throw new CommonwattError('internal', `the journal has no registry at row ${seq}`);
  }

  batch(batchId: string): { readonly seq: number; readonly blockNumber: number } | null {
    return this.#batches.get(batchId) ?? null;
  }

  summary(entry: SlotEntry): SlotSummary {
    const { slot, stored, deadlines, cleared, fixed } = entry;
    const batchId = stored?.context.batchId ?? null;
    return {
      slot,
      state: stored?.state ?? 'open',
      gateClosesMs: deadlines.gateClosesMs,
      startsMs: deadlines.startsMs,
      endsMs: deadlines.endsMs,
      meteringEndsMs: deadlines.meteringEndsMs,
      bids: cleared?.bids ?? null,
      offers: cleared?.offers ?? null,
      volumeWh: cleared?.volumeWh ?? null,
      priceMicroPerKwh: cleared?.priceMicroPerKwh ?? null,
      bookHash: cleared?.bookHash ?? null,
      readings: fixed?.readings ?? null,
      estimates: fixed?.estimates ?? null,
      feederVerdict: fixed?.check?.verdict ?? null,
      feederDifferenceWh: fixed?.check?.differenceWh ?? null,
      batchId,
      blockNumber: batchId === null ? null : (this.batch(batchId)?.blockNumber ?? null),
      trouble: stored?.state === 'settled' ? null : (stored?.context.trouble ?? null),
    };
  }

  #keepState(entry: SlotEntry, stored: StoredSlotState): void {
    entry.stored = stored;
    if (stored.state !== 'open') entry.registrySeq ??= this.registry?.seq ?? null;
  }

  #open(slot: SlotId, rulesSeq: number): void {
    const rules = this.#rules.get(rulesSeq);
    if (rules === undefined)
      throw new CommonwattError('internal', `the journal has no rules at row ${rulesSeq}`);
    this.slots.set(slot, {
      slot,
      rules,
      deadlines: slotDeadlines(slot, rules),
      registrySeq: null,
      stored: null,
      cleared: null,
      fixed: null,
    });
    this.lastOpened = slot;
  }
}

function trueUpKey(estimate: { readonly participant: string; readonly slot: SlotId }): string {
  return `${estimate.slot} ${estimate.participant}`;
}
