import type { BatteryControl, Device } from '../device.ts';
import { decodeProfile, spansOf } from '../profile/decode.ts';
import type { ModbusProfile } from '../profile/types.ts';
import type { ModbusBus, RequestTiming } from './bus.ts';
import { Reads, spanReader } from './reads.ts';
import { profileClock } from './profile-clock.ts';
import { profileControl } from './profile-control.ts';

export interface ModbusDeviceOptions {
  readonly id: string;
  readonly unitId: number;
  readonly bus: ModbusBus;
  /** IANA name of the zone the device's own clock runs in, where that is local time. */
  readonly timezone?: string | undefined;
  /** Called once when the device is closed; the bus may be shared with others. */
  readonly release: () => Promise<void>;
}

/** A device whose registers a profile describes. */
export function profileDevice(profile: ModbusProfile, options: ModbusDeviceOptions): Device {
  const { bus, unitId, id } = options;
  const reads = new Reads(spanReader(bus, unitId, profile.readFunction), {
    spans: spansOf(profile),
    readMax: profile.readMaxRegisters,
    gapMax: profile.readGapMax,
    holesAllowed: true,
  });
  const resolutionWh = Math.max(
    1,
    profile.quantities.importWh?.resolutionWh ?? 1,
    profile.quantities.exportWh?.resolutionWh ?? 1,
  );
  const control: BatteryControl | undefined =
    profile.control === undefined ? undefined : profileControl(profile, profile.control, bus, unitId);
  const clock = profileClock(profile, bus, unitId, options.timezone);
  return {
    id,
    protocol: 'modbus',
    resolutionWh,
    async read() {
      const timing: RequestTiming = {};
      return { ...decodeProfile(profile, await reads.look(timing)), ...timing };
    },
    ...(clock === undefined ? {} : { clock }),
    ...(control === undefined ? {} : { control }),
    close: options.release,
  };
}
