import { DEFAULT_RULES, slotIdAt, type MeterReading, type Participant } from '@commonwatt/domain';
import { checkFeeder, feederReport, type FeederSlot } from '@commonwatt/market-engine';
import { expect, it } from 'vitest';
import { planSynthetic, syntheticDrives } from '../src/neighbourhood/synthetic.ts';
import { createWorld } from '../src/neighbourhood/world.ts';

const FIVE_DAYS = 480;
const SLOT_MS = 900_000;
const RULES = { ...DEFAULT_RULES, community: 'c1' };

/** The simulated homes, roofs and batteries with their feeder, read every quarter of an hour; EM340 counters show steps of 100 Wh. */
function suspectsOf(seed: number, wrongHome: number | null) {
  const spec = planSynthetic({ homes: 20, seed });
  const feeder = spec.feeder?.id ?? '';
  const participants = [{ id: feeder, accountKey: '', role: 'feeder' } satisfies Participant];
  const memory = { load: () => null, loadFeeder: () => null, save: () => {} };
  const world = createWorld(spec, syntheticDrives(spec), memory, spec.startMs);
  if (wrongHome !== null) world.setMeterPercent(wrongHome, 75);
  const look = () => [
    ...spec.homes.map((home, index) => {
      const view = world.view(index);
      const stepWh = home.meter === 'em340' ? 100 : 1;
      const shown = (counterWh: number): number => Math.floor(counterWh / stepWh) * stepWh;
      const ownWh = view.pvWh + view.dischargedWh - view.chargedWh;
      return { participant: home.id, importWh: shown(view.importWh), exportWh: shown(view.exportWh), ownWh };
    }),
    { ...world.viewFeeder(), participant: feeder, ownWh: 0 },
  ];
  let before = look();
  const slots = Array.from({ length: FIVE_DAYS }, (): FeederSlot => {
    const slot = slotIdAt(world.atMs);
    world.advance(world.atMs + SLOT_MS);
    const now = look();
    const flows = now.map(({ participant, importWh, exportWh, ownWh }, index) => ({
      participant,
      importWh: importWh - before[index]!.importWh,
      exportWh: exportWh - before[index]!.exportWh,
      ownWh: ownWh - before[index]!.ownWh,
      sound: true,
    }));
    before = now;
    const readings = flows.map((flow) => ({ ...flow, flags: [] }) as unknown as MeterReading);
    const check = checkFeeder({ rules: RULES, slot, participants, readings, estimates: [] });
    if (check === null) throw new Error('the plan has a feeder');
    return { check, homes: flows.slice(0, -1) };
  });
  expect(slots.every(({ check }) => check.verdict === 'normal')).toBe(true);
  return feederReport(feeder, slots, RULES).suspects.map(({ participant }) => participant);
}

it.each([1, 2])(
  'five days of neighbourhood %i: the wrong meter is named, and nobody when all are right',
  (seed) => {
    expect(suspectsOf(seed, null)).toEqual([]);
    expect(suspectsOf(seed, 7)).toEqual(['home-08']);
    expect(suspectsOf(seed, 9)).toEqual(['home-10']);
  },
);
