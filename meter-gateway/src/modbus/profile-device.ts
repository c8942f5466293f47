import type { BatteryControl, Device } from '../device.ts';
import { decodeProfile, spansOf } from '../profile/decode.ts';
import { planReads, type Span } from '../profile/plan.ts';
import type { ModbusProfile } from '../profile/types.ts';
import type { ModbusBus, RequestTiming } from './bus.ts';
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

/** Reads all spans and returns a register image over them. */
export async function readSpans(
  bus: ModbusBus,
  unitId: number,
  readFunction: 3 | 4,
  spans: readonly Span[],
  timing?: RequestTiming,
): Promise<(address: number) => number | undefined> {
  const blocks: { address: number; words: readonly number[] }[] = [];
  for (const { address, count } of spans) {
    blocks.push({ address, words: await bus.read(unitId, readFunction, address, count, timing) });
  }
  return (address) => {
    for (const block of blocks) {
      const word = block.words[address - block.address];
      if (word !== undefined) return word;
    }
    return undefined;
  };
}

/** A device whose registers a profile describes. */
export function profileDevice(profile: ModbusProfile, options: ModbusDeviceOptions): Device {
  const { bus, unitId, id } = options;
  const plan = planReads(spansOf(profile), profile.readMaxRegisters, profile.readGapMax);
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
      const registers = await readSpans(bus, unitId, profile.readFunction, plan, timing);
      return { ...decodeProfile(profile, registers), ...timing };
    },
    ...(clock === undefined ? {} : { clock }),
    ...(control === undefined ? {} : { control }),
    close: options.release,
  };
}
