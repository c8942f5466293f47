import type { FeederCheck } from './feeder.ts';
import type { Clearing, CancelPayload, OrderPayload } from './market.ts';
import type { GatewayRegistration, MeterReading, Participant } from './metering.ts';
import type { MarketRules } from './rules.ts';
import type { Signed } from './signing.ts';
import type { SlotId } from './slot.ts';
import type { EnergyPosition, StatementLine } from './statement.ts';

/**
 * A settled slot as the public sees it: a list of records, each one leaf of the Merkle tree (RFC 6962) whose root the chain holds.
 * Input records (`rules` to `carry`) are facts somebody signed or the community agreed; derived records (`clearing` on) follow from
 * them by the public rules, so anyone can rebuild and compare them.
 */
export type BundleRecord =
  | { readonly type: 'rules'; readonly slot: SlotId; readonly rules: MarketRules }
  | { readonly type: 'registry'; readonly registry: RegistryPoint }
  | { readonly type: 'participant'; readonly participant: Participant }
  | { readonly type: 'gateway'; readonly registration: Signed<GatewayRegistration> }
  | { readonly type: 'order'; readonly order: Signed<OrderPayload> }
  | { readonly type: 'cancel'; readonly cancel: Signed<CancelPayload> }
  | { readonly type: 'reading'; readonly reading: Signed<MeterReading> }
  | { readonly type: 'estimate'; readonly estimate: Estimate }
  | { readonly type: 'true-up'; readonly trueUp: TrueUp }
  | { readonly type: 'carry'; readonly carry: Carry }
  | { readonly type: 'clearing'; readonly clearing: Clearing }
  | { readonly type: 'position'; readonly position: EnergyPosition }
  | { readonly type: 'line'; readonly line: StatementLine }
  | { readonly type: 'feeder'; readonly check: FeederCheck };

/** The finalized block whose registry says who takes part in the slot. Absent where the members were given without a chain. */
export interface RegistryPoint {
  readonly blockNumber: number;
  /** 0x and 64 hex digits. */
  readonly blockHash: string;
}

/** Stands in for a reading that did not come in time; made from the forecast and marked so. Unsigned Wh. */
export interface Estimate {
  readonly participant: string;
  readonly slot: SlotId;
  readonly importWh: number;
  readonly exportWh: number;
  readonly basis: string;
}

/** The reading that came late, for an earlier slot that was settled on an estimate. */
export interface TrueUp {
  readonly estimate: Estimate;
  readonly reading: Signed<MeterReading>;
  /** What the participant had traded in that slot (sold minus bought, Wh), so that the correction is priced like its imbalance there; 0 when left out. */
  readonly tradedWh?: number;
  /** The registration that held in that slot, when it is not one of this slot's. */
  readonly registration?: Signed<GatewayRegistration>;
}

/** A debt from an earlier batch, charged now; it goes to the claims (oldest first), the rest back to the fund. Decimal strings of micro-units. */
export interface Carry {
  readonly debtor: string;
  readonly batchId: string;
  readonly amountMicro: string;
  readonly claims: readonly {
    readonly participant: string;
    readonly batchId: string;
    readonly amountMicro: string;
  }[];
}

/** A participant's net for a period: nano inside, micro on chain; positive is received. Decimal strings. */
export interface NetAmount {
  readonly participant: string;
  readonly accountKey: string;
  readonly amountNano: string;
  readonly amountMicro: string;
}

/** Money the settlement account keeps for a receiver. */
export interface HeldAmount {
  readonly participant: string;
  readonly accountKey: string;
  readonly amountMicro: string;
  readonly why: string;
}

/** Money kept since batch `batchId`, used now. */
export interface ReleasedAmount {
  readonly participant: string;
  readonly batchId: string;
  readonly amountMicro: string;
}

/** What one batch does; with the slots' roots it is what the chain's root commits to. */
export interface SettlementRecord {
  readonly type: 'settlement';
  readonly community: string;
  readonly batchId: string;
  readonly slots: readonly { readonly slot: SlotId; readonly root: string }[];
  readonly nets: readonly NetAmount[];
  /** Payers taken out because they cannot pay; the gap the fund covered; receivers cut for what was still missing. */
  readonly unpaid: readonly {
    readonly participant: string;
    readonly amountMicro: string;
    readonly why: string;
  }[];
  readonly fundCoverMicro: string;
  readonly cuts: readonly { readonly participant: string; readonly amountMicro: string }[];
  /** Receivers whose account cannot take what is theirs: the settlement account keeps it for them. Left out when there is none. */
  readonly held?: readonly HeldAmount[];
  /** What was kept from earlier batches and is used now, oldest first: paid out, or set against what the participant owes. Left out when there is none. */
  readonly released?: readonly ReleasedAmount[];
  /** What the chain executes: draws from payers into the settlement account, then payments out of it. */
  readonly payments: readonly {
    readonly participant: string;
    readonly accountKey: string;
    readonly direction: 'in' | 'out';
    readonly amountMicro: string;
  }[];
}

/** What the market hands to settlement for one slot. */
export interface SlotToSettle {
  readonly slot: SlotId;
  readonly records: readonly BundleRecord[];
}

/** What settlement answers once the batch is final. */
export interface SettlementReceipt {
  readonly batchId: string;
  readonly slots: readonly SlotId[];
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly extrinsicHash: string;
  /** Root in the remark, hex. */
  readonly root: string;
  /** Fee in the chain's native smallest unit, decimal string. */
  readonly feeNative: string;
  readonly record: SettlementRecord;
}
