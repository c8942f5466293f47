import { between, fraction, smooth } from './random.ts';

/** Who lives there, drawn once from the seed. Powers in W. */
export interface Household {
  readonly seed: number;
  readonly persons: number;
  readonly baseW: number;
  readonly fridgeW: number;
  readonly homeOffice: boolean;
  /** Charging power of the car, and whether it is plugged in at noon or in the evening; null = no car. */
  readonly car: { readonly powerW: number; readonly atNoon: boolean } | null;
  readonly heatPump: { readonly powerW: number } | null;
  /** A workshop or shop in the house: W while open. */
  readonly workshopW: number;
}

/** A thing that runs for a while: local minutes since 1970, W. */
interface Run {
  readonly startMin: number;
  readonly endMin: number;
  readonly powerW: number;
}

const MIN_PER_DAY = 1440;

/**
 * Homes with PV are ordinary families, one in five with a car that charges in the evening. Homes without are where the
 * neighbours' noon surplus can go: by turns a car charged at noon, a workshop, or a family with a heat pump at home all day.
 */
export function drawHousehold(seed: number, index: number, hasPv: boolean): Household {
  const persons = between(1, 5, seed, 1);
  const kind = hasPv ? -1 : Math.floor(index / 4) % 3;
  const eveningCar = hasPv && fraction(seed, 2) < 0.2;
  return {
    seed,
    persons,
    baseW: between(50, 110, seed, 3) + 15 * persons,
    fridgeW: between(70, 130, seed, 4),
    homeOffice: kind === 2 || fraction(seed, 5) < 0.35,
    car:
      kind === 0 || eveningCar
        ? { powerW: fraction(seed, 6) < 0.6 ? 3_700 : 7_400, atNoon: kind === 0 }
        : null,
    heatPump: kind === 2 || fraction(seed, 7) < 0.25 ? { powerW: between(1_400, 2_600, seed, 8) } : null,
    workshopW: kind === 1 ? between(1_500, 3_000, seed, 9) : 0,
  };
}

/** Load in whole W as a function of local time in minutes since 1970. Deterministic; remembers the runs of two days. */
export function householdLoad(home: Household): (localMin: number) => number {
  const days = new Map<number, readonly Run[]>();
  const runsOf = (day: number): readonly Run[] => {
    let runs = days.get(day);
    if (!runs) {
      runs = drawRuns(home, day);
      if (days.size > 3) days.clear();
      days.set(day, runs);
    }
    return runs;
  };
  return (localMin) => {
    const day = Math.floor(localMin / MIN_PER_DAY);
    let powerW = home.baseW + presence(home, day, localMin - day * MIN_PER_DAY, localMin);
    if ((localMin + (home.seed % 45)) % 45 < 16) powerW += home.fridgeW;
    for (const runs of [runsOf(day - 1), runsOf(day)]) {
      for (const run of runs) if (localMin >= run.startMin && localMin < run.endMin) powerW += run.powerW;
    }
    return Math.round(powerW);
  };
}

/** Light, screens, kettles: a curve over the day with peaks in the morning and the evening, roughened. */
function presence(home: Household, day: number, minute: number, localMin: number): number {
  const hour = minute / 60;
  const bump = (centre: number, width: number): number => Math.exp(-(((hour - centre) / width) ** 2));
  const atHome = home.homeOffice || isWeekend(day) ? 0.45 : 0.1;
  const curve =
    0.55 * bump(7.2, 1.1) +
    0.4 * bump(12.5, 1) +
    1.1 * bump(19.3, 2.2) +
    (hour > 8 && hour < 18 ? atHome : 0);
  const rough = 0.4 + 1.2 * smooth(localMin / 17, home.seed, 20);
  const shop = home.workshopW > 0 && !isSunday(day) && hour >= 7.5 && hour < 17.5 ? home.workshopW : 0;
  return curve * rough * (90 + 75 * home.persons) + shop * (0.6 + 0.8 * smooth(localMin / 9, home.seed, 21));
}

function drawRuns(home: Household, day: number): Run[] {
  const runs: Run[] = [];
  const seed = home.seed;
  let draw = 100;
  const next = (): number => fraction(seed, day, draw++);
  const run = (hour: number, spreadH: number, minutes: number, powerW: number): void => {
    const startMin = Math.round(day * MIN_PER_DAY + (hour + (next() - 0.5) * 2 * spreadH) * 60);
    runs.push({ startMin, endMin: startMin + Math.round(minutes * (0.7 + 0.6 * next())), powerW });
  };
  const free = isWeekend(day) || home.homeOffice;
  run(7, 0.7, 6, 1_900);
  if (free && next() < 0.8) run(12, 0.6, 35, 1_600);
  if (next() < 0.85) run(18.7, 0.9, 45, 2_100);
  if (next() < 0.2 + 0.08 * home.persons) run(free ? 10.5 : 19.5, 1.5, 70, 1_100); // washing
  if (next() < 0.15 + 0.1 * home.persons) run(free ? 13.5 : 20.5, 0.8, 80, 900); // dishes
  if (next() < 0.06 * home.persons) run(21, 1, 60, 2_200); // dryer or oven
  if (home.car && next() < 0.8) {
    const minutes = (between(5, 14, seed, day, 60) * 60_000) / home.car.powerW;
    run(home.car.atNoon ? 11 : 18.5, 1.5, minutes, home.car.powerW);
  }
  if (home.heatPump) {
    run(5.5, 0.7, 40, home.heatPump.powerW);
    run(12.5, 1.2, 55, home.heatPump.powerW);
    if (next() < 0.6) run(16.5, 1, 45, home.heatPump.powerW);
  }
  return runs;
}

/** 1970-01-01 was a Thursday. */
function isSunday(day: number): boolean {
  return (day + 4) % 7 === 0;
}

function isWeekend(day: number): boolean {
  return isSunday(day) || (day + 4) % 7 === 6;
}
