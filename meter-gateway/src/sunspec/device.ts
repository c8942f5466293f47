import { CommonwattError } from '@commonwatt/domain';
import type { BatteryControl, Device } from '../device.ts';
import type { ModbusDeviceOptions } from '../modbus/profile-device.ts';
import type { RequestTiming } from '../modbus/bus.ts';
import { Reads, spanReader } from '../modbus/reads.ts';
import type { Registers } from '../profile/decode.ts';
import { discoverSunspec, type FoundModel, type SunspecMap } from './discover.ts';
import { CLOCK_AT } from './models.ts';
import { modelsFor, sunspecSample, type SunspecRole } from './sample.ts';
import { GAP_MAX, READ_MAX, spansOfModels } from './spans.ts';
import { activePowerControl } from './power-control.ts';
import { storageControl } from './storage-control.ts';

const EPOCH_2000_MS = Date.UTC(2000, 0, 1);

interface Known {
  readonly map: SunspecMap;
  readonly models: readonly FoundModel[];
  readonly reads: Reads;
  readonly control: BatteryControl | undefined;
}

/** A device that describes itself: found by walking its SunSpec map at the first look, and again after every failed read. */
export function sunspecDevice(role: SunspecRole, options: ModbusDeviceOptions): Device {
  const { bus, unitId, id } = options;
  const holding = {
    read: (address: number, count: number) => bus.read(unitId, 3, address, count),
    write: (address: number, words: readonly number[]) => bus.write(unitId, 16, address, words),
  };
  let known: Promise<Known> | undefined;

  const learn = async (): Promise<Known> => {
    const map = await discoverSunspec(holding.read);
    const models = modelsFor(role, map);
    if (models.length === 0) {
      throw new CommonwattError(
        'not-found',
        `${id}: no SunSpec model for a ${role} among ${map.models.map(({ model }) => model).join(', ')}`,
        { record: id, field: 'role' },
      );
    }
    const storage = models.find(({ model }) => model === 124);
    const power = models.find(({ model }) => model === 704);
    const control = storage ? storageControl(storage, holding) : power && activePowerControl(power, holding);
    const reads = new Reads(spanReader(bus, unitId, 3), {
      spans: spansOfModels(models),
      readMax: READ_MAX,
      gapMax: GAP_MAX,
      holesAllowed: false,
    });
    return { map, models, reads, control };
  };
  const knowledge = (): Promise<Known> => {
    known ??= learn().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const clock = async (): Promise<number | undefined> => {
    const { map } = await knowledge();
    const found = map.models.find(({ model, length }) => (CLOCK_AT[model] ?? Infinity) + 2 <= length + 2);
    if (!found) return undefined;
    const [high = 0, low = 0] = await holding.read(found.address + (CLOCK_AT[found.model] ?? 0), 2);
    const seconds = high * 65_536 + low;
    return seconds === 0 || seconds === 0xffff_ffff ? undefined : EPOCH_2000_MS + seconds * 1000;
  };
  const control = async (): Promise<BatteryControl> => {
    const found = (await knowledge()).control;
    if (found) return found;
    throw new CommonwattError('unavailable', `${id} has no storage control (model 124 or 704)`, {
      record: id,
    });
  };

  return {
    id,
    protocol: 'modbus',
    resolutionWh: 1,
    async read() {
      const { map, models, reads } = await knowledge();
      try {
        const timing: RequestTiming = {};
        const registers = await reads.look(timing);
        checkInPlace(id, models, registers);
        return { ...sunspecSample(role, map, models, registers), ...timing };
      } catch (error) {
        // Another device may answer at this address next time.
        known = undefined;
        throw error;
      }
    },
    clock,
    ...(role === 'battery'
      ? {
          control: {
            reverts: true,
            force: async (powerW: number, reversionMs: number) =>
              (await control()).force(powerW, reversionMs),
            release: async () => (await control()).release(),
          },
        }
      : {}),
    close: options.release,
  };
}

/** Throws CommonwattError `unavailable` when a model no longer lies where it was found: new firmware, or another device at the address. */
function checkInPlace(id: string, models: readonly FoundModel[], registers: Registers): void {
  for (const { model, address, length } of models) {
    const [foundModel, foundLength] = [registers(address), registers(address + 1)];
    if (foundModel === undefined || (foundModel === model && foundLength === length)) continue;
    throw new CommonwattError('unavailable', `${id}: its SunSpec map has changed, model ${model} is gone`, {
      record: id,
    });
  }
}
