import { slotIdAt, type MeterReading } from '@commonwatt/domain';
import { participantsOf, RULES, FEEDER } from '../statement/community.fixture.ts';
import { checkFeeder } from './check.ts';
import type { FeederSlot } from './flows.ts';

/** mulberry32: the same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What is wrong in a community, if anything is. */
export type Wrong =
  | { readonly fault: 'scale'; readonly home: number; readonly shows: number }
  | { readonly fault: 'swapped' | 'stuck'; readonly home: number; readonly fromSlot?: number }
  | { readonly fault: 'tap'; readonly home: number; readonly share: number }
  | { readonly fault: 'feeder'; readonly shows: number }
  /** A street lamp and a pump that nobody meters. */
  | { readonly fault: 'unmetered'; readonly powerW: number };

export interface CommunityPlan {
  readonly seed: number;
  readonly homes: number;
  readonly slots: number;
  readonly wrong?: Wrong;
}

const START_MS = Date.UTC(2026, 5, 1);
const QUARTER_MS = 900_000;
const MINUTES = 15;

interface Home {
  readonly baseW: number;
  readonly busy: number;
  readonly peakW: number;
  readonly batteryW: number;
  /** An honest meter's own error, and the step of its counter. */
  readonly gain: number;
  readonly stepWh: number;
  readonly carW: number;
}

/**
 * A seeded neighbourhood, minute by minute: base load, appliances, evening cars, roofs under the same clouds, batteries that cover
 * what they can. Honest meters are off by up to 1 %, every third counts in steps of 100 Wh, the feeder's by up to 0.5 %; the feeder
 * loses a constant, a share of what flows and a share of its square.
 */
