import { expect, test } from 'vitest';
import type { OpcuaControl } from './control.ts';
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
