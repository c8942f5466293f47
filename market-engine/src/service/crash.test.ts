import { describe, expect, it } from 'vitest';
import { liveThrough, randomOf, scenarioOf, type CrashPoint } from './crash-run.ts';

describe('a market that crashes', () => {
  it('at any single commit ends as it would have without the crash', async () => {
    const scenario = scenarioOf(7);
    const calm = await liveThrough(scenario, []);
    for (const slot of JSON.parse(calm.result) as object[]) {
      expect(slot).toMatchObject({ state: 'settled', problems: [] });
    }
    expect(calm.commits).toBeGreaterThan(20);
    for (let commit = 0; commit < calm.commits; commit++) {
      for (const when of ['before', 'after'] as const) {
        const outcome = await liveThrough(scenario, [{ commit, when }]);
        expect({ crash: when, commit, ...outcome }).toEqual({
          ...calm,
          crash: when,
          commit,
          commits: outcome.commits,
          crashes: 1,
        });
      }
    }
  });

  it('again and again ends the same, for many lives', async () => {
    let crashes = 0;
    for (let seed = 1; seed <= 16; seed++) {
      const scenario = scenarioOf(seed);
      const calm = await liveThrough(scenario, []);
      const random = randomOf(seed + 1_000_000);
      const points: CrashPoint[] = Array.from({ length: 8 }, () => ({
        commit: random(calm.commits),
        when: random(2) === 0 ? 'before' : 'after',
      }));
      const outcome = await liveThrough(scenario, points);
      crashes += outcome.crashes;
      const { answers, result } = calm;
      for (const slot of JSON.parse(result) as object[]) {
        expect({ seed, ...slot }).toMatchObject({ state: 'settled', problems: [] });
      }
      expect({ seed, ...outcome }).toMatchObject({ seed, answers, result });
    }
    expect(crashes).toBeGreaterThan(60);
  });
});
