import { describe, expect, test } from 'vitest';
import type { FoundVariable } from './browse.ts';
import { recognise } from './recognise.ts';
import { scaleOf, unitOfCode } from './units.ts';

/** `Site/Meter/Power = 1.5 kW` */
function found(...lines: readonly string[]): FoundVariable[] {
  return lines.map((line) => {
    const [, path = '', value = '', unit] = /^(.+) = (\S+)(?: (.+))?$/.exec(line) ?? [];
    return {
      node: `nsu=urn:x;s=${path}`,
      path: path.split('/'),
      value: value === 'text' ? null : Number(value),
      unit: unit ?? null,
    };
  });
}

/** What became of it: `grid-meter powerW=Site/Meter/Power*1000 ...` */
function as(...lines: readonly string[]): string[] {
  return recognise(found(...lines)).map(({ role, nodes, missing }) =>
    [
      role,
      ...Object.entries(nodes)
        .map(([quantity, { node, scale }]) => `${quantity}=${node.split('/').slice(1).join('/')}*${scale}`)
        .sort(),
      ...(missing.length === 0 ? [] : [`missing ${missing.join()}`]),
    ].join(' '),
  );
}

describe('devices out of names and units', () => {
  test('OPC 34100: the precise counters win, reactive power and today are none', () => {
    expect(
      as(
        'Meter/AcActiveEnergyTotalImportLp = 12 kWh',
        'Meter/AcActiveEnergyTotalImportHp = 12345 Wh',
        'Meter/AcActiveEnergyTotalExportHp = 7 Wh',
        'Meter/AcActivePowerTotal = 800 W',
        'Meter/AcReactivePowerTotal = 9 var',
        'Meter/AcVoltagePeToPhase1 = 231 V',
        'Meter/AcCurrentPhase3 = 4 A',
        'Meter/ImportToday = 4 kWh',
      ),
    ).toEqual([
      'grid-meter currentL3A=AcCurrentPhase3*1 exportWh=AcActiveEnergyTotalExportHp*1 ' +
        'importWh=AcActiveEnergyTotalImportHp*1 powerW=AcActivePowerTotal*1 voltageL1V=AcVoltagePeToPhase1*1',
    ]);
  });

  test('folders inside a device, and a battery that is no grid meter', () => {
    expect(
      as(
        'Home/Battery system/Power/Total = -0.5 kW',
        'Home/Battery system/State of Charge = 55 %',
        'Home/Battery system/Energy/Discharged = 10 kWh',
        'Home/Battery system/Energy/Charged = 12 kWh',
        'Home/Grid/Power/Total = 1 kW',
        'Home/Grid/Energy/Import = 5 MWh',
        'Home/Grid/Energy/FeedIn = 6 MWh',
      ),
    ).toEqual([
      'battery exportWh=Battery system/Energy/Discharged*1000 importWh=Battery system/Energy/Charged*1000 ' +
        'powerW=Battery system/Power/Total*1000 stateOfChargePermille=Battery system/State of Charge*10',
      'grid-meter exportWh=Grid/Energy/FeedIn*1000000 importWh=Grid/Energy/Import*1000000 powerW=Grid/Power/Total*1000',
    ]);
  });

  test.each<[string, string[], string[]]>([
    [
      'a meter without feed-in is not complete',
      ['M/Meter/Power = 1 W', 'M/Meter/Import = 2 Wh'],
      ['grid-meter importWh=Meter/Import*1 powerW=Meter/Power*1 missing exportWh'],
    ],
    [
      'a roof: its one counter is what it produced',
      ['S/PV/Power = 1 kW', 'S/PV/TotalEnergy = 2 kWh'],
      ['pv exportWh=PV/TotalEnergy*1000 powerW=PV/Power*1000'],
    ],
    [
      'the name tells the unit that the server does not',
      ['S/PV/Power_kW = 1', 'S/PV/Yield_kWh = 2'],
      ['pv exportWh=PV/Yield_kWh*1000 powerW=PV/Power_kW*1000'],
    ],
    ['another kind of unit is another kind of value', ['S/Meter/Power = 3 var'], []],
    ['texts and impossible values are none', ['S/Meter/Power = text', 'S/Meter/Import = -5 Wh'], []],
    ['set-points are no measurements', ['S/Battery/PowerSetpoint = 3 W'], []],
    ['nothing about energy', ['Boiler/Temperature = 60 °C', 'Boiler/Pump/Running = 1'], []],
  ])('%s', (_name, lines, expected) => {
    expect(as(...lines)).toEqual(expected);
  });

  test('a unit that nobody tells is taken for the plain one, and said', () => {
    const [meter] = recognise(found('S/Meter/Power = 1', 'S/Meter/Import = 2', 'S/Meter/Export = 3 kWh'));
    expect(meter).toMatchObject({ assumed: ['powerW', 'importWh'], missing: [] });
  });
});

test.each([
  ['powerW', 'kW', 1000],
  ['powerW', 'MW', 1e6],
  ['powerW', 'mW', undefined],
  ['powerW', 'kWh', undefined],
  ['importWh', 'kW·h', 1000],
  ['stateOfChargePermille', '%', 10],
] as const)('%s in %s', (quantity, unit, scale) => {
  expect(scaleOf(quantity, unit)).toBe(scale);
});

test('UN/CEFACT codes', () => {
  expect([unitOfCode(0x4b_57_48), unitOfCode(0x50_31), unitOfCode(0x43_45_4c), unitOfCode(-1)]).toEqual([
    'kWh',
    '%',
    null,
    null,
  ]);
});
