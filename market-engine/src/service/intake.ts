import {
  CommonwattError,
  canonicalJson,
  costNano,
  slotMs,
  type CancelPayload,
  type Estimate,
  type MeterReading,
  type OrderPayload,
  type Signed,
  type SlotId,
} from '@commonwatt/domain';
import { ReadingChains, type ChainNote } from '../ingest/chain-of-readings.ts';
import { readCancel, readOrder, readReading } from '../ingest/shape.ts';
import { checkAgainstTaken, checkPlausible } from '../ingest/slot-readings.ts';
import { createVerifier } from '../ingest/verify.ts';
import { intakeKey, type Decision, type Intake } from '../journal/rows.ts';
import { slotDeadlines, type SlotDeadlines } from '../slot/deadlines.ts';
import type { Memory } from './memory.ts';
import type { MarketOptions, OrderTaken, ReadingTaken } from './ports.ts';
import type { SlotShell } from './slot-shell.ts';
import type { Who } from './who.ts';

const CHAIN_TROUBLE: Record<ChainNote, string> = {
  sound: 'is sound',
  gap: 'follows one that is missing',
  broken: 'follows another one than was taken',
  counter: 'does not add up with the counters before it',
};

const DEADLINES_KEPT_MAX = 1024;

/**
 * The way in. Each message is checked for shape, sender and time, then for its signature (on the thread pool), then against what the
 * slot holds; the last check and the journal's append happen in one go, so nothing can come between them.
 */
export class IntakeDesk {
  readonly #memory: Memory;
  readonly #shell: SlotShell;
  readonly #who: Who;
  readonly #options: MarketOptions;
  readonly #verifier = createVerifier();
  readonly #chains = new ReadingChains();
  readonly #deadlines = new Map<SlotId, SlotDeadlines>();

  constructor(memory: Memory, shell: SlotShell, who: Who, options: MarketOptions) {
    this.#memory = memory;
    this.#shell = shell;
    this.#who = who;
    this.#options = options;
  }

