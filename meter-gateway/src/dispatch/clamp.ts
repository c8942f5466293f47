import type { ClampReason } from './record.ts';

/** What a setpoint is clamped against. Power in W; battery positive on discharge, grid positive on import. */
export interface ClampFacts {
  readonly chargeMaxW: number;
  readonly dischargeMaxW: number;
  readonly stateOfChargePermille: number;
  readonly reservePermille: number;
  readonly gridW: number;
  readonly batteryW: number;
  readonly fuseW: number;
  /** The setpoint in force or the power now, and how far the next may lie from it; none when left out. */
  readonly ramp?: { readonly fromW: number; readonly stepW: number };
}

export interface Clamped {
  readonly powerW: number;
  readonly by: readonly ClampReason[];
}

/**
 * The nearest setpoint that does no harm: within the nameplate, not below the reserve, not above full, and with the grid inside the fuse,
 * taking the rest of the home as it is now. Whole W. The fuse comes last: it is the wire that burns.
 * Throws RangeError on a setpoint that is not finite.
 */
export function clampSetpoint(askedW: number, facts: ClampFacts): Clamped {
  if (!Number.isFinite(askedW)) throw new RangeError(`a setpoint is a finite number of W, not ${askedW}`);
  const by: ClampReason[] = [];
  let powerW = Math.trunc(askedW);
  const limit = (value: number, cause: ClampReason): void => {
    const whole = Math.trunc(value) || 0;
    if (whole === powerW) return;
    powerW = whole;
    by.push(cause);
  };
  // The ramp comes first: what protects the battery and the wire may cut deeper and faster.
  if (facts.ramp) {
    const { fromW, stepW } = facts.ramp;
    limit(Math.min(fromW + stepW, Math.max(fromW - stepW, powerW)), 'ramp');
  }
  limit(Math.min(powerW, Math.max(0, facts.dischargeMaxW)), 'discharge-limit');
  limit(Math.max(powerW, -Math.max(0, facts.chargeMaxW)), 'charge-limit');
  if (facts.stateOfChargePermille <= facts.reservePermille) limit(Math.min(powerW, 0), 'reserve');
  if (facts.stateOfChargePermille >= 1000) limit(Math.max(powerW, 0), 'full');
  // Grid import with this setpoint is (grid + battery now) - setpoint. A limit never makes the battery work the other way round.
  const restW = facts.gridW + facts.batteryW;
  if (powerW < 0) limit(Math.min(0, Math.max(powerW, restW - facts.fuseW)), 'import-fuse');
  if (powerW > 0) limit(Math.max(0, Math.min(powerW, restW + facts.fuseW)), 'export-fuse');
  return { powerW, by };
}
