import { expect, test } from 'vitest';
import { mixedHomes, simulate } from '../test/neighbourhood.ts';

const total = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0);

test.each([1, 2])(
  'eight homes over two days (seed %i): cheaper and more self-sufficient than self-consumption',
  (seed) => {
    const homes = mixedHomes(8);
    const plain = simulate(homes, 2, seed, 'self-consumption');
    const agent = simulate(homes, 2, seed, 'agent');
    const [before, after] = [total(plain.billMicro), total(agent.billMicro)];
    const sufficiency = (importWh: number): string => (100 * (1 - importWh / plain.loadWh)).toFixed(1);
    console.log(
      `seed ${seed}: bill ${(before / 1e6).toFixed(2)} -> ${(after / 1e6).toFixed(2)} ` +
        `(${((100 * (before - after)) / before).toFixed(1)} % better), ` +
        `self-sufficiency ${sufficiency(plain.importWh)} -> ${sufficiency(agent.importWh)} %, ` +
        `${(agent.planMs / agent.plans).toFixed(2)} ms a plan`,
    );
    expect(after).toBeLessThan(before);
    expect(agent.importWh).toBeLessThan(plain.importWh);
    expect(agent.fuseBroken).toBe(0);
    for (const [h, bill] of agent.billMicro.entries())
      expect(bill).toBeLessThanOrEqual((plain.billMicro[h] as number) + 20_000);
  },
);

test('alone, with nobody to trade with, the agent does as well as self-consumption', () => {
  const homes = mixedHomes(1);
  const plain = total(simulate(homes, 3, 5, 'self-consumption').billMicro);
  const agent = total(simulate(homes, 3, 5, 'agent').billMicro);
  console.log(`alone: bill ${(plain / 1e6).toFixed(3)} -> ${(agent / 1e6).toFixed(3)}`);
  expect(agent).toBeLessThanOrEqual(plain + 0.02 * Math.abs(plain));
});

test('an announced import limit is kept on the feeder, and would not have been otherwise', () => {
  const homes = mixedHomes(10);
  const [fromSlot, toSlot] = [96 + 76, 96 + 84];
  const limitW = 2500;
  const asked = simulate(homes, 2, 1, 'agent', { fromSlot, toSlot, limitW, knownFromSlot: 96 + 56 });
  const free = simulate(homes, 2, 1, 'agent');
  const mean = (list: readonly number[]): number => total(list.slice(fromSlot, toSlot)) / (toSlot - fromSlot);
  console.log(
    `limit ${limitW} W: import ${Math.round(mean(free.importW))} -> ${Math.round(mean(asked.importW))} W`,
  );
  expect(mean(free.importW)).toBeGreaterThan(limitW + 2000);
  expect(mean(asked.importW)).toBeLessThan(limitW + 500);
});
