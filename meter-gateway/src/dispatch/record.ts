/** What a setpoint was, at every step on its way. Power in whole W, positive discharges into the home, negative charges. */
export interface DispatchRecord {
  readonly id: number;
  readonly atMs: number;
  readonly askedW: number;
  readonly expiresAtMs: number;
  /** `refused`: nothing was written. `failed`: the device did not take it or did not hold it; it was released. */
  readonly outcome: 'applied' | 'refused' | 'failed';
  /** Why it was refused or failed. */
  readonly reason: string | null;
  readonly clampedW: number | null;
  /** Which guards changed the setpoint. */
  readonly clampedBy: readonly ClampReason[];
  readonly writtenW: number | null;
  readonly readBackW: number | null;
  /** The battery's power some polls after the write; null until then. */
  readonly measuredW: number | null;
  readonly measuredAtMs: number | null;
  /** False when the battery acknowledged but does something else; null until measured. */
  readonly delivers: boolean | null;
  readonly endedAtMs: number | null;
  readonly endedBy: 'expired' | 'replaced' | 'released' | 'stale' | 'stopped' | 'failed' | null;
}

/** `charge-limit`, `discharge-limit`: nameplate; `reserve`: state of charge at the reserve; `full`; `import-fuse`, `export-fuse`: the connection. */
export type ClampReason =
  'charge-limit' | 'discharge-limit' | 'reserve' | 'full' | 'import-fuse' | 'export-fuse' | 'ramp';
