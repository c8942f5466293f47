import { FEEDER, RULES } from '../src/statement/community.fixture.ts';
import { community, homeName, type Wrong } from '../src/feeder/communities.fixture.ts';
import { feederReport } from '../src/feeder/suspects.ts';

const HOMES = 20;
const WEEK = 672;

type WrongOf = (home: number, slots: number) => Wrong | undefined;
const scale =
  (shows: number): WrongOf =>
  (home) => ({ fault: 'scale', home, shows });
const CASES: Readonly<Record<string, WrongOf>> = {
  'nothing is wrong': () => undefined,
  '1.5 kW at night without a meter': () => ({ fault: 'unmetered', powerW: 1500 }),
  'counts 70 %': scale(0.7),
  'counts 80 %': scale(0.8),
  'counts 90 %': scale(0.9),
  'counts 110 %': scale(1.1),
  'counts 120 %': scale(1.2),
  'counts 130 %': scale(1.3),
  'import for export': (home) => ({ fault: 'swapped', home }),
  'a third of the use bypasses it': (home) => ({ fault: 'tap', home, share: 0.33 }),
  'stands still for the second half': (home, slots) => ({ fault: 'stuck', home, fromSlot: slots >> 1 }),
  'never moves': (home) => ({ fault: 'stuck', home }),
  'the feeder meter counts 90 %': () => ({ fault: 'feeder', shows: 0.9 }),
};

/**
 * How often the search for a wrong meter is right, and how often it names somebody in an honest community; the table of
 * `docs/market-rules.md`. Throws when more than one honest community in 200 has somebody named.
 */
export function soakFeeder(
  print: (line: string) => void,
  options: { readonly runs?: number } = {},
): Record<string, number> {
  const { runs = 100 } = options;
  let honest = 0;
  let falseAlarms = 0;
  for (const slots of [96, WEEK, 2 * WEEK]) {
    print(`${HOMES} homes, ${slots} slots, ${runs} runs of each`);
    for (const [what, wrongOf] of Object.entries(CASES)) {
      let right = 0;
      let other = 0;
      for (let seed = 1; seed <= runs; seed++) {
        const wrong = wrongOf(seed % HOMES, slots);
        const wanted = nameOf(wrong);
        const data = community({ seed, homes: HOMES, slots, ...(wrong === undefined ? {} : { wrong }) });
        const named = feederReport(FEEDER, data, RULES).suspects.map(({ participant }) => participant);
        if (wanted !== null && named.includes(wanted)) right++;
        if (named.some((participant) => participant !== wanted)) other++;
      }
      if (nameOf(wrongOf(0, slots)) === null) {
        honest += runs;
        falseAlarms += other;
      }
      print(`${what.padEnd(34)} right ${String(right).padStart(4)}   another ${String(other).padStart(4)}`);
    }
  }
  if (falseAlarms * 200 > honest)
    throw new Error(`${falseAlarms} of ${honest} honest communities accuse somebody`);
  return { soakFeederHonest: honest, soakFeederFalseAlarms: falseAlarms };
}

function nameOf(wrong: Wrong | undefined): string | null {
  if (wrong === undefined || wrong.fault === 'unmetered') return null;
  return wrong.fault === 'feeder' ? FEEDER : homeName(wrong.home);
}

if (process.argv[1] === import.meta.filename) {
  console.log(soakFeeder(console.log, { runs: Number(process.argv[2] ?? 100) }));
}
