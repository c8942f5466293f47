/** What stands in a home. Powers in W, capacities in Wh; everything here is a plain fact, no state. */
export interface HomeSpec {
  /** `home-01`, or the `home_id` of the measured data. */
  readonly id: string;
  readonly protocol: 'modbus' | 'opcua';
  readonly meter: 'sdm630' | 'em340' | 'iem3155' | 'opc34100';
  readonly pvPeakW: number | null;
  readonly battery: BatterySpec | null;
  readonly importFuseW: number;
}

export interface BatterySpec {
  readonly capacityWh: number;
  readonly chargeMaxW: number;
  readonly dischargeMaxW: number;
  /** Energy out per energy in, both on the alternating-current side. */
  readonly roundTripPermille: number;
}

/** The meter at the transformer, and what the feeder behind it loses. */
export interface FeederSpec {
  readonly id: string;
  readonly meter: 'iem3155';
  /** Of all that the homes draw and give, in cables and joints. */
  readonly lossPermille: number;
  /** Always: the transformer and the meters themselves. W. */
  readonly lossW: number;
}

export interface NeighbourhoodSpec {
  readonly seed: number;
  readonly homes: readonly HomeSpec[];
  /** Null where no meter stands at the transformer. */
  readonly feeder: FeederSpec | null;
  readonly startMs: number;
  /** End of the measured data; null when the simulation can go on for ever. */
  readonly endMs: number | null;
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  readonly timezone: string;
  readonly source: 'synthetic' | { readonly dataDir: string };
  /** What a person should know about the data, such as gaps that were filled. */
  readonly notes?: readonly string[];
}

export type DeviceRole = 'grid-meter' | 'pv' | 'battery';

/** How to reach one simulated device; the shape of the gateway's device configuration. */
export type ParkDevice =
  | {
      readonly id: string;
      readonly role: DeviceRole;
      readonly protocol: 'modbus-tcp';
      readonly host: '127.0.0.1';
      readonly port: number;
      readonly unitId: number;
      /** Meters: `sdm630`, `em340`, `iem3155`; PV and battery: `sunspec`. */
      readonly profile: string;
    }
  | {
      readonly id: string;
      readonly role: DeviceRole;
      readonly protocol: 'opcua';
      readonly endpoint: string;
      readonly user: string;
      readonly password: string;
      readonly profile: 'opc34100';
      /** The device's certificate (PEM), which a client has to trust before it connects. */
      readonly serverCertificatePath: string;
    };

export interface ParkHome {
  readonly id: string;
  readonly devices: readonly ParkDevice[];
}

/**
 * `hang`: takes requests, never answers. `nonsense`: answers with values no such device can have.
 * `reset-counter`: the energy counters fall to zero and go on from there (lasts, not undone by `none`).
 * `disconnect`: refuses connections and drops those it has. `none`: well again.
 * `wrong-meter`: a grid meter counts and shows only `percent` of what flows from now on (lasts; 100 ends it).
 */
export type FaultKind = 'hang' | 'nonsense' | 'reset-counter' | 'disconnect' | 'wrong-meter' | 'none';

export const FAULT_KINDS: readonly FaultKind[] = [
  'hang',
  'nonsense',
  'reset-counter',
  'disconnect',
  'wrong-meter',
  'none',
];

/** A wrong meter counts this much unless it is said. */
export const WRONG_METER_PERCENT = 70;
