import { slotEndMs, slotMs, slotStartMs, type MarketRules, type SlotId } from '@commonwatt/domain';

/** The instants that drive a slot, ms since 1970. */
export interface SlotDeadlines {
  readonly opensMs: number;
  readonly gateClosesMs: number;
  readonly startsMs: number;
  readonly endsMs: number;
  /** Readings are waited for until then. */
  readonly meteringEndsMs: number;
  /** Late readings are trued up until then. */
  readonly trueUpEndsMs: number;
}

/** A slot's deadlines under these rules. Throws RangeError when `slot` is no slot's name. */
export function slotDeadlines(slot: SlotId, rules: MarketRules): SlotDeadlines {
  const startsMs = slotStartMs(slot);
  const endsMs = slotEndMs(slot, rules.slotMinutes);
  return {
    opensMs: startsMs - rules.openSlotsAhead * slotMs(rules.slotMinutes),
    gateClosesMs: startsMs - rules.gateClosureMs,
    startsMs,
    endsMs,
    meteringEndsMs: endsMs + rules.meteringDeadlineMs,
    trueUpEndsMs: endsMs + rules.trueUpLimitMs,
  };
}
