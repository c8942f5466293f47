import type {
  CancelPayload,
  Carry,
  Clearing,
  Estimate,
  FeederCheck,
  GatewayRegistration,
  MarketRules,
  MeterReading,
  OrderPayload,
  Participant,
  RegistryPoint,
  SettlementReceipt,
  Signed,
  SlotId,
} from '@commonwatt/domain';
import type { StoredSlotState } from '../slot/step.ts';

/** What came in from outside and was acknowledged: many rows, never changed. */
export type Intake =
  | { readonly type: 'order'; readonly signed: Signed<OrderPayload> }
  | { readonly type: 'cancel'; readonly signed: Signed<CancelPayload> }
  | { readonly type: 'reading'; readonly signed: Signed<MeterReading> };

/** A reading that came after its slot was settled on an estimate, and what its participant had traded there (sold minus bought). */
export interface PendingTrueUp {
  readonly estimate: Estimate;
  readonly reading: ReadingName;
  readonly tradedWh: number;
}

/** What the market decided: few rows, never changed. Everything else follows from the two. */
export type Decision =
  /** Format and first slot; the first row of every journal. */
  | {
      readonly type: 'journal';
      readonly version: number;
      readonly community: string;
      readonly slotMinutes: number;
      readonly firstSlot: SlotId;
    }
  /** The rules, or who takes part, from now on. A slot has the rules of its opening and the registry of its gate's closing. */
  | { readonly type: 'rules'; readonly rules: MarketRules }
  | {
      readonly type: 'registry';
      readonly participants: readonly Participant[];
      readonly gateways: readonly Signed<GatewayRegistration>[];
      readonly asOf?: RegistryPoint;
    }
  | { readonly type: 'opened'; readonly slot: SlotId; readonly rulesSeq: number }
  | { readonly type: 'state'; readonly slot: SlotId; readonly stored: StoredSlotState }
  | {
      readonly type: 'cleared';
      readonly slot: SlotId;
      readonly clearing: Clearing;
      readonly bids: number;
      readonly offers: number;
    }
  /** What a slot's statement is made from besides the acknowledged orders. Readings are named, not repeated. */
  | {
      readonly type: 'fixed';
      readonly slot: SlotId;
      readonly registrySeq: number;
      /** Participants of its true-ups, debts and claims that are members no more. */
      readonly formers?: readonly Participant[];
      readonly readings: readonly ReadingName[];
      readonly estimates: readonly Estimate[];
      readonly trueUps: readonly PendingTrueUp[];
      readonly carries: readonly Carry[];
      /** What the feeder meter says about these readings; the records hold the same. Left out without a feeder. */
      readonly check?: FeederCheck;
    }
  /** A reading that came after its slot was fixed on an estimate; trued up by a later `fixed`. */
  | ({ readonly type: 'late'; readonly slot: SlotId } & PendingTrueUp)
  /** A later row for the same batch replaces the earlier: the chain took its block back, and it was carried out again. */
  | { readonly type: 'batch'; readonly receipt: SettlementReceipt }
  | {
      readonly type: 'debts';
      readonly batchId: string;
      readonly debts: readonly Debt[];
      readonly claims: readonly Debt[];
      /** Replaces what was known of the batch; absent the first time. */
      readonly instead?: true;
    };

export interface ReadingName {
  readonly gateway: string;
  readonly slot: SlotId;
  readonly sequence: number;
}

/** Money owed (a debt) or waited for (a claim) from a batch; decimal string of micro-units. */
export interface Debt {
  readonly participant: string;
  readonly batchId: string;
  readonly amountMicro: string;
}

/** The key under which a row is taken exactly once. Begins with the slot, so that a slot's rows lie together. */
export function intakeKey(row: Intake): string {
  const { payload } = row.signed;
  return payload.type === 'reading'
    ? readingKey(payload)
    : `${payload.slot} ${payload.type} ${payload.id} ${payload.revision}`;
}

export function readingKey(name: ReadingName): string {
  return `${name.slot} reading ${name.gateway} ${name.sequence}`;
}
