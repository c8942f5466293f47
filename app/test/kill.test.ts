import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Summary } from '../src/run/summary.ts';
import { run, start, temporaryFolder } from './command.ts';

const KILLS = 10;
const SLOTS = 16;
const SEED = Number(process.env['COMMONWATT_KILL_SEED'] ?? 20_260_601);

/** A small seeded generator (mulberry32), so that a failing run can be had again. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('kill -9 at any moment', { timeout: 600_000 }, () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  it(`${KILLS} times (seed ${SEED}): nothing lost, nothing doubled`, async () => {
    const state = join(folder.path, 'state');
    const summaryFile = join(folder.path, 'summary.json');
    const args = [
      'run',
      '--homes',
      '4',
      '--slots',
      String(SLOTS),
      '--speed',
      '300',
      '--port',
      '0',
      '--state',
      state,
      '--summary',
      summaryFile,
    ];
    const random = generator(SEED);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const victim = start(...args);
      // The first kills fall into the set-up, the later ones into the running market.
      const afterMs = kill < 3 ? random() * 6000 : 0;
      if (kill >= 3) await Promise.race([victim.line(/\d+ gateways start/, 60_000), victim.exit(90_000)]);
      await Promise.race([
        new Promise((resolve) => setTimeout(resolve, afterMs + (kill < 3 ? 0 : 500 + random() * 5000))),
        victim.exit(90_000),
      ]);
      const chain = chainPid(state);
      if (random() < 0.4 && chain !== null) killQuietly(chain);
      victim.child.kill('SIGKILL');
      await victim.exit(20_000);
      if (existsSync(summaryFile)) break;
    }
    const last = await run(300_000, ...args);
    expect(last.output).toContain('done');
    expect(last.code).toBe(0);
    const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
    expect(summary.checks).toEqual({
      energyBalances: true,
      cashSumsToZero: true,
      chainMatchesStatements: true,
    });
    expect(summary.slotsSettled).toBeGreaterThanOrEqual(SLOTS);
    const { modbus, opcua, estimated } = summary.readings;
    expect(modbus + opcua + estimated).toBe(4 * summary.slotsSettled);
    expect(estimated).toBeLessThan(4 * KILLS);
    const verified = await run(120_000, 'verify', '--state', state);
    expect(verified.output).toContain(`${summary.slotsSettled} of ${summary.slotsSettled} slots hold`);
    expect(verified.code).toBe(0);
  });
});

function chainPid(state: string): number | null {
  const file = join(state, 'chain', 'chain.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid : null;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already: just what was wanted.
  }
}
