import type { SlotId } from './slot.ts';

/**
 * Why a reading is less than good. `stale`: the device stopped answering; `nonsense`: values no such device can have;
 * `reset`, `jump`, `replaced`: the counter broke off; `interpolated`: the boundary lies between two polls far apart;
 * `clock`: the gateway's wall clock is not synchronised, or the meter's own is off by more than a minute.
 */
export type QualityFlag =
  'stale' | 'nonsense' | 'reset' | 'jump' | 'replaced' | 'interpolated' | 'clock' | 'partial';

/**
 * One look at a home's devices.
 * Grid power is positive on import; battery power is positive when it discharges into the home; PV power is never negative.
 * Counters are unsigned and grow. A field is absent where the home has no such device, or it did not answer.
 */
export interface Reading {
  readonly atMs: number;
  readonly importWh?: number;
  readonly exportWh?: number;
  readonly gridW?: number;
  readonly pvWh?: number;
  readonly pvW?: number;
  readonly batteryW?: number;
  readonly batteryChargedWh?: number;
  readonly batteryDischargedWh?: number;
  readonly stateOfChargePermille?: number;
  readonly voltageV?: number;
  readonly flags: readonly QualityFlag[];
}

/**
 * A slot's energy at the connection point, as the gateway signs it. Energy in whole Wh, all unsigned.
 * `importWh` and `exportWh` are the counters' growth in the slot; the counters are their values at the slot's end.
 */
export interface MeterReading {
  readonly type: 'reading';
  readonly community: string;
  readonly gateway: string;
  readonly participant: string;
  readonly slot: SlotId;
  /** 0, 1, 2 ... without gaps, per gateway. */
  readonly sequence: number;
  /** SHA-256 of the canonical JSON of the gateway's previous signed reading; 64 zeros for the first. */
  readonly previousHash: string;
  readonly importWh: number;
  readonly exportWh: number;
  readonly importCounterWh: number;
  readonly exportCounterWh: number;
  /** Grows by one when the meter is replaced or its counter is reset. */
  readonly epoch: number;
  readonly pvWh: number | null;
  readonly batteryChargedWh: number | null;
  readonly batteryDischargedWh: number | null;
  readonly stateOfChargePermille: number | null;
  readonly flags: readonly QualityFlag[];
  /** What the meter's own clock showed at `gatewayTimeMs`, or the time it gave its last values; null for a meter that tells no time. */
  readonly deviceTimeMs: number | null;
  readonly gatewayTimeMs: number;
  readonly clockSynchronised: boolean;
}

/** What a participant signs, with its agent key, so that a gateway's readings count as its own. */
export interface GatewayRegistration {
  readonly type: 'gateway';
  readonly community: string;
  readonly participant: string;
  readonly gateway: string;
  /** The gateway's ed25519 public key, 64 hex digits. */
  readonly gatewayKey: string;
}

/**
 * Who takes part.
 * A `feeder` is the meter at the community's transformer: its gateway delivers readings like any other, but it has no money, no orders
 * and no lines; the homes' readings are held against it.
 * A `former` is no member of the slot; it is listed because something of an earlier slot still settles (a debt, a claim, a true-up), and
 * neither trades nor is metered.
 */
export interface Participant {
  readonly id: string;
  /** The account on chain, a raw public key of 64 hex digits: ed25519, or sr25519 as wallets have them. */
  readonly accountKey: string;
  /** The ed25519 key that signs orders and gateway registrations, 64 hex digits; the account's own when left out. */
  readonly agentKey?: string;
  readonly role: 'household' | 'supplier' | 'fund' | 'feeder' | 'former';
}

/** The key that signs a participant's orders, cancellations, requests and gateway registrations. */
export function agentKeyOf(participant: Pick<Participant, 'accountKey' | 'agentKey'>): string {
  return participant.agentKey ?? participant.accountKey;
}
