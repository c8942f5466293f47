import type { FeederVerdict } from './feeder.ts';
import type { SlotId } from './slot.ts';

/** What the pages show, as one JSON document; the live stream repeats it. Signs as in `Reading`; money in decimal strings of micro-units. */
export interface NeighbourhoodView {
  readonly community: string;
  readonly nowMs: number;
  readonly speed: number;
  readonly slot: SlotId;
  readonly slotMinutes: number;
  readonly startedSlot: SlotId;
  readonly feeder: FlowView & { readonly limitW: number | null };
  /** The latest slot held against the feeder meter, and the meters that the checks point at; null without one, or before the first slot. */
  readonly losses: {
    readonly slot: SlotId;
    readonly verdict: FeederVerdict;
    readonly differenceWh: number | null;
    readonly limitWh: number;
    readonly suspects: readonly { readonly participant: string; readonly text: string }[];
  } | null;
  readonly market: {
    readonly retailMicroPerKwh: number;
    readonly feedInMicroPerKwh: number;
    /** The latest cleared slot. */
    readonly cleared: {
      readonly slot: SlotId;
      readonly priceMicroPerKwh: number | null;
      readonly volumeWh: number;
      readonly bids: number;
      readonly offers: number;
    } | null;
  };
  readonly homes: readonly HomeView[];
  readonly batches: readonly BatchView[];
  readonly signals: readonly SignalView[];
  readonly history: readonly SlotView[];
  readonly chain: {
    readonly endpoint: string;
    readonly finalizedBlock: number;
    readonly healthy: boolean;
    /** Left out until it was looked at. */
    readonly health?: ChainHealthView;
  };
  readonly totals: {
    readonly slotsSettled: number;
    readonly tradedWh: number;
    readonly consumptionWh: number;
    readonly productionWh: number;
    /** Share of consumption that did not come from the grid, 0 to 1. */
    readonly selfSufficiency: number;
    readonly billWithMarketMicro: string;
    readonly billWithoutMarketMicro: string;
  };
}

/** The chain's side as an operator watches it. Amounts in the native token, as text with its symbol; null while nothing is known. */
export interface ChainHealthView {
  readonly batchesPending: number;
  readonly pendingS: number;
  readonly finalityLagBlocks: number;
  readonly funds: string | null;
  readonly fees: string | null;
  /** Days that the funds pay fees for. */
  readonly feeDays: number | null;
  /** Days until the first balance or approval runs out. */
  readonly approvalDays: number | null;
  readonly alarms: readonly { readonly rule: string; readonly said: string; readonly remedy: string }[];
}

export interface FlowView {
  readonly gridW: number;
  readonly loadW: number;
  readonly pvW: number;
  readonly batteryW: number;
}

export interface HomeView extends FlowView {
  readonly id: string;
  readonly protocol: 'modbus' | 'opcua';
  /** Makes of its devices, e.g. `SDM630`. */
  readonly devices: readonly string[];
  readonly hasPv: boolean;
  readonly battery: { readonly capacityWh: number; readonly stateOfChargePermille: number } | null;
  readonly importWh: number;
  readonly exportWh: number;
  readonly consumptionWh: number;
  readonly productionWh: number;
  readonly boughtWh: number;
  readonly soldWh: number;
  /** What the household paid (positive) or earned (negative) so far. */
  readonly billWithMarketMicro: string;
  readonly billWithoutMarketMicro: string;
  readonly flags: readonly string[];
}

export interface BatchView {
  readonly batchId: string;
  readonly slots: readonly SlotId[];
  readonly status: 'pending' | 'submitted' | 'included' | 'final';
  readonly blockNumber: number | null;
  readonly extrinsicHash: string | null;
  readonly root: string;
  readonly payments: number;
  readonly amountMicro: string;
}

export interface SignalView {
  readonly id: string;
  readonly limitW: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: 'announced' | 'active' | 'over';
  readonly importWithoutW: number | null;
  readonly importWithW: number | null;
}

export interface SlotView {
  readonly slot: SlotId;
  readonly state: string;
  readonly priceMicroPerKwh: number | null;
  readonly tradedWh: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly consumptionWh: number;
  readonly productionWh: number;
}
