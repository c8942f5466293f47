import type { Registers } from '../profile/decode.ts';
import { toSample, type CounterFacts, type DeviceSample, type Quantity } from '../quantity.ts';
import { counterFacts } from '../counter/facts.ts';
import { counterRegister, decodePoint } from './decode.ts';
import { ownerOf, type FoundModel, type SunspecMap } from './discover.ts';
import { MODELS, isInverter, isMeter } from './models.ts';

export type SunspecRole = 'grid-meter' | 'pv' | 'battery';

/** The models of a map that say something about a device in this role, the ones that count first. */
export function modelsFor(role: SunspecRole, map: SunspecMap): readonly FoundModel[] {
  const first = (test: (model: number) => boolean): FoundModel[] => {
    const found = map.models.find(({ model }) => test(model));
    return found === undefined ? [] : [found];
  };
  // A meter beside an inverter looks at the grid; one without is the battery's own.
  const meter = first(isMeter);
  const ownMeter = map.models.some(({ model }) => isInverter(model) && model !== 701) ? [] : meter;
  if (role === 'grid-meter') return meter;
  if (role === 'pv') return [...first(isInverter), ...meter].slice(0, 1);
  return [
    ...first((model) => model === 124),
    ...first((model) => model === 802),
    ...first((model) => model === 713),
    ...first((model) => model === 704),
    ...first((model) => model === 702),
    ...ownMeter,
    ...(ownMeter.length === 0 ? first((model) => model === 701) : []),
  ];
}

type Points = Readonly<Record<string, number | undefined>>;

function pointsOf(registers: Registers, found: FoundModel): Points {
  const points = Object.entries(MODELS[found.model] ?? {});
  return Object.fromEntries(points.map(([name, point]) => [name, decodePoint(registers, found, point)]));
}

const times = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : value * factor;

/**
 * Registers of a SunSpec device in, quantities out. In the meter block of a battery export is energy discharged into the home and
 * import energy charged; 802 W is positive on discharge, and so is 701 W.
 */
export function sunspecSample(
  role: SunspecRole,
  map: SunspecMap,
  found: readonly FoundModel[],
  registers: Registers,
): DeviceSample {
  const of = (test: (model: number) => boolean): Points => {
    const model = found.find(({ model }) => test(model));
    return model === undefined ? {} : pointsOf(registers, model);
  };
  const decoded: [Quantity, number | undefined][] = [];
  const counting = found.find(({ model }) => isMeter(model) || isInverter(model));
  const counted = counting === undefined ? {} : pointsOf(registers, counting);
  const owner = found[0] === undefined ? map : ownerOf(map, counting ?? found[0]);
  const serial = owner.serial === '' ? undefined : owner.serial;
  const facts = counting === undefined ? {} : factsOf(registers, counting);
  if (role !== 'battery') {
    for (const name of ['powerW', 'importWh', 'exportWh', 'voltageL1V', 'frequencyHz'] as const) {
      if (name in counted) decoded.push([name, counted[name]]);
    }
    return { ...toSample(decoded, serial), ...facts };
  }
  const storage = of((model) => model === 124);
  const bank = of((model) => model === 802);
  const capacity = of((model) => model === 713);
  const ratings = of((model) => model === 702);
  const socPercent =
    bank['stateOfChargePercent'] ?? capacity['stateOfChargePercent'] ?? storage['stateOfChargePercent'];
  decoded.push(
    ['stateOfChargePermille', times(socPercent, 10)],
    ['capacityWh', bank['capacityWh'] ?? capacity['capacityWh']],
    ['chargeMaxW', lower(storage['maxW'], bank['chargeMaxW'] ?? ratings['chargeMaxW'])],
    ['dischargeMaxW', lower(storage['maxW'], bank['dischargeMaxW'] ?? ratings['dischargeMaxW'])],
    ['powerW', bank['powerW'] ?? ownPowerW(counting, counted)],
    ['importWh', counted['importWh']],
    ['exportWh', counted['exportWh']],
    ['voltageL1V', counted['voltageL1V']],
  );
  return { ...toSample(decoded, serial), ...facts };
}

/** A battery's power by its own AC block: a meter counts charging as import and shows it positive, 701 W is positive on injection. */
function ownPowerW(block: FoundModel | undefined, { powerW }: Points): number | undefined {
  return powerW !== undefined && block !== undefined && isMeter(block.model) ? -powerW : powerW;
}

function factsOf(registers: Registers, found: FoundModel): CounterFacts {
  const points = MODELS[found.model] ?? {};
  return counterFacts(
    (['importWh', 'exportWh'] as const).flatMap((quantity) => {
      const point = points[quantity];
      return (point && counterRegister(registers, found, point, quantity)) ?? [];
    }),
  );
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
