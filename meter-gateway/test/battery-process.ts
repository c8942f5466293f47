import { createHash } from 'node:crypto';
import { signerFromSeed, type Clock } from '@commonwatt/domain';
import type { DeviceConfig } from '../src/config.ts';
import { startGateway } from '../src/gateway.ts';

/* A gateway in a process of its own, to be killed while it forces a battery. It tells its parent when the battery is forced. */

/** What the parent sends as the only argument. Time is real time since `originMs`, times `speed`, from `startMs`. */
export interface BatteryProcess {
  readonly statePath: string;
  readonly devices: readonly DeviceConfig[];
  readonly originMs: number;
  readonly startMs: number;
  readonly speed: number;
  /** What to force the battery to; null only starts, which releases it. */
  readonly powerW: number | null;
}

const options = JSON.parse(process.argv[2] ?? '{}') as BatteryProcess;
const nowMs = (): number => options.startMs + (Date.now() - options.originMs) * options.speed;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const clock: Clock = {
  nowMs,
  async waitUntil(atMs, signal) {
    while (nowMs() < atMs) {
      signal?.throwIfAborted();
      await sleep(Math.min(20, Math.max(1, (atMs - nowMs()) / options.speed)));
    }
  },
};
process.on('disconnect', () => process.exit(0));

const gateway = await startGateway({
  community: 'c',
  participant: 'home-01',
  gateway: 'gw-home-01',
  slotMinutes: 15,
  devices: options.devices,
  signer: signerFromSeed(createHash('sha256').update('killed').digest()),
  statePath: options.statePath,
  clock,
  pollIntervalMs: 10_000,
  deliver: async () => 'accepted',
  limits: { importFuseW: 17_000, socReservePermille: 100 },
  log: () => {},
});
while (options.powerW !== null) {
  const record = await gateway.setBattery({ powerW: options.powerW, expiresAtMs: nowMs() + 36_000_000 });
  if (record.outcome === 'applied') break;
  await sleep(20);
}
process.send?.('ready');
