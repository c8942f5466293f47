import type {
  Book,
  BundleRecord,
  Clearing,
  Clock,
  FeederCheck,
  FeederReport,
  FeederVerdict,
  GatewayRegistration,
  MarketRules,
  MeterReading,
  OrderPayload,
  Participant,
  RegistryPoint,
  SettlementReceipt,
  Signed,
  SlotId,
  SlotToSettle,
  Statement,
} from '@commonwatt/domain';
import type { ChainNote } from '../ingest/chain-of-readings.ts';
import type { JournalStatistics } from '../journal/journal.ts';
import type { SlotState } from '../slot/machine.ts';

/** Who takes part: given to a market when it opens, and again whenever it changes. */
export interface Membership {
  readonly participants: readonly Participant[];
  readonly gateways: readonly Signed<GatewayRegistration>[];
  /** The finalized block whose registry says so; left out where no chain does. */
  readonly asOf?: RegistryPoint;
}

/** What became of a change of the members. */
export interface MembersTaken {
  readonly changed: boolean;
  /** The first slot that the members hold for: the earliest whose gate has not closed. Null when no slot is to come. */
  readonly fromSlot: SlotId | null;
  readonly refused: readonly { readonly participant: string; readonly why: string }[];
}

/** Everything a market needs from outside. */
export interface MarketOptions extends Membership {
  readonly rules: MarketRules;
  /** SQLite file; made when absent. */
  readonly journalPath: string;
  readonly clock: Clock;
  /** For a fresh journal; afterwards the journal knows. */
  readonly firstSlot: SlotId;
  /** No slot after this one opens. */
  readonly lastSlot?: SlotId;
  readonly settlement: SettlementPort;
  readonly telemetry?: TelemetryPort;
  readonly estimate: EstimatePort;
  /** Without it every bid is taken on trust. */
  readonly collateral?: CollateralPort;
  /** An attempt to settle that takes longer, by the market's clock, is given up and repeated. 26 hours when left out. */
  readonly settleWithinMs?: number;
  readonly log: (line: string) => void;
}

export interface SettlementPort {
  /**
   * Idempotent by slot; resolves once the batch that holds the slot is final. Rejecting with a CommonwattError `malformed`,
   * `out-of-range`, `conflict` or `forbidden` is a refusal that a person must look at; any other rejection is tried again.
   */
  settle(input: SlotToSettle, signal: AbortSignal): Promise<SettlementReceipt>;
}

export interface EstimatePort {
  /** Forecast import and export, unsigned whole Wh, for a participant whose reading is missing. Must not depend on when it is asked. */
  estimate(
    participant: string,
    slot: SlotId,
  ): { readonly importWh: number; readonly exportWh: number; readonly basis: string };
}

export interface CollateralPort {
  /** What the participant can pay now (the smaller of balance and approval on chain), in micro-units; null when not known. */
  availableMicro(participant: string): bigint | null;
}

export interface TelemetryPort {
  /** Never throws, never blocks. */
  write(points: readonly TelemetryPoint[]): void;
}

export interface TelemetryPoint {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, number | string | boolean>>;
  readonly atMs: number;
}

export interface Market {
  readonly rules: MarketRules;
  /** Members as of now; a slot whose gate has closed keeps those it had then. */
  readonly participants: readonly Participant[];
  readonly clock: Clock;
  members(): Membership & { readonly fromSlot: SlotId | null };
  /**
   * Takes a change of the members. It holds for every slot whose gate has not closed yet, and is on disk when this returns; the same
   * again changes nothing. An id under which another account took part before is refused, the rest is taken. Throws CommonwattError
   * with the entry at fault when the membership contradicts itself, and `unavailable`.
   */
  updateMembers(members: Membership): MembersTaken;
  /** Who signs with this agent key, or did as long as it took part. Throws `unknown-participant`. */
  participantOfKey(key: string): Participant;
  /** Takes or replaces an order. Resolves after the journal's fsync. Throws CommonwattError. */
  submitOrder(signed: unknown): Promise<OrderTaken>;
  /** Takes an order back before the gate closes. Resolves after the journal's fsync. Throws CommonwattError. */
  cancelOrder(signed: unknown): Promise<OrderTaken>;
  /** Exactly once by gateway, slot and sequence: the same again is `duplicate`, another one under the same key `conflict`. */
  submitReading(signed: unknown): Promise<ReadingTaken>;
  /** The clock's event to every slot; the market also sends it to itself whenever one is due. */
  tick(): void;
  /** Null until the gate has closed. */
  clearing(slot: SlotId): Clearing | null;
  /** Null until the slot is metered. */
  statement(slot: SlotId): Statement | null;
  /** The public bundle's records. Null until the slot is metered. */
  records(slot: SlotId): BundleRecord[] | null;
  /** The feeder checks, newest first, from the journal. */
  feederChecks(filter?: FeederFilter): FeederCheck[];
  /** Which meters the checks of the last slots point at. */
  feederReport(): FeederReport;
  /** The batch that settled the slot, or null. */
  receipt(slot: SlotId): SettlementReceipt | null;
  /** The book in canonical order. Null until the gate has closed. */
  bookOf(slot: SlotId): Book | null;
  /** A participant's own standing orders. */
  ordersOf(participant: string, slot: SlotId): readonly Signed<OrderPayload>[];
  slot(slot: SlotId): SlotSummary | null;
  slots(filter?: SlotFilter): SlotSummary[];
  subscribe(listener: (event: MarketEvent) => void): () => void;
  /** Records what a batch could not collect. The market does so itself with every receipt; doing it again changes nothing. */
  addCarries(receipt: SettlementReceipt): void;
  /**
   * A batch stands in another block, or did something else, than its receipt said: the chain had taken it back, and it was carried out
   * again. Corrects the receipt, the debts and the claims; false when there is nothing to correct (a batch it does not know yet, or the same again).
   */
  correctReceipt(receipt: SettlementReceipt): boolean;
  /** Open debts, in micro-units, as decimal strings. */
  debts(): readonly { readonly participant: string; readonly amountMicro: string }[];
  /** After a person removed the cause: lets a slot in `needsOperator` go on. Throws `unknown-slot` or `conflict`. */
  retry(slot: SlotId): void;
  health(): MarketHealth;
  /** Lets go of the journal; the same file opens again where this left off. */
  stop(): Promise<void>;
}

