import type { NeighbourhoodView } from '@commonwatt/domain';
import { expect, test } from 'vitest';
import { fixtureView } from '../test/fixture.ts';
import { daylight, fleetOf, highestSlot, limitNow, lossWords, savingMicro, slotsInOrder } from './facts.ts';

const view = fixtureView({ homes: 6, seed: 2, startMs: Date.parse('2026-06-01T19:30:00Z') }, 0);
const signal = view.signals[0]!;

test('the fleet is weighted by capacity, and empty where nobody has a battery', () => {
  const homes = view.homes.slice(0, 2).map((home, i) => ({
    ...home,
    battery: { capacityWh: i === 0 ? 9000 : 1000, stateOfChargePermille: i === 0 ? 1000 : 0 },
  }));
  expect(fleetOf(homes)).toEqual({ count: 2, capacityWh: 10_000, storedWh: 9000, share: 0.9 });
  expect(fleetOf([]).share).toBe(0);
});

test('saving is without minus with, and unknown when a bill is no number', () => {
  expect(savingMicro({ billWithMarketMicro: '-300', billWithoutMarketMicro: '500' })).toBe(800n);
  expect(savingMicro({ billWithMarketMicro: '1.5', billWithoutMarketMicro: '500' })).toBeNull();
});

test('the tightest limit in force counts; one that is over does not', () => {
  const at = (signals: NeighbourhoodView['signals'], limitW: number | null) =>
    limitNow({ ...view, signals, feeder: { ...view.feeder, limitW } });
  expect(at([{ ...signal, state: 'active', limitW: 900 }], 2000)).toBe(900);
  expect(at([{ ...signal, state: 'over', limitW: 900 }], null)).toBeNull();
});

test('the highest slot under a signal is found, and slots that are not metered are left out', () => {
  const slot = (time: string, importWh: number, state = 'settled') => ({
    ...view.history[0]!,
    slot: `2026-06-01T${time}:00Z`,
    state,
    importWh,
    exportWh: 0,
  });
  const history = [
    slot('17:45', 9000),
    slot('18:00', 500),
    slot('18:15', 750),
    slot('18:30', 8000, 'delivering'),
    slot('20:00', 9000),
  ];
  expect(highestSlot({ ...view, history }, signal)).toMatchObject({
    slot: { slot: '2026-06-01T18:15:00Z' },
    importW: 3000,
  });
  expect(highestSlot({ ...view, history: [] }, signal)).toBeNull();
});

test('slots are put in order of time, whatever order they came in', () => {
  const slots = slotsInOrder(view.history.toReversed()).map(({ slot }) => slot);
  expect(slots).toEqual(view.history.map(({ slot }) => slot));
});

test('it is dark at night and light at noon', () => {
  expect(daylight(Date.parse('2026-06-01T02:00:00Z'))).toBe(0);
  expect(daylight(Date.parse('2026-06-01T12:30:00Z'))).toBe(1);
});

test.each([
  ['normal', 40, '40 Wh were lost'],
  ['normal', -5, 'agree within 5 Wh'],
  ['loss', 900, 'no home’s meter accounts for'],
  ['gain', -300, '300 Wh less'],
  ['unknown', 70, 'nothing can be said'],
  ['unknown', null, 'nothing can be said'],
] as const)('a slot at the transformer that is %s (%s Wh) in words', (verdict, differenceWh, words) => {
  const slot = '2026-06-01T12:00:00Z';
  const said = lossWords({ slot, verdict, differenceWh, limitWh: 500, suspects: [] });
  expect(said.replaceAll('\u202f', ' ')).toContain(words);
});
