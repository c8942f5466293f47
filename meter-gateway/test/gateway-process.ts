import { createHash } from 'node:crypto';
import { signerFromSeed, type Clock } from '@commonwatt/domain';
import { startGateway } from '../src/gateway.ts';

/* A gateway in a process of its own, to be killed. Its readings go to the parent, which acknowledges each by its sequence. */

const [statePath = '', port = '', originMs = '', startMs = '', speed = ''] = process.argv.slice(2);

/** The same time in every process: real time since `originMs`, times `speed`. */
const nowMs = (): number => Number(startMs) + (Date.now() - Number(originMs)) * Number(speed);
const clock: Clock = {
  nowMs,
  async waitUntil(atMs, signal) {
    while (nowMs() < atMs) {
      signal?.throwIfAborted();
      const ms = Math.min(20, Math.max(1, (atMs - nowMs()) / Number(speed)));
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  },
};
const waiting = new Map<number, () => void>();
process.on('message', (sequence) => waiting.get(sequence as number)?.());
process.on('disconnect', () => process.exit(0));

await startGateway({
  community: 'c',
  participant: 'home-01',
  gateway: 'gw-home-01',
  slotMinutes: 15,
  devices: [
    {
      id: 'meter',
      role: 'grid-meter',
      protocol: 'modbus-tcp',
      host: '127.0.0.1',
      port: Number(port),
      unitId: 1,
      profile: 'sdm630',
    },
  ],
  signer: signerFromSeed(createHash('sha256').update('killed').digest()),
  statePath,
  clock,
  pollIntervalMs: 60_000,
  deliver: (reading) =>
    new Promise((resolve) => {
      waiting.set(reading.payload.sequence, () => resolve('accepted'));
      process.send?.(reading);
    }),
  limits: { importFuseW: 17_000, socReservePermille: 100 },
  log: () => {},
  tuning: { deliveryTimeoutMs: 300 },
});