export interface OrderTaken {
  readonly order: string;
  readonly revision: number;
  readonly slot: SlotId;
}

export interface ReadingTaken {
  readonly gateway: string;
  readonly slot: SlotId;
  readonly sequence: number;
  /** How the reading fits its gateway's hash chain. */
  readonly chain: ChainNote;
  /** `counted`: the slot is settled on it; `true-up`: its slot was settled on an estimate, a later statement corrects; `noted`: the clock was not synchronised. */
  readonly use: 'counted' | 'true-up' | 'noted';
}

export interface SlotFilter {
  /** First slot wanted. */
  readonly from?: SlotId;
  /** Last slot wanted. */
  readonly to?: SlotId;
  readonly state?: SlotState;
  /** Only slots after this one, for paging. */
  readonly after?: SlotId;
  readonly limit?: number;
}

export interface SlotSummary {
  readonly slot: SlotId;
  readonly state: SlotState;
  readonly gateClosesMs: number;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly meteringEndsMs: number;
  /** Null until the gate has closed; before that the number of orders is nobody's business. */
  readonly bids: number | null;
  readonly offers: number | null;
  readonly volumeWh: number | null;
  readonly priceMicroPerKwh: number | null;
  readonly bookHash: string | null;
  /** Participants settled on a reading, and on an estimate; null until metered. */
  readonly readings: number | null;
  readonly estimates: number | null;
  /** What the feeder meter says of the slot's readings; null until metered, and without a feeder. */
  readonly feederVerdict: FeederVerdict | null;
  /** What came in and no home's meter accounts for, Wh; null when not known. */
  readonly feederDifferenceWh: number | null;
  readonly batchId: string | null;
  readonly blockNumber: number | null;
  /** What went wrong last, for `retryWait` and `needsOperator`. */
  readonly trouble: string | null;
}

export type MarketEvent =
  | { readonly type: 'slot'; readonly slot: SlotId; readonly state: SlotState }
  | { readonly type: 'cleared'; readonly clearing: Clearing; readonly bids: number; readonly offers: number }
  | { readonly type: 'statement'; readonly statement: Statement }
  /** The homes' readings of a slot have been held against the feeder meter; the report is of all slots so far. */
  | { readonly type: 'feeder'; readonly check: FeederCheck; readonly report: FeederReport }
  | { readonly type: 'settled'; readonly slot: SlotId; readonly receipt: SettlementReceipt }
  /** The receipt of a batch that was settled before is another now. */
  | { readonly type: 'corrected'; readonly receipt: SettlementReceipt }
  | {
      readonly type: 'reading';
      readonly reading: MeterReading;
      readonly chain: ChainNote;
      readonly use: ReadingTaken['use'];
    };

export interface FeederFilter {
  /** Only checks of slots before this one, for paging. */
  readonly before?: SlotId;
  readonly limit?: number;
}

export interface FeederHealth {
  readonly latest: FeederCheck | null;
  /** Slots by verdict. */
  readonly verdicts: Readonly<Record<FeederVerdict, number>>;
  readonly suspects: number;
}

export interface MarketHealth {
  readonly ready: boolean;
  readonly why: string | null;
  readonly nowMs: number;
  readonly slots: Readonly<Record<string, number>>;
  /** Null without a feeder meter. */
  readonly feeder: FeederHealth | null;
  readonly journal: JournalStatistics;
  readonly counters: Readonly<Record<string, number>>;
}
