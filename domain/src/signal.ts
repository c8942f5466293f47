/** A request to keep a feeder's import below a limit in [from, to). Power in whole W, positive on import. */
export interface DemandSignal {
  readonly type: 'signal';
  readonly community: string;
  readonly id: string;
  readonly feeder: string;
  readonly kind: 'import-limit';
  readonly limitW: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly issuedAtMs: number;
}