  async order(value: unknown): Promise<OrderTaken> {
    const signed = readOrder(value);
    const { payload } = signed;
    this.#checkOrderSender(signed);
    await this.#checkSignature(signed, payload.id);
    this.#checkGate(payload);
    const { orders } = this.#memory.detail(payload.slot);
    await this.#take({ type: 'order', signed }, () => {
      orders.checkOrder(signed);
      this.#checkDebt(payload.participant);
      this.#checkCollateral(payload);
    });
    return { order: payload.id, revision: payload.revision, slot: payload.slot };
  }

  async cancel(value: unknown): Promise<OrderTaken> {
    const signed = readCancel(value);
    const { payload } = signed;
    this.#checkOrderSender(signed);
    await this.#checkSignature(signed, payload.id);
    this.#checkGate(payload);
    const { orders } = this.#memory.detail(payload.slot);
    await this.#take({ type: 'cancel', signed }, () => orders.checkCancel(signed));
    return { order: payload.id, revision: payload.revision, slot: payload.slot };
  }

  async reading(value: unknown): Promise<ReadingTaken> {
    const signed = readReading(value);
    const { payload } = signed;
    const record = `${payload.gateway} ${payload.sequence}`;
    this.#checkCommunity(payload.community, record);
    this.#who.gatewayWithKey(payload.gateway, payload.participant, signed.key);
    this.#checkReadingTime(payload, record);
    await this.#checkSignature(signed, record);
    const { slot } = payload;
    const detail = this.#memory.detail(slot);
    let use: ReadingTaken['use'] = 'counted';
    await this.#take(
      { type: 'reading', signed },
      () => {
        checkAgainstTaken(signed, detail.readings.taken(payload.gateway, payload.sequence));
        checkPlausible(payload, detail.rules);
        use = this.#useOf(payload, record);
      },
      () => (use === 'true-up' ? lateRows(signed.payload, detail.fixed?.estimates ?? []) : []),
    );
    const chain = this.#chains.note(signed);
    if (chain !== 'sound') this.#noteChain(payload, chain);
    this.#shell.readingTaken(slot);
    return { gateway: payload.gateway, slot, sequence: payload.sequence, chain, use };
  }

  /** After a restart: the chains go on from the readings that are at hand. */
  remember(slots: readonly SlotId[]): void {
    for (const slot of slots) {
      for (const { row } of this.#memory.journal.intakeOf(slot)) {
        if (row.type === 'reading') this.#chains.note(row.signed);
      }
    }
  }

  #checkOrderSender({ payload, key }: Signed<OrderPayload | CancelPayload>): void {
    this.#checkCommunity(payload.community, payload.id);
    this.#who.traderWithKey(payload.participant, key);
    this.#checkGate(payload);
  }

  #checkCommunity(community: string, record: string): void {
    const here = this.#options.rules.community;
    if (community === here) return;
    throw new CommonwattError('wrong-community', `the message is for ${community}; this is ${here}`, {
      record,
      field: 'payload.community',
    });
  }

  async #checkSignature(signed: Signed<unknown>, record: string): Promise<void> {
    if (await this.#verifier.holds(signed)) return;
    throw new CommonwattError('bad-signature', 'the signature does not hold for this payload and key', {
      record,
      field: 'signature',
      remedy: 'sign the canonical JSON (RFC 8785) of the payload with ed25519',
    });
  }

  #checkGate({ slot, id }: OrderPayload | CancelPayload): void {
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

  #checkSlotName(slot: SlotId, record: string): void {
    const { rules, lastSlot } = this.#options;
    const { journal } = this.#memory.state;
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
    const kept = this.#deadlines.get(slot);
    if (kept !== undefined) return kept;
    const deadlines = slotDeadlines(slot, this.#options.rules);
    if (this.#deadlines.size >= DEADLINES_KEPT_MAX) this.#deadlines.clear();
    this.#deadlines.set(slot, deadlines);
    return deadlines;
  }

  #checkReadingTime({ slot }: MeterReading, record: string): void {
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

  /** What a new reading is good for. Throws `conflict` when its slot needs it no more. */
  #useOf(payload: MeterReading, record: string): ReadingTaken['use'] {
    const { participant, slot, clockSynchronised } = payload;
    const detail = this.#memory.detail(slot);
    const other = detail.readings.usable().get(participant)?.payload;
    if (other !== undefined && other.gateway !== payload.gateway) {
      throw new CommonwattError('conflict', `${other.gateway} has already read ${slot} for ${participant}`, {
        record,
        field: 'payload.gateway',
        rule: 'one gateway reads a connection point in a slot',
      });
    }
    if (!clockSynchronised) return 'noted';
    if (detail.fixed === null) return 'counted';
    if (
      detail.late.has(participant) ||
      !detail.fixed.estimates.some((one) => one.participant === participant)
    ) {
      throw new CommonwattError('conflict', `${slot} has its reading of ${participant} already`, {
        record,
        field: 'payload.slot',
        rule: 'a reading is corrected until the metering deadline',
      });
    }
    return 'true-up';
  }

  #checkDebt(participant: string): void {
    const owedMicro = this.#memory.state.debts.owedBy(participant);
    if (owedMicro === null) return;
    throw new CommonwattError(
      'no-collateral',
      owedMicro === 0n
        ? `${participant} has a debt that is charged but not yet paid on chain`
        : `${participant} owes ${owedMicro} micro-units from a batch that it could not pay`,
      {
        record: participant,
        rule: 'the orders of a debtor are refused until the debt is paid',
        remedy: 'fund the account and approve the settlement account; the next batch charges the debt',
      },
    );
  }

  #checkCollateral(payload: OrderPayload): void {
    const availableMicro = this.#options.collateral?.availableMicro(payload.participant) ?? null;
    if (availableMicro === null || payload.side === 'offer') return;
    let worstNano = costNano(payload.energyWh, payload.priceMicroPerKwh);
    for (const slot of this.#shell.liveSlots()) {
      for (const { payload: held } of this.#memory.detail(slot).orders.liveOf(payload.participant)) {
        if (held.side === 'bid' && !(held.slot === payload.slot && held.id === payload.id)) {
          worstNano += costNano(held.energyWh, held.priceMicroPerKwh);
        }
      }
    }
    const worstMicro = (worstNano + 999n) / 1000n;
    if (worstMicro <= availableMicro) return;
    throw new CommonwattError(
      'no-collateral',
      `${payload.participant}'s bids could cost ${worstMicro} micro-units; balance and approval cover ${availableMicro}`,
      {
        record: payload.id,
        rule: 'the worst cost of all bids that are not settled is covered on chain',
        remedy: 'bid for less, fund the account or raise the approval',
      },
    );
  }

  /** Runs the check at once and appends at once; the promise is for the disk only, or for the refusal. */
  #take(row: Intake, check: () => void, decisions: () => Decision[] = () => []): Promise<void> {
    try {
      check();
      const rows = decisions();
      if (rows.length > 0) {
        this.#memory.commit(rows, row);
        return Promise.resolve();
      }
    } catch (error) {
      return this.#refuse(row, error);
    }
    const written = this.#memory.journal.append(row);
    this.#memory.detail(row.signed.payload.slot).takeIn(row);
    return written;
  }

  /** The same message again is `duplicate`, but only once the first of them is on disk, because its sender will forget it. */
  async #refuse(row: Intake, error: unknown): Promise<never> {
    if (!(error instanceof CommonwattError)) throw error;
    if (error.code === 'duplicate') await this.#memory.journal.flushed();
    if (error.code === 'conflict') {
      const before = this.#memory.journal.intakeByKey(intakeKey(row));
      if (before !== null && canonicalJson(before.row.signed) === canonicalJson(row.signed)) {
        throw new CommonwattError('duplicate', 'this message was taken before', error.place);
      }
    }
    throw error;
  }

  #noteChain(payload: MeterReading, chain: ChainNote): void {
    this.#options.log(
      `reading ${payload.sequence} of ${payload.gateway} for ${payload.slot} ${CHAIN_TROUBLE[chain]}`,
    );
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A reading that came after its slot was fixed on an estimate is to be trued up. */
function lateRows(
  { participant, gateway, slot, sequence }: MeterReading,
  estimates: readonly Estimate[],
): Decision[] {
  const estimate = estimates.find((one) => one.participant === participant);
  return estimate === undefined
    ? []
    : [{ type: 'late', slot, estimate, reading: { gateway, slot, sequence } }];
}
