import {
  CommonwattError,
  canonicalJson,
  compareIds,
  type Book,
  type CancelPayload,
  type MarketRules,
  type Order,
  type OrderPayload,
  type Signed,
  type SlotId,
} from '@commonwatt/domain';

interface Entry {
  /** The highest revision of the order; null for an id that was only cancelled, which cannot be. */
  readonly order: Signed<OrderPayload>;
  readonly cancel: Signed<CancelPayload> | null;
}

/** Submissions a participant may make per order it may hold: replacing is free, flooding the journal is not. */
const REVISIONS_PER_ORDER = 25;

/**
 * The orders of one slot while its gate is open. `check...` throws what is wrong and changes nothing; `apply...` takes what was
 * checked (or what the journal holds) and never throws.
 */
export class SlotOrders {
  readonly slot: SlotId;
  readonly #rules: MarketRules;
  readonly #entries = new Map<string, Entry>();
  /** Ids that a participant has used, live or cancelled. */
  readonly #idsOf = new Map<string, Set<string>>();
  readonly #submissionsOf = new Map<string, number>();

  constructor(slot: SlotId, rules: MarketRules) {
    this.slot = slot;
    this.#rules = rules;
  }

  /** Throws `out-of-range`, `duplicate`, `conflict`, `limit-exceeded` or `self-trade`. */
  checkOrder(signed: Signed<OrderPayload>): void {
    const { payload } = signed;
    this.#checkRanges(payload);
    const entry = this.#entries.get(payload.id);
    if (entry !== undefined) this.#checkRevision(payload, entry);
    this.#checkSubmissions(payload);
    let others = 0;
    for (const id of this.#idsOf.get(payload.participant) ?? []) {
      const other = this.#entries.get(id);
      if (id === payload.id || other === undefined || other.cancel !== null) continue;
      others++;
      this.#checkSelfTrade(payload, other.order.payload);
    }
    if (others >= this.#rules.ordersMaxPerParticipant) {
      throw new CommonwattError(
        'limit-exceeded',
        `${payload.participant} already holds ${others} orders in ${payload.slot}`,
        {
          record: payload.id,
          field: 'payload.id',
          rule: `at most ${this.#rules.ordersMaxPerParticipant} orders per participant and slot`,
          remedy: 'replace one (same id, higher revision) or cancel one first',
        },
      );
    }
  }

  /** Throws `unknown-order`, `forbidden`, `duplicate`, `conflict` or `limit-exceeded`. */
  checkCancel(signed: Signed<CancelPayload>): void {
    const { payload } = signed;
    const entry = this.#entries.get(payload.id);
    if (entry === undefined) {
      throw new CommonwattError('unknown-order', `there is no order ${payload.id} in ${payload.slot}`, {
        record: payload.id,
        field: 'payload.id',
      });
    }
    if (payload.revision < 1) {
      throw outOfRange(
        payload.id,
        'payload.revision',
        payload.revision,
        'a cancellation has a revision of 1 or more',
      );
    }
    this.#checkRevision(payload, entry);
    this.#checkSubmissions(payload);
  }

  applyOrder(signed: Signed<OrderPayload>): void {
    this.#entries.set(signed.payload.id, { order: signed, cancel: null });
    this.#count(signed.payload);
  }

  applyCancel(signed: Signed<CancelPayload>): void {
    const entry = this.#entries.get(signed.payload.id);
    if (entry !== undefined) this.#entries.set(signed.payload.id, { order: entry.order, cancel: signed });
    this.#count(signed.payload);
  }

