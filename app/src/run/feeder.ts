import type { Clock } from '@commonwatt/domain';
import type { MarketClient } from '@commonwatt/market-engine';
import { startGateway, type Gateway } from '@commonwatt/meter-gateway';
import type { ParkHome } from '../neighbourhood/index.ts';
import { gatewayOf, type Community } from './community.ts';
import { deliverReading } from './market-access.ts';

/** No limit of the meter's: it only reads. W. */
const FEEDER_POWER_W_MAX = 2_500_000;

/** The gateway at the transformer: it reads the feeder's meter and delivers like every other, and steers nothing. */
export function startFeederGateway(options: {
  readonly feeder: ParkHome;
  readonly community: Community;
  readonly market: MarketClient;
  readonly clock: Clock;
  readonly pollIntervalMs: number;
  readonly gatewayFile: string;
  readonly log: (line: string) => void;
}): Promise<Gateway> {
  const { feeder, community, market, clock, pollIntervalMs, log } = options;
  return startGateway({
    community: community.rules.community,
    participant: feeder.id,
    gateway: gatewayOf(feeder.id),
    slotMinutes: community.rules.slotMinutes,
    devices: feeder.devices,
    signer: community.gatewaySigner(feeder.id),
    statePath: options.gatewayFile,
    clock,
    pollIntervalMs,
    deliver: (reading, signal) => deliverReading(market, reading, signal),
    limits: { importFuseW: FEEDER_POWER_W_MAX, socReservePermille: 0 },
    log,
  });
}
