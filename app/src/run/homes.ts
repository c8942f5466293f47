import type { SlotId } from '@commonwatt/domain';
import type { ImportLimit } from '@commonwatt/home-agent';
import { createMarketClient } from '@commonwatt/market-engine';
import type { Gateway } from '@commonwatt/meter-gateway';
import type { NeighbourhoodSpec, Park } from '../neighbourhood/index.ts';
import type { SimulatedClock } from './clock.ts';
import type { Closing } from './closing.ts';
import type { Community } from './community.ts';
import { startFeederGateway } from './feeder.ts';
import { startHousehold, type Household } from './household.ts';
import type { ClearingBoard } from './outlook.ts';
import type { State } from './state.ts';
import type { Telemetry } from './telemetry.ts';

const POLL_REAL_MS = 200;
const POLL_MS_MIN = 10_000;

/** Starts every home and the feeder's gateway against the market's address. Fills `households`, in the order of the plan; returns the feeder's gateway, if there is one. */
export async function startHomes(
  options: {
    readonly state: State;
    readonly spec: NeighbourhoodSpec;
    readonly park: Park;
    readonly community: Community;
    readonly address: string;
    readonly clock: SimulatedClock;
    readonly speed: number;
    readonly firstSlot: SlotId;
    readonly board: ClearingBoard;
    readonly limits: (home: string) => readonly ImportLimit[];
    readonly telemetry: Telemetry;
    readonly households: Household[];
    readonly say: (line: string) => void;
  },
  closing: Closing,
): Promise<Gateway | null> {
  const { state, spec, park, community, address, clock, board, telemetry, households, say } = options;
  say(`${spec.homes.length} gateways start ...`);
  const client = createMarketClient({ baseUrl: address });
  closing.add('the homes', () => Promise.all(households.map((household) => household.stop())));
  const pollIntervalMs = Math.max(POLL_MS_MIN, Math.round(options.speed * POLL_REAL_MS));
  let feederGateway: Gateway | null = null;
  if (park.feeder !== null) {
    feederGateway = await startFeederGateway({
      feeder: park.feeder,
      community,
      market: client,
      clock,
      pollIntervalMs,
      gatewayFile: state.path('gateways', `${park.feeder.id}.sqlite`),
      log: say,
    });
    const { stop } = feederGateway;
    closing.add('the feeder gateway', () => stop());
  }
  await Promise.all(
    spec.homes.map(async (home, index) => {
      households[index] = await startHousehold({
        spec: home,
        site: { ...spec, slotMinutes: state.identity.slotMinutes, pvPeakW: home.pvPeakW },
        devices: park.homes.find((one) => one.id === home.id)?.devices ?? [],
        community,
        market: client,
        clock,
        pollIntervalMs,
        gatewayFile: state.path('gateways', `${home.id}.sqlite`),
        pkiFolder: state.path('gateways', 'pki'),
        firstSlot: options.firstSlot,
        phase: index / spec.homes.length,
        outlook: () => board.outlook(community.rules),
        limits: () => options.limits(home.id),
        positionWh: (slot) => board.positionWh(slot, home.id),
        telemetry,
        log: say,
      });
    }),
  );
  return feederGateway;
}
