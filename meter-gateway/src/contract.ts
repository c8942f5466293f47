import type { Clock, Reading, Signer, SlotMinutes } from '@commonwatt/domain';
import type { DeviceConfig } from './config.ts';
import type { ConnectionOptions } from './connect.ts';
import type { CounterPoint } from './counter/tracker.ts';
import type { Deliver } from './delivery.ts';
import type { DispatchRecord } from './dispatch/record.ts';

export interface GatewayOptions {
  readonly community: string;
  readonly participant: string;
  readonly gateway: string;
  readonly slotMinutes: SlotMinutes;
  readonly devices: readonly DeviceConfig[];
  readonly signer: Signer;
  /** A SQLite file: outbox, sequence, hash chain, last boundary counters, epochs, dispatch records. */
  readonly statePath: string;
  /** Folder of the OPC-UA client's key, certificate and trust list; beside the state by default. Gateways of one host may share it. */
  readonly pkiFolder?: string;
  readonly clock: Clock;
  /** In the clock's time. */
  readonly pollIntervalMs: number;
  readonly deliver: Deliver;
  readonly limits: { readonly importFuseW: number; readonly socReservePermille: number };
  readonly log: (line: string) => void;
  readonly tuning?: GatewayTuning;
}

/** For tests and unusual devices; times in the clock's time unless named real. */
export interface GatewayTuning {
  /** How long a slot waits for a device that does not answer; 5 minutes. */
  readonly graceMs?: number;
  /** Values older than this are stale; 5 polls and at least a minute. */
  readonly staleAfterMs?: number;
  /** The device's own reversion timer; 10 polls and at least a minute. */
  readonly reversionMs?: number;
  /** The fastest change of a battery setpoint, W a second; none by default. */
  readonly rampWPerS?: number;
  readonly connections?: Omit<ConnectionOptions, 'pkiFolder'>;
  /** Real time. */
  readonly deliveryTimeoutMs?: number;
  readonly deliveryBackoffMs?: readonly [first: number, max: number];
  /** False marks readings: the wall clock is not synchronised. */
  readonly clockSynchronised?: () => boolean;
}

export interface BatteryState {
  readonly capacityWh: number;
  readonly chargeMaxW: number;
  readonly dischargeMaxW: number;
  readonly stateOfChargePermille: number;
}

export interface GatewayStatistics {
  readonly polls: number;
  readonly pollErrors: number;
  readonly readingsSigned: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly pending: number;
  readonly protocol: 'modbus' | 'opcua';
  /** How long the slowest device took for its last look, real ms; null before the first. */
  readonly rttMs: number | null;
  /** Device clock less gateway clock, ms: the grid meter's, or the one that is off most; null where no device tells the time. */
  readonly skewMs: number | null;
  readonly flags: Reading['flags'];
}

export interface Gateway {
  /** The latest look at the home; null before the first poll ended. */
  latest(): Reading | null;
  subscribe(listener: (reading: Reading) => void): () => void;
  /** Null without a battery, and while one of its figures is missing or stale. */
  battery(): BatteryState | null;
  /** Throws CommonwattError `not-found` without a battery, `out-of-range` for a command that is none; else see the record's outcome. */
  setBattery(command: { readonly powerW: number; readonly expiresAtMs: number }): Promise<DispatchRecord>;
  releaseBattery(): Promise<void>;
  /** The latest dispatch records, oldest first, with what was measured since. */
  dispatches(limit?: number): readonly DispatchRecord[];
  /** The latest accepted counters by device. */
  boundaries(): {
    readonly nextBoundaryMs: number | null;
    readonly counters: Readonly<Record<string, CounterPoint>>;
  };
  statistics(): GatewayStatistics;
  /** Releases the battery and closes everything. Never throws. */
  stop(): Promise<void>;
}
