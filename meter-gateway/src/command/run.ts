import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommonwattError, signerFromSeed, type Clock, type Signer } from '@commonwatt/domain';
import type { Deliver } from '../delivery.ts';
import type { Gateway } from '../contract.ts';
import { startGateway } from '../gateway.ts';
import { watchOsClock } from '../os-clock.ts';
import { systemClock } from '../system-clock.ts';
import { pkiFolderOf } from './check.ts';
import { readConfig } from './file.ts';

export interface RunOptions {
  /** Makes the way to the market from its address in the file. */
  readonly deliverTo: (market: string) => Deliver;
  readonly log: (line: string) => void;
  /** Real time by default. */
  readonly clock?: Clock;
}

/** Runs a gateway from its configuration file, in real time. The key is made in the state folder the first time; its public half is logged. */
export async function runFromConfig(path: string, options: RunOptions): Promise<Gateway> {
  const file = readConfig(path);
  const folder = resolve(dirname(path), file.stateFolder);
  const signer = openKey(join(folder, 'gateway.key'));
  options.log(`${file.gateway}: public key ${signer.publicKey}, to be registered by ${file.participant}`);
  const real = options.clock === undefined ? systemClock() : undefined;
  const machine = real && (await watchOsClock(options.log));
  const starting = startGateway({
    community: file.community,
    participant: file.participant,
    gateway: file.gateway,
    slotMinutes: file.slotMinutes,
    devices: file.devices,
    signer,
    statePath: join(folder, 'gateway.sqlite'),
    pkiFolder: pkiFolderOf(file, path),
    clock: options.clock ?? (real as Clock),
    pollIntervalMs: Math.round(file.pollIntervalS * 1000),
    deliver: options.deliverTo(file.market),
    limits: file.limits,
    log: options.log,
    tuning: {
      ...(real && machine ? { clockSynchronised: () => real.synchronised() && machine.synchronised() } : {}),
      ...(file.limits.rampWPerS === undefined ? {} : { rampWPerS: file.limits.rampWPerS }),
    },
  });
  const gateway = await starting.catch((error: unknown) => {
    machine?.stop();
    throw error;
  });
  return {
    ...gateway,
    async stop() {
      machine?.stop();
      await gateway.stop();
    },
  };
}

/** Whose box a configuration file describes, and its key; made when there is none yet. Throws CommonwattError `malformed` or `not-found`. */
export function openGatewayKey(path: string): {
  readonly community: string;
  readonly participant: string;
  readonly gateway: string;
  readonly market: string;
  readonly signer: Signer;
} {
  const { community, participant, gateway, market, stateFolder } = readConfig(path);
  const signer = openKey(join(resolve(dirname(path), stateFolder), 'gateway.key'));
  return { community, participant, gateway, market, signer };
}

/** The gateway's signing key: 64 hex digits in a file only its owner reads. Throws CommonwattError `malformed` on another content. */
export function openKey(path: string): Signer {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  }
  const seed = readFileSync(path, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(seed)) {
    throw new CommonwattError('malformed', `${path} is no key: 64 hex digits expected`, { record: path });
  }
  return signerFromSeed(Buffer.from(seed, 'hex'));
}
