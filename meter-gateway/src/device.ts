import type { DeviceSample } from './quantity.ts';

/** What a force command did at the device. Power in W, positive on discharge. */
export interface ForceResult {
  /** The setpoint as written, after the device's own rounding to percent or steps. */
  readonly writtenW: number;
  /** The setpoint read back from the device; null where it cannot be read. */
  readonly readBackW: number | null;
  /** False when the device fell short of what was written: the mode did not stay, a register kept its old value. */
  readonly holds: boolean;
}

/** Steers a battery. Every call has its own deadline and throws CommonwattError `unavailable` when the device does not do it. */
export interface BatteryControl {
  /** True when the device itself returns to self-consumption after `reversionMs`. */
  readonly reverts: boolean;
  /** Forces the battery to `powerW` (positive discharges). Values first, the mode last; then reads back. */
  force(powerW: number, reversionMs: number): Promise<ForceResult>;
  /** Back to self-consumption. */
  release(): Promise<void>;
}

/** A device behind whatever protocol. */
export interface Device {
  readonly id: string;
  readonly protocol: 'modbus' | 'opcua';
  /** Smallest step of its energy counters. */
  readonly resolutionWh: number;
  /** One look at all its quantities. Throws CommonwattError `unavailable` when it does not answer. */
  read(): Promise<DeviceSample>;
  /** The device's own clock, ms since 1970; undefined when it does not tell. Throws as `read` does. */
  clock?(): Promise<number | undefined>;
  readonly control?: BatteryControl;
  /** Values that come by themselves between two looks, where the protocol can do that; called for each change. */
  watch?(listener: (values: DeviceSample['values']) => void): void;
  close(): Promise<void>;
}
