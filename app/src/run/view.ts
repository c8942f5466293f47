import {
  slotHolding,
  type FlowView,
  type HomeView,
  type NeighbourhoodView,
  type BatchView,
  type Clearing,
  type SlotId,
} from '@commonwatt/domain';
import type { Community } from './community.ts';
import type { Household } from './household.ts';
import type { SignalBoard } from './signals.ts';
import { billMicro, consumptionWh, type CommunityTally, type HomeTally } from './tally.ts';

const HISTORY_SLOTS = 192;
const BATCHES_SHOWN = 20;

export interface ViewSources {
  readonly community: Community;
  readonly households: readonly Household[];
  readonly signals: SignalBoard;
  readonly nowMs: number;
  readonly speed: number;
  readonly firstSlot: SlotId;
  readonly tally: CommunityTally;
  readonly cleared: { readonly clearing: Clearing; readonly bids: number; readonly offers: number } | null;
  readonly losses: NeighbourhoodView['losses'];
  readonly batches: readonly BatchView[];
  readonly chain: NeighbourhoodView['chain'];
}

/** The neighbourhood as the pages show it; pure. */
export function neighbourhoodView(sources: ViewSources): NeighbourhoodView {
  const { community, tally, nowMs } = sources;
  const { rules } = community;
  const homes = sources.households.map((household) =>
    homeView(household, tally.homes.get(household.spec.id)),
  );
  const cleared = sources.cleared;
  return {
    community: rules.community,
    nowMs,
    speed: sources.speed,
    slot: slotHolding(nowMs, rules.slotMinutes),
    slotMinutes: rules.slotMinutes,
    startedSlot: sources.firstSlot,
    feeder: { ...sumFlows(homes), limitW: sources.signals.limitW(nowMs) },
    losses: sources.losses,
    market: {
      retailMicroPerKwh: rules.retailMicroPerKwh,
      feedInMicroPerKwh: rules.feedInMicroPerKwh,
      cleared:
        cleared === null
          ? null
          : {
              slot: cleared.clearing.slot,
              priceMicroPerKwh: cleared.clearing.priceMicroPerKwh,
              volumeWh: cleared.clearing.volumeWh,
              bids: cleared.bids,
              offers: cleared.offers,
            },
    },
    homes,
    batches: sources.batches.slice(0, BATCHES_SHOWN),
    signals: sources.signals.views(nowMs, tally.slots, rules.slotMinutes),
    history: [...tally.slots.values()].slice(-HISTORY_SLOTS),
    chain: sources.chain,
    totals: {
      slotsSettled: tally.slots.size,
      tradedWh: tally.tradedWh,
      consumptionWh: tally.consumptionWh,
      productionWh: tally.productionWh,
      selfSufficiency: tally.selfSufficiency,
      billWithMarketMicro: tally.billWithMarketMicro.toString(),
      billWithoutMarketMicro: tally.billWithoutMarketMicro.toString(),
    },
  };
}

/** Power of a home now; load follows from the rest: load = grid + PV + battery. */
export function flowsOf(household: Household): FlowView {
  const reading = household.latest();
  const gridW = reading?.gridW ?? 0;
  const pvW = reading?.pvW ?? 0;
  const batteryW = reading?.batteryW ?? 0;
  return { gridW, pvW, batteryW, loadW: Math.max(0, gridW + pvW + batteryW) };
}

export function sumFlows(flows: readonly FlowView[]): FlowView {
  const sums = { gridW: 0, loadW: 0, pvW: 0, batteryW: 0 };
  for (const flow of flows) {
    sums.gridW += flow.gridW;
    sums.loadW += flow.loadW;
    sums.pvW += flow.pvW;
    sums.batteryW += flow.batteryW;
  }
  return sums;
}

function homeView(household: Household, tally: HomeTally | undefined): HomeView {
  const { spec } = household;
  const reading = household.latest();
  return {
    ...flowsOf(household),
    id: spec.id,
    protocol: spec.protocol,
    devices: [
      spec.meter,
      ...(spec.pvPeakW === null ? [] : [spec.protocol === 'opcua' ? 'OPC-UA PV' : 'SunSpec inverter']),
      ...(spec.battery === null ? [] : [spec.protocol === 'opcua' ? 'OPC-UA battery' : 'SunSpec battery']),
    ],
    hasPv: spec.pvPeakW !== null,
    battery:
      spec.battery === null
        ? null
        : { capacityWh: spec.battery.capacityWh, stateOfChargePermille: reading?.stateOfChargePermille ?? 0 },
    importWh: tally?.importWh ?? 0,
    exportWh: tally?.exportWh ?? 0,
    consumptionWh: tally === undefined ? 0 : consumptionWh(tally),
    productionWh: tally?.productionWh ?? 0,
    boughtWh: tally?.boughtWh ?? 0,
    soldWh: tally?.soldWh ?? 0,
    billWithMarketMicro: billMicro(tally?.withMarketNano ?? 0n).toString(),
    billWithoutMarketMicro: billMicro(tally?.withoutMarketNano ?? 0n).toString(),
    flags: reading?.flags ?? ['stale'],
  };
}
