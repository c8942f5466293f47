import {
  slotAfter,
  signerFromSeed,
  DEFAULT_RULES,
  type MarketRules,
  type Participant,
  type Signer,
  type SlotId,
} from '@commonwatt/domain';

/** What the ingest bench's processes agree on: one feeder of the largest size, every home with all the orders it may have. */
export const HOMES = 500;
export const SLOTS_OPEN = 4;
export const FIRST_SLOT: SlotId = '2026-06-01T12:00:00Z';
export const RULES: MarketRules = { ...DEFAULT_RULES, community: 'commonwatt-bench' };
/** Everything that this community may have in its books at once. */
export const ORDERS_MAX = HOMES * SLOTS_OPEN * RULES.ordersMaxPerParticipant;
/** An instant at which the first slot and the three after it are open. */
export const NOW_MS = Date.parse(FIRST_SLOT) - 10 * 60_000;

export interface Trader {
  readonly participant: Participant;
  readonly signer: Signer;
}

export function traders(): Trader[] {
  return Array.from({ length: HOMES }, (_, index) => {
    const seed = new Uint8Array(32);
    new DataView(seed.buffer).setUint32(0, index + 1);
    const signer = signerFromSeed(seed);
    return { participant: { id: `home-${index}`, accountKey: signer.publicKey, role: 'household' }, signer };
  });
}

/** The bodies of `count` orders, signed beforehand; ids are their index. */
export function signedOrders(count: number): string[] {
  const all = traders();
  return Array.from({ length: count }, (_, index) => {
    const { participant, signer } = all[index % HOMES] as Trader;
    const round = Math.floor(index / HOMES);
    return JSON.stringify(
      signer.sign({
        type: 'order',
        community: RULES.community,
        slot: slotAfter(FIRST_SLOT, RULES.slotMinutes, round % SLOTS_OPEN),
        id: `o${index}`,
        participant: participant.id,
        side: 'bid',
        energyWh: 100 + (index % 900),
        priceMicroPerKwh: 90_000 + (index % 150_000),
        revision: 0,
      }),
    );
  });
}