export function community(plan: CommunityPlan): FeederSlot[] {
  const random = randomFrom(plan.seed * 7919 + 13);
  const { wrong } = plan;
  const homes = Array.from({ length: plan.homes }, (_, index): Home => ({
    baseW: 60 + 200 * random(),
    busy: 0.5 + random(),
    peakW: index % 4 === 3 ? 0 : 2500 + 5000 * random(),
    batteryW: index % 4 === 0 ? 2000 + 2000 * random() : 0,
    gain: 1 + 0.02 * (random() - 0.5),
    stepWh: index % 3 === 2 ? 100 : 1,
    carW: random() < 0.3 ? 3700 : 0,
  }));
  const feederGain = (1 + 0.01 * (random() - 0.5)) * (wrong?.fault === 'feeder' ? wrong.shows : 1);
  const lossShare = 0.005 + 0.02 * random();
  const lossSquare = (0.01 * random()) / (plan.homes * 3000);
  const lossW = 50 + 300 * random();
  const counters = homes.map(() => ({ importWh: 50 * random(), exportWh: 50 * random() }));
  const shown = counters.map((counter, index) => floored(counter, homes[index]!.stepWh));
  const running = homes.map(() => ({ appliance: 0, applianceW: 0, car: 0, storedWh: 3000 }));
  const feeder = { importWh: 0, exportWh: 0 };
  let feederShown = { importWh: 0, exportWh: 0 };
  let cloud = 0.7;
  const names = homes.map((_, index) => homeName(index));
  const participants = participantsOf(names, FEEDER);
  return Array.from({ length: plan.slots }, (_unused, slot): FeederSlot => {
    const startMs = START_MS + slot * QUARTER_MS;
    const own = homes.map(() => 0);
    for (let minute = 0; minute < MINUTES; minute++) {
      const hour = ((startMs / 60_000 + minute) % 1440) / 60;
      cloud = Math.min(1, Math.max(0.1, cloud + 0.12 * (random() - 0.5)));
      const sun = hour > 5 && hour < 21 ? Math.sin((Math.PI * (hour - 5)) / 16) ** 1.3 * cloud : 0;
      const evening = Math.exp(-((hour - 19) ** 2) / 6) + 0.6 * Math.exp(-((hour - 7) ** 2) / 2);
      let streetW = lossW;
      let movedW = 0;
      for (const [index, home] of homes.entries()) {
        const run = running[index]!;
        if (run.appliance-- <= 0 && random() < 0.012 * home.busy * (0.4 + evening)) {
          run.appliance = 4 + 60 * random();
          run.applianceW = 600 + 2000 * random();
        }
        if (run.car-- <= 0 && home.carW > 0 && hour > 17 && hour < 23 && random() < 0.006)
          run.car = 120 * random();
        const useW =
          home.baseW * (0.7 + 0.6 * random()) +
          300 * home.busy * evening +
          (run.appliance > 0 ? run.applianceW : 0) +
          (run.car > 0 ? home.carW : 0);
        const pvW = home.peakW * sun;
        const tapped = wrong?.fault === 'tap' && wrong.home === index ? wrong.share * useW : 0;
        const surplusW = pvW - (useW - tapped);
        const wantedW = Math.max(-home.batteryW, Math.min(home.batteryW, surplusW));
        const batteryW = Math.max(-run.storedWh * 60, Math.min((9000 - run.storedWh) * 60, wantedW));
        run.storedWh += home.batteryW === 0 ? 0 : batteryW / 60;
        const chargedW = home.batteryW === 0 ? 0 : batteryW;
        // Rounded, so that a battery that covers everything leaves nothing.
        const netW = Math.round((chargedW - surplusW) * 1e6) / 1e6;
        own[index]! += (pvW - chargedW) / 60;
        const [inW, outW] = [Math.max(netW, 0), Math.max(-netW, 0)];
        const seen = seenBy(wrong, index, slot);
        const counter = counters[index]!;
        counter.importWh += ((seen.swapped ? outW : inW) * home.gain * seen.shows) / 60;
        counter.exportWh += ((seen.swapped ? inW : outW) * home.gain * seen.shows) / 60;
        streetW += netW + tapped;
        movedW += Math.abs(netW);
      }
      if (wrong?.fault === 'unmetered') streetW += hour < 5 || hour > 20 ? wrong.powerW : wrong.powerW / 4;
      streetW += lossShare * movedW + lossSquare * streetW ** 2;
      feeder.importWh += (Math.max(streetW, 0) * feederGain) / 60;
      feeder.exportWh += (Math.max(-streetW, 0) * feederGain) / 60;
    }
    const flows = homes.map((home, index) => {
      const before = shown[index]!;
      const now = floored(counters[index]!, home.stepWh);
      shown[index] = now;
      return {
        participant: names[index]!,
        importWh: now.importWh - before.importWh,
        exportWh: now.exportWh - before.exportWh,
        ownWh: Math.round(own[index]!),
        sound: true,
      };
    });
    const atFeeder = floored(feeder, 1);
    const feederFlow = {
      participant: FEEDER,
      importWh: atFeeder.importWh - feederShown.importWh,
      exportWh: atFeeder.exportWh - feederShown.exportWh,
    };
    feederShown = atFeeder;
    const readings = [...flows, feederFlow].map(
      (flow) => ({ ...flow, flags: [] }) as unknown as MeterReading,
    );
    const check = checkFeeder({
      rules: RULES,
      slot: slotIdAt(startMs),
      participants,
      readings,
      estimates: [],
    });
    if (check === null) throw new Error('the community has a feeder');
    return { check, homes: flows };
  });
}

export function homeName(index: number): string {
  return `home-${String(index + 1).padStart(2, '0')}`;
}

function seenBy(wrong: Wrong | undefined, index: number, slot: number): { shows: number; swapped: boolean } {
  if (wrong === undefined || !('home' in wrong) || wrong.home !== index) return { shows: 1, swapped: false };
  if (wrong.fault === 'scale') return { shows: wrong.shows, swapped: false };
  if (wrong.fault === 'tap' || slot < (wrong.fromSlot ?? 0)) return { shows: 1, swapped: false };
  return { shows: wrong.fault === 'stuck' ? 0 : 1, swapped: wrong.fault === 'swapped' };
}

function floored(counter: { importWh: number; exportWh: number }, stepWh: number) {
  const floor = (value: number): number => Math.floor(value / stepWh) * stepWh;
  return { importWh: floor(counter.importWh), exportWh: floor(counter.exportWh) };
}
