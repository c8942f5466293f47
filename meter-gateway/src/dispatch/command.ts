import { CommonwattError } from '@commonwatt/domain';
import type { DispatchRecord } from './record.ts';

/** What is asked of a battery: W, positive discharges, and until when. */
export interface Command {
  readonly powerW: number;
  readonly expiresAtMs: number;
}

/** Throws CommonwattError `out-of-range` for a command that is none. */
export function checkCommand({ powerW, expiresAtMs }: Command, nowMs: number): void {
  if (!Number.isFinite(powerW)) {
    throw new CommonwattError('out-of-range', `a setpoint is a finite number of W, not ${powerW}`, {
      field: 'powerW',
    });
  }
  if (!Number.isFinite(expiresAtMs) || expiresAtMs <= nowMs) {
    throw new CommonwattError('out-of-range', `a setpoint must expire in the future, not at ${expiresAtMs}`, {
      field: 'expiresAtMs',
    });
  }
}

/** The record of a command of which nothing has been written yet. */
export function newRecord(id: number, { powerW, expiresAtMs }: Command, atMs: number): DispatchRecord {
  return {
    id,
    atMs,
    askedW: powerW,
    expiresAtMs,
    outcome: 'refused',
    reason: null,
    clampedW: null,
    clampedBy: [],
    writtenW: null,
    readBackW: null,
    measuredW: null,
    measuredAtMs: null,
    delivers: null,
    endedAtMs: atMs,
    endedBy: null,
  };
}
