import { expect, test } from 'vitest';
import type { OpcuaControl } from './control.ts';
import { MILLIJ_PER_WH } from './energy.ts';
import type { FeederState } from './feeder.ts';
import type { HomeState } from './home.ts';
import { planSynthetic, syntheticDrives } from './synthetic.ts';
import { createWorld, type WorldMemory } from './world.ts';

const spec = planSynthetic({ homes: 4, seed: 1 });
const NOON_MS = spec.startMs + 10 * 3_600_000;

function memory(): WorldMemory & { broken: boolean; saves: number } {
  const kept = new Map<string, string>();
  return {
    broken: false,
    saves: 0,
    load: ({ id }) => {
      const text = kept.get(id);
      return text === undefined ? null : (JSON.parse(text) as HomeState);
    },
    loadFeeder: ({ id }) => {
      const text = kept.get(id);
      return text === undefined ? null : (JSON.parse(text) as FeederState);
    },
    save(homes) {
      if (this.broken) throw new Error('disk full');
      this.saves++;
      for (const [{ id }, state] of homes) kept.set(id, JSON.stringify(state));
    },
  };
}

const views = (world: ReturnType<typeof createWorld>) => spec.homes.map((_, index) => world.view(index));

test('a world that is opened again stands where it stood, timers and setpoints included', () => {
  const store = memory();
  const first = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  const forced: OpcuaControl = { kind: 'opcua', mode: 1, setpointW: 700, timeoutS: 100 };
  first.setControl(2, forced);
  first.advance(NOON_MS + 60_000);
  const again = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  expect(again.atMs).toBe(NOON_MS + 60_000);
  expect(views(again)).toEqual(views(first));
  expect(again.state(2)).toMatchObject({ control: forced, revertAtMs: NOON_MS + 100_000 });
});

test('killed between any two steps or not, the counters come out the same', () => {
  const steady = createWorld(spec, syntheticDrives(spec), memory(), NOON_MS);
  const store = memory();
  let killed = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  for (let step = 1; step <= 40; step++) {
    steady.advance(NOON_MS + step * 17_000);
    killed.advance(NOON_MS + step * 17_000);
    if (step % 3 === 0) killed = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  }
  expect(views(killed)).toEqual(views(steady));
});

test('when it is opened late, the time between has passed for the devices too', () => {
  const store = memory();
  createWorld(spec, syntheticDrives(spec), store, NOON_MS).advance(NOON_MS + 60_000);
  const late = createWorld(spec, syntheticDrives(spec), store, NOON_MS + 7_200_000);
  const steady = createWorld(spec, syntheticDrives(spec), memory(), NOON_MS);
  steady.advance(NOON_MS + 60_000);
  steady.advance(NOON_MS + 7_200_000);
  expect(views(late)).toEqual(views(steady));
});

test('a memory that fails leaves everything as it was', () => {
  const store = memory();
  const world = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  const before = views(world);
  const { control } = world.state(0);
  store.broken = true;
  expect(() => world.advance(NOON_MS + 60_000)).toThrow('disk full');
  expect(() => world.setControl(0, { kind: 'opcua', mode: 1, setpointW: 1, timeoutS: 1 })).toThrow(
    'disk full',
  );
  expect(() => world.resetCounter(0, 'pv')).toThrow('disk full');
  expect(world.atMs).toBe(NOON_MS);
  expect(views(world)).toEqual(before);
  expect(world.state(0).control).toEqual(control);
  store.broken = false;
  expect(world.advance(NOON_MS + 60_000)).toBe(NOON_MS + 60_000);
});

test('every change is kept, and none is kept twice', () => {
  const store = memory();
  const world = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  store.saves = 0;
  world.advance(NOON_MS + 1_000);
  world.advance(NOON_MS + 1_000);
  world.advance(NOON_MS);
  expect(store.saves).toBe(1);
});

test.each([Number.NaN, 1.5, -1, Number.POSITIVE_INFINITY])('%s is no time to open or advance to', (atMs) => {
  const malformed = expect.objectContaining({ code: 'malformed' });
  expect(() => createWorld(spec, syntheticDrives(spec), memory(), atMs)).toThrow(malformed);
  const world = createWorld(spec, syntheticDrives(spec), memory(), NOON_MS);
  expect(() => world.advance(atMs)).toThrow(malformed);
});

test('the feeder carries what the homes draw and give, and what is lost on the way, exactly', () => {
  const store = memory();
  const world = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  const before = world.viewFeeder();
  for (const stepMs of [7_000, 60_000, 3_600_000, 17]) {
    world.advance(world.atMs + stepMs);
    const flowed = spec.homes.reduce(
      (sum, _, index) => {
        const { importMilliJ, exportMilliJ } = world.state(index).totals;
        return { net: sum.net + importMilliJ - exportMilliJ, moved: sum.moved + importMilliJ + exportMilliJ };
      },
      { net: 0, moved: 0 },
    );
    const { importMilliJ, exportMilliJ, lostMilliJ } = store.loadFeeder(spec.feeder!)!;
    expect(importMilliJ - exportMilliJ).toBe(flowed.net + lostMilliJ);
    expect(lostMilliJ).toBe(world.lostMilliJ);
    const constant = spec.feeder!.lossW * (world.atMs - NOON_MS);
    expect(Math.abs(lostMilliJ - constant - 0.02 * flowed.moved)).toBeLessThan(100);
  }
  const shown = world.viewFeeder();
  const netWh = shown.importWh - before.importWh - (shown.exportWh - before.exportWh);
  const { importMilliJ, exportMilliJ } = store.loadFeeder(spec.feeder!)!;
  expect(Math.abs(netWh - (importMilliJ - exportMilliJ) / MILLIJ_PER_WH)).toBeLessThan(2);
  const again = createWorld(spec, syntheticDrives(spec), store, NOON_MS);
  expect(again.viewFeeder()).toEqual(shown);
});

test('a wrong meter shows a part of what flows, without a jump, until it is right again', () => {
  const world = createWorld(spec, syntheticDrives(spec), memory(), NOON_MS);
  world.advance(NOON_MS + 3_600_000);
  const at = () => {
    const { importMilliJ, exportMilliJ } = world.state(3).totals;
    const { importWh, exportWh } = world.view(3);
    return { importMilliJ, exportMilliJ, importWh, exportWh };
  };
  const start = at();
  world.setMeterPercent(3, 40);
  expect(at()).toEqual(start);
  world.advance(world.atMs + 6 * 3_600_000);
  const wrong = at();
  const trueWh = (wrong.importMilliJ - start.importMilliJ) / MILLIJ_PER_WH;
  expect(trueWh).toBeGreaterThan(500);
  expect(Math.abs(wrong.importWh - start.importWh - 0.4 * trueWh)).toBeLessThan(2);
  expect(world.view(3).gridW).toBe(Math.round(world.state(3).gridW * 0.4));
  world.setMeterPercent(3, 100);
  expect(at()).toEqual(wrong);
});
