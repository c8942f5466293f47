import type { CounterPoint } from '../counter/tracker.ts';

/** What the gateway must remember between two boundaries and over a restart. Energy in whole Wh. */
export interface MeterMemory {
  /** The last closed boundary, ms since 1970. */
  readonly boundaryMs: number;
  /** Sequence of the next reading. */
  readonly sequence: number;
  /** Hash of the last signed reading; 64 zeros before the first. */
  readonly previousHash: string;
  readonly devices: Readonly<Record<string, DeviceMemory>>;
}

export interface DeviceMemory {
  /** Totals at the last closed boundary: what the next slot's growth counts from. */
  readonly closedWh: Readonly<Record<string, number>>;
  /** The latest accepted point. */
  readonly point: CounterPoint;
  readonly serial?: string | undefined;
}

export const NO_HASH = '0'.repeat(64);
