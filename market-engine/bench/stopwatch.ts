/** Times of some runs, in ms. */
export interface Timing {
  readonly best: number;
  readonly median: number;
}

/**
 * Runs contestants in turn, round by round, so that whatever else the machine does hits all of them alike. The best time of each is what
 * the code takes when nothing disturbs it; the median shows how much did.
 */
export function race<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => unknown>>,
): Record<Name, Timing> {
  const names = Object.keys(contestants) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const start = performance.now();
      sink = contestants[name]();
      times.get(name)?.push(performance.now() - start);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timingOf(times.get(name) ?? [])])) as Record<
    Name,
    Timing
  >;
}

/** Keeps results alive, so that no run is optimised away. */
export let sink: unknown;

function timingOf(times: number[]): Timing {
  const sorted = times.toSorted((a, b) => a - b);
  return { best: sorted[0] ?? Number.NaN, median: sorted[sorted.length >> 1] ?? Number.NaN };
}
