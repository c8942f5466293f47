import { CommonwattError } from '@commonwatt/domain';
import type { HomeDrive } from './home.ts';
import { drawHousehold, householdLoad } from './household.ts';
import { localOffset } from './local-time.ts';
import { between, hash32, textSeed } from './random.ts';
import { rooftop, skyOver } from './rooftop.ts';
import type { BatterySpec, FeederSpec, HomeSpec, NeighbourhoodSpec } from './spec.ts';

/** 3 x 25 A, as most houses have. */
export const USUAL_FUSE_W = 17_250;
export const HOMES_MAX = 500;

const MINUTE_MS = 60_000;
const MODBUS_METERS = ['sdm630', 'em340', 'iem3155'] as const;

/**
 * A made-up neighbourhood at 47.4 N in Switzerland: every third home speaks OPC-UA and the others take the three Modbus
 * makes by turns; three homes in four have PV, and every second home, always one with PV, a battery.
 * Throws CommonwattError (out-of-range) unless 1 <= homes <= 500 and the seed is a safe integer.
 */
export function planSynthetic(options: { homes: number; seed: number; startMs?: number }): NeighbourhoodSpec {
  const { homes, seed, startMs = Date.UTC(2026, 5, 1) } = options;
  checkCount(homes, HOMES_MAX);
  checkSeed(seed);
  const digits = Math.max(2, String(homes).length);
  const kinds = wiring(homes);
  return {
    seed,
    homes: kinds.map((kind, index): HomeSpec => {
      const id = `home-${String(index + 1).padStart(digits, '0')}`;
      const own = hash32(seed, textSeed(id));
      return {
        id,
        ...kind,
        pvPeakW: index % 4 === 3 ? null : between(25, 75, own, 90) * 100,
        battery: index % 2 === 0 ? drawBattery(own) : null,
        importFuseW: USUAL_FUSE_W,
      };
    }),
    feeder: feederOf(kinds.length),
    startMs,
    endMs: null,
    latitudeDeg: 47.4,
    longitudeDeg: 8.5,
    timezone: 'Europe/Zurich',
    source: 'synthetic',
  };
}

/** A meter at the transformer of a feeder with this many homes, and what such a feeder loses. */
export function feederOf(homes: number): FeederSpec {
  return { id: 'feeder-1', meter: 'iem3155', lossPermille: 20, lossW: 120 + 4 * homes };
}

/** Protocol and meter of the first n homes: every third OPC-UA, the Modbus makes in turn. */
export function wiring(homes: number): Pick<HomeSpec, 'protocol' | 'meter'>[] {
  let modbus = 0;
  return Array.from({ length: homes }, (_, index) =>
    index % 3 === 2
      ? { protocol: 'opcua', meter: 'opc34100' }
      : { protocol: 'modbus', meter: MODBUS_METERS[modbus++ % 3] ?? 'sdm630' },
  );
}

function drawBattery(own: number): BatterySpec {
  const capacityWh = between(10, 26, own, 91) * 500;
  const powerW = between(5, 10, own, 92) * 500;
  return {
    capacityWh,
    chargeMaxW: powerW,
    dischargeMaxW: powerW,
    roundTripPermille: between(880, 930, own, 93),
  };
}

/** Load and PV of every home of a synthetic plan, in its order. */
export function syntheticDrives(spec: NeighbourhoodSpec): HomeDrive[] {
  const sky = skyOver(spec.seed, spec.latitudeDeg, spec.longitudeDeg);
  const offsetMin = localOffset(spec.timezone);
  return spec.homes.map((home, index) => {
    const own = hash32(spec.seed, textSeed(home.id));
    const loadW = householdLoad(drawHousehold(own, index, home.pvPeakW !== null));
    return {
      load: {
        originMs: 0,
        intervalMs: MINUTE_MS,
        energyMilliJ: (minute) => loadW(minute + offsetMin(minute * MINUTE_MS)) * MINUTE_MS,
      },
      pv: home.pvPeakW === null ? null : rooftop(sky, own, home.pvPeakW),
    };
  });
}

export function checkCount(homes: number, most: number): void {
  if (Number.isSafeInteger(homes) && homes >= 1 && homes <= most) return;
  throw new CommonwattError('out-of-range', `${homes} homes cannot be simulated`, {
    field: 'homes',
    rule: `a whole number from 1 to ${most}`,
    remedy: `ask for 1 to ${most} homes`,
  });
}

export function checkSeed(seed: number): void {
  if (Number.isSafeInteger(seed)) return;
  throw new CommonwattError('out-of-range', `${seed} is no seed`, {
    field: 'seed',
    rule: 'a whole number',
    remedy: 'give a whole number, such as 1',
  });
}