  /** The participant's orders that stand, by ascending id. */
  liveOf(participant: string): Signed<OrderPayload>[] {
    const live: Signed<OrderPayload>[] = [];
    for (const id of [...(this.#idsOf.get(participant) ?? [])].sort(compareIds)) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && entry.cancel === null) live.push(entry.order);
    }
    return live;
  }

  /** What stands: the last revision of every order that was not cancelled, by ascending id. */
  live(): Signed<OrderPayload>[] {
    return this.#sorted()
      .filter((entry) => entry.cancel === null)
      .map((entry) => entry.order);
  }

  /** The cancellations that stand, by ascending order id. */
  cancels(): Signed<CancelPayload>[] {
    return this.#sorted().flatMap((entry) => (entry.cancel === null ? [] : [entry.cancel]));
  }

  /** The book of the standing orders that count. */
  book(counts: (signed: Signed<OrderPayload>) => boolean): Book {
    const orders = this.live()
      .filter(counts)
      .map(({ payload }): Order => ({
        id: payload.id,
        participant: payload.participant,
        side: payload.side,
        energyWh: payload.energyWh,
        priceMicroPerKwh: payload.priceMicroPerKwh,
      }));
    return { slot: this.slot, kPercent: this.#rules.kPercent, orders };
  }

  #sorted(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => compareIds(a.order.payload.id, b.order.payload.id));
  }

  #checkRanges(payload: OrderPayload): void {
    const { orderEnergyWhMax, feedInMicroPerKwh, retailMicroPerKwh } = this.#rules;
    const { id, energyWh, priceMicroPerKwh, revision } = payload;
    if (energyWh < 1 || energyWh > orderEnergyWhMax) {
      throw outOfRange(id, 'payload.energyWh', energyWh, `1 to ${orderEnergyWhMax} Wh`);
    }
    if (priceMicroPerKwh < feedInMicroPerKwh || priceMicroPerKwh > retailMicroPerKwh) {
      throw outOfRange(
        id,
        'payload.priceMicroPerKwh',
        priceMicroPerKwh,
        `from the feed-in price ${feedInMicroPerKwh} to the retail price ${retailMicroPerKwh} micro/kWh`,
      );
    }
    if (revision < 0 || revision > 1_000_000_000) {
      throw outOfRange(id, 'payload.revision', revision, '0 to 1000000000');
    }
  }

  #checkSelfTrade(payload: OrderPayload, other: OrderPayload): void {
    const [bid, offer] = payload.side === 'bid' ? [payload, other] : [other, payload];
    if (other.side === payload.side || bid.priceMicroPerKwh < offer.priceMicroPerKwh) return;
    throw new CommonwattError(
      'self-trade',
      `bid ${bid.id} at ${bid.priceMicroPerKwh} would trade with ${offer.id}, an offer of the same participant at ${offer.priceMicroPerKwh}`,
      {
        record: payload.id,
        field: 'payload.priceMicroPerKwh',
        rule: 'every bid of a participant is priced below every one of its offers',
      },
    );
  }

  #checkRevision(payload: OrderPayload | CancelPayload, entry: Entry): void {
    const standing = entry.cancel?.payload ?? entry.order.payload;
    const { id, participant, revision } = payload;
    if (entry.order.payload.participant !== participant) {
      throw payload.type === 'order'
        ? new CommonwattError('conflict', `the order id ${id} is taken by another participant`, {
            record: id,
            field: 'payload.id',
            rule: 'ids are unique within a book',
            remedy: 'start ids with the name of the participant',
          })
        : new CommonwattError('forbidden', `order ${id} is not ${participant}'s`, { record: id });
    }
    if (revision > standing.revision) return;
    const same = [entry.order.payload, entry.cancel?.payload].some(
      (held) => held !== undefined && canonicalJson(held) === canonicalJson(payload),
    );
    if (same) {
      throw new CommonwattError('duplicate', `revision ${revision} of ${id} was taken before`, {
        record: id,
        field: 'payload.revision',
      });
    }
    throw new CommonwattError(
      'conflict',
      `order ${id} stands at revision ${standing.revision}; this is another revision ${revision}`,
      {
        record: id,
        field: 'payload.revision',
        rule: 'each replacement or cancellation has a higher revision',
      },
    );
  }

  #checkSubmissions(payload: OrderPayload | CancelPayload): void {
    const max = this.#rules.ordersMaxPerParticipant * REVISIONS_PER_ORDER;
    if ((this.#submissionsOf.get(payload.participant) ?? 0) >= max) {
      throw new CommonwattError(
        'limit-exceeded',
        `${payload.participant} has made ${max} submissions for ${payload.slot}`,
        { record: payload.id, rule: `at most ${max} submissions per participant and slot` },
      );
    }
  }

  #count(payload: OrderPayload | CancelPayload): void {
    const { participant, id } = payload;
    this.#submissionsOf.set(participant, (this.#submissionsOf.get(participant) ?? 0) + 1);
    const ids = this.#idsOf.get(participant);
    if (ids === undefined) this.#idsOf.set(participant, new Set([id]));
    else ids.add(id);
  }
}

function outOfRange(record: string, field: string, value: number, rule: string): CommonwattError {
  return new CommonwattError('out-of-range', `${field} is ${value}; allowed is ${rule}`, {
    record,
    field,
    rule,
  });
}
