import type { Quantity } from '../quantity.ts';

/** How a register block is read as a number. Words are 16 bits; `wordOrder` says whether the high or the low word comes first. */
export type RegisterType = 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64' | 'f32';
export type WordOrder = 'high-first' | 'low-first';

/** Where a quantity lives: 0-based address, and what to multiply by to get the quantity's unit. */
export interface RegisterMapping {
  readonly address: number;
  readonly type: RegisterType;
  readonly scale: number;
  /** Raw values, as unsigned hex, that mean "not available": besides NaN, which always does. */
  readonly absent?: readonly string[];
  /** The value is negative when one of these bits of another register is set: makers that give direction apart from size. */
  readonly negateWhen?: { readonly address: number; readonly mask: number };
  /** Smallest step of a counter in Wh, where it is coarser than 1 Wh. */
  readonly resolutionWh?: number;
  /** The raw value at which a counter begins again at zero; 2^32 for a `u32` when left out. */
  readonly rollsAt?: number;
}

/**
 * The device's own clock. `epoch-s`: seconds since 1970 as u32; `calendar`: year, month, day, hour, minute, second, a register each.
 * A clock in local time is read only where the configuration names the zone.
 */
export interface ClockMapping {
  readonly address: number;
  readonly format: 'epoch-s' | 'calendar';
  readonly zone: 'utc' | 'local';
  /** The profile's own when left out. */
  readonly readFunction?: 3 | 4;
}

/** A register-mapped device as data: one JSON file in `profiles/`. */
export interface ModbusProfile {
  readonly name: string;
  readonly protocol: 'modbus';
  readonly makes: readonly string[];
  readonly source: string;
  readonly notes?: string;
  readonly readFunction: 3 | 4;
  readonly wordOrder: WordOrder;
  /** Registers the device answers in one request. */
  readonly readMaxRegisters: number;
  /** Registers that may be read along although nobody asked, to save a request; 0 where the device has holes that answer exception 2. */
  readonly readGapMax: number;
  readonly unitId?: number;
  readonly quantities: Partial<Readonly<Record<Quantity, RegisterMapping>>>;
  readonly clock?: ClockMapping;
  readonly control?: ControlProfile;
}

/** A register written while a battery is forced. */
export interface ControlWrite {
  readonly address: number;
  readonly type: RegisterType;
  /** A fixed value, or what is computed from the setpoint, divided by `scale`. */
  readonly value: number | ControlValue;
  readonly scale?: number;
}

/** `charge-w`, `discharge-w`: unsigned, 0 on the other direction; `power-w`: positive on discharge; `negative-power-w`: positive on charge; `timeout-s`, `timeout-min`: the device's own reversion. */
export type ControlValue =
  'charge-w' | 'discharge-w' | 'power-w' | 'negative-power-w' | 'timeout-s' | 'timeout-min';

/** How to force a battery and to let it go; written in the order given, so values come first and the mode last. */
export interface ControlProfile {
  readonly writeFunction: 6 | 16;
  readonly discharge: readonly ControlWrite[];
  readonly charge: readonly ControlWrite[];
  readonly release: readonly ControlWrite[];
  /** True when the device falls back by itself after the timeout that was written. */
  readonly reverts: boolean;
}

/** An OPC-UA device as data: the quantity's node, as a string id in the profile's namespace. */
export interface OpcuaProfile {
  readonly name: string;
  readonly protocol: 'opcua';
  readonly makes: readonly string[];
  readonly source: string;
  readonly notes?: string;
  readonly namespaceUri: string;
  readonly roles: {
    readonly [role in 'grid-meter' | 'pv' | 'battery']?: OpcuaRole;
  };
}

export interface OpcuaRole {
  readonly quantities: Partial<Readonly<Record<Quantity, { readonly node: string; readonly scale: number }>>>;
  readonly control?: {
    readonly setpointW: string;
    readonly timeoutS: string;
    readonly mode: string;
    readonly modeFollow: number;
    readonly modeSelf: number;
  };
}

export type Profile = ModbusProfile | OpcuaProfile;
