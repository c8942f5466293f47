import { SOC_MIN_PERMILLE } from './battery.ts';

/** What a SunSpec battery was told: the writable registers of model 124, raw, plus the heartbeat of model 802. */
export interface SunSpecControl {
  readonly kind: 'sunspec';
  /** Bit 0: the charge limit holds; bit 1: the discharge limit holds; 0: self-consumption. */
  readonly storCtlMod: number;
  /** Discharge limit in 0.01 % of WChaMax; negative forces charging at least that fast. */
  readonly outWRte: number;
  /** Charge limit in 0.01 % of WChaMax; negative forces discharging at least that fast. */
  readonly inWRte: number;
  readonly winTms: number;
  /** Seconds after the last write until self-consumption returns; 0: never. */
  readonly rvrtTms: number;
  readonly rmpTms: number;
  /** 0: may charge from PV alone; 1: from the grid too. */
  readonly chaGriSet: number;
  /** Reserve in 0.01 % of the capacity. */
  readonly minRsvPct: number;
  readonly ctrlHb: number;
}

/** What an OPC-UA battery was told. */
export interface OpcuaControl {
  readonly kind: 'opcua';
  /** 0: self-consumption; 1: follow the setpoint. */
  readonly mode: number;
  /** W, positive = discharge. */
  readonly setpointW: number;
  /** Seconds after the last write until self-consumption returns; 0: never. */
  readonly timeoutS: number;
}

export type BatteryControl = SunSpecControl | OpcuaControl;

/** A window for the battery's power in W, positive = discharge; null = that side is free. */
export interface BatteryOrder {
  readonly lowW: number | null;
  readonly highW: number | null;
  readonly gridCharging: boolean;
  readonly reservePermille: number;
}

export function initialControl(protocol: 'modbus' | 'opcua'): BatteryControl {
  return protocol === 'opcua'
    ? { kind: 'opcua', mode: 0, setpointW: 0, timeoutS: 900 }
    : {
        kind: 'sunspec',
        storCtlMod: 0,
        outWRte: 10_000,
        inWRte: 10_000,
        winTms: 0,
        rvrtTms: 900,
        rmpTms: 0,
        chaGriSet: 1,
        minRsvPct: SOC_MIN_PERMILLE * 10,
        ctrlHb: 0,
      };
}

/** What the device makes of its control registers. `ratedW` is model 124's WChaMax, to which its percentages refer. */
export function orderOf(control: BatteryControl, ratedW: number): BatteryOrder {
  if (control.kind === 'opcua') {
    const forcedW = control.mode === 1 ? Math.round(control.setpointW) : null;
    return { lowW: forcedW, highW: forcedW, gridCharging: true, reservePermille: SOC_MIN_PERMILLE };
  }
  return {
    // + 0 turns -0 into 0.
    lowW: control.storCtlMod & 1 ? -Math.round((control.inWRte * ratedW) / 10_000) + 0 : null,
    highW: control.storCtlMod & 2 ? Math.round((control.outWRte * ratedW) / 10_000) : null,
    gridCharging: control.chaGriSet === 1,
    reservePermille: Math.max(SOC_MIN_PERMILLE, Math.ceil(control.minRsvPct / 10)),
  };
}

export function isForced(control: BatteryControl): boolean {
  return control.kind === 'opcua' ? control.mode !== 0 : control.storCtlMod !== 0;
}

/** When the device falls back to self-consumption by itself, if it is written to now; null: it will not. */
export function reversionAtMs(control: BatteryControl, nowMs: number): number | null {
  const seconds = control.kind === 'opcua' ? control.timeoutS : control.rvrtTms;
  return isForced(control) && seconds > 0 ? nowMs + seconds * 1000 : null;
}

export function reverted(control: BatteryControl): BatteryControl {
  return control.kind === 'opcua' ? { ...control, mode: 0 } : { ...control, storCtlMod: 0 };
}
