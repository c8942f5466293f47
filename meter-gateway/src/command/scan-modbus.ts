import type { CommonwattError } from '@commonwatt/domain';
import type { DeviceRole } from '../config.ts';
import { withDeadline } from '../deadline.ts';
import { ModbusBus, ModbusException } from '../modbus/bus.ts';
import { Reads, spanReader } from '../modbus/reads.ts';
import { decodeProfile, spansOf } from '../profile/decode.ts';
import { loadProfile, profileNames } from '../profile/load.ts';
import type { ModbusProfile } from '../profile/types.ts';
import type { DeviceSample } from '../quantity.ts';
import { discoverSunspec, ownerOf, type SunspecMap } from '../sunspec/discover.ts';
import { isInverter, isMeter } from '../sunspec/models.ts';
import { modelsFor } from '../sunspec/sample.ts';

/** A device that answered. `sure`: it named itself (SunSpec); else its registers make sense as this make. */
export interface FoundDevice {
  readonly protocol: 'modbus-tcp';
  readonly port: number;
  readonly unitId: number;
  readonly profile: string;
  readonly role: DeviceRole;
  readonly sure: boolean;
  readonly about: string;
}

/** What answers at one unit id, with what tells it from the same device at another unit id. */
interface Answer {
  readonly devices: readonly Omit<FoundDevice, 'protocol' | 'port' | 'unitId'>[];
  readonly identity: string;
  readonly countersWh: readonly number[];
}

/** Counters of one device that was asked twice, seconds apart, differ by no more than this. */
const SAME_WH = 50;

function isSame(a: Answer, b: Answer): boolean {
  return (
    a.identity === b.identity &&
    a.countersWh.every((wh, index) => Math.abs(wh - (b.countersWh[index] ?? Infinity)) <= SAME_WH)
  );
}

/**
 * The devices behind one address, unit id by unit id. Devices that answer whatever unit id they are asked by are told once.
 * Reads only. Never rejects.
 */
export async function scanModbus(
  host: string,
  port: number,
  unitIds: readonly number[],
  timeoutMs: number,
): Promise<readonly FoundDevice[]> {
  const found: FoundDevice[] = [];
  const seen: Answer[] = [];
  for (const unitId of unitIds) {
    const answer = await scanUnit(host, port, unitId, timeoutMs);
    if (!answer || seen.some((one) => isSame(one, answer))) continue;
    seen.push(answer);
    found.push(
      ...answer.devices.map((device) => ({ protocol: 'modbus-tcp' as const, port, unitId, ...device })),
    );
  }
  return found;
}

async function scanUnit(
  host: string,
  port: number,
  unitId: number,
  timeoutMs: number,
): Promise<Answer | undefined> {
  let silent = false;
  // A connection per look: a wrong question may leave a cheap device out of step.
  const look = async <T>(work: (bus: ModbusBus) => Promise<T>): Promise<T | undefined> => {
    const bus = new ModbusBus({ host, port }, { timeoutMs, connectTimeoutMs: timeoutMs });
    silent = false;
    const answer = await withDeadline(work(bus), timeoutMs * 40, 'scan').catch((error: unknown) => {
      const answered = error instanceof ModbusException || (error as CommonwattError).code === 'not-found';
      silent = !answered;
      return undefined;
    });
    await bus.close();
    return answer;
  };
  const map = await look((bus) => discoverSunspec((address, count) => bus.read(unitId, 3, address, count)));
  if (map) return sunspecAnswer(map);
  // Nobody at this unit id; only the first is asked on, because some meters stay silent at addresses they do not know.
  if (silent && unitId !== 1) return undefined;
  const matches: { profile: ModbusProfile; sample: DeviceSample; score: number }[] = [];
  for (const profile of profileNames().map(loadProfile)) {
    if (profile.protocol !== 'modbus' || (profile.unitId ?? unitId) !== unitId) continue;
    const sample = await look(async (bus) => {
      const reads = new Reads(spanReader(bus, unitId, profile.readFunction), {
        spans: spansOf(profile),
        readMax: profile.readMaxRegisters,
        gapMax: profile.readGapMax,
        holesAllowed: true,
      });
      return decodeProfile(profile, await reads.look());
    });
    const score = sample ? sense(sample) : 0;
    if (sample && score > 0) matches.push({ profile, sample, score });
  }
  const [best] = matches.sort((a, b) => b.score - a.score);
  if (!best) return undefined;
  const { profile, sample } = best;
  const { importWh = 0, exportWh = 0 } = sample.values;
  const role = profile.quantities.stateOfChargePermille ? 'battery' : 'grid-meter';
  return {
    devices: [{ profile: profile.name, role, sure: false, about: profile.makes.join(' or ') }],
    identity: profile.name,
    countersWh: [importWh, exportWh],
  };
}

/** What a SunSpec map holds: an inverter with its grid meter and its battery is three devices. */
function sunspecAnswer(map: SunspecMap): Answer {
  const devices = rolesOf(map).map((role) => {
    const [model] = modelsFor(role, map);
    const { maker, device, serial } = model ? ownerOf(map, model) : map;
    return { profile: 'sunspec', role, sure: true, about: `${maker} ${device} ${serial}`.trim() };
  });
  const { base, models, maker, device, serial } = map;
  return { devices, identity: JSON.stringify([base, maker, device, serial, models]), countersWh: [] };
}

function rolesOf(map: SunspecMap): DeviceRole[] {
  const has = (test: (model: number) => boolean): boolean => map.models.some(({ model }) => test(model));
  const battery = has((model) => [124, 802, 713].includes(model));
  const inverter = has((model) => isInverter(model) && model !== 701);
  const der = has((model) => model === 701);
  return [
    // A meter beside an inverter looks at the grid; beside a battery alone it is the battery's own.
    ...(has(isMeter) && (inverter || !battery) ? (['grid-meter'] as const) : []),
    ...(inverter || (der && !battery) ? (['pv'] as const) : []),
    ...(battery ? (['battery'] as const) : []),
  ];
}

/** How much sense registers make as a device of a make: a mains voltage and frequency weigh most; nonsense rules it out. */
function sense({ values, nonsense }: DeviceSample): number {
  if (nonsense.length > 0) return 0;
  const { voltageL1V, frequencyHz, stateOfChargePermille, importWh, powerW } = values;
  if (stateOfChargePermille !== undefined) return stateOfChargePermille > 0 && powerW !== undefined ? 2 : 0;
  if (voltageL1V === undefined || voltageL1V < 80 || voltageL1V > 300) return 0;
  if (frequencyHz !== undefined && (frequencyHz < 45 || frequencyHz > 65)) return 0;
  return 2 + (frequencyHz === undefined ? 0 : 2) + (importWh === undefined ? 0 : 1);
}
