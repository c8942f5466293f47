import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { planSynthetic, startPark, type Park } from './index.ts';
import { initialHome } from './home.ts';
import { openNvram } from './nvram.ts';
import { withModbus } from './testing-clients.ts';

const spec = planSynthetic({ homes: 2, seed: 3 });
const NOON_MS = spec.startMs + 10 * 3_600_000;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'park-crash-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Whether a process runs (one that has ended and waits to be noticed does not). */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch (error) {
    // Where there is no /proc the signal's answer has to do.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync('/proc');
  }
}

const start = (): Promise<Park> => startPark({ spec, dir, atMs: NOON_MS, log: () => {} });

function port(park: Park, id: string): number {
  const found = park.homes.flatMap(({ devices }) => devices).find((device) => device.id === id);
  return found?.protocol === 'modbus-tcp' ? found.port : 0;
}

function portsOf(park: Park): number[] {
  return park.homes.flatMap(({ devices }) => devices.map(({ id }) => port(park, id)));
}

/** OutWRte in model 124 of a battery. */
const RATE = 40_070 + 12;

/** Import and export of home-02's meter (EM340, in tenths of kWh), PV of home-01 and home-02, and home-01's battery, in Wh. */
async function counters(park: Park): Promise<number[]> {
  const long = (buffer: Buffer, at: number): number => buffer.readUInt32BE(at * 2);
  const meter = await withModbus(port(park, 'home-02-meter'), async (client) => {
    const { data } = await client.readInputRegisters(0x34, 0x4e + 2 - 0x34);
    const at = (offset: number): number => (data[offset] ?? 0) + (data[offset + 1] ?? 0) * 0x10000;
    return [at(0), at(0x4e - 0x34)];
  });
  const pv = (id: string) =>
    withModbus(port(park, id), async (client) =>
      long((await client.readHoldingRegisters(40_070, 50)).buffer, 24),
    );
  const battery = await withModbus(port(park, 'home-01-battery'), async (client) => {
    const { buffer } = await client.readHoldingRegisters(40_070 + 26 + 64, 60);
    return [long(buffer, 38), long(buffer, 46)];
  });
  return [...meter, await pv('home-01-pv'), await pv('home-02-pv'), ...battery];
}

describe('a park that is killed', () => {
  test('goes on where it was: no counter falls, no write is lost, every device keeps its address', async () => {
    let park = await start();
    const ports = portsOf(park);
    let [seen, ackMs] = [await counters(park), NOON_MS];
    for (let round = 0; round < 5; round++) {
      const written = 1_000 + round;
      await withModbus(port(park, 'home-01-battery'), (client) => client.writeRegister(RATE, written));
      // Advance without pause, read meanwhile, and kill in the middle of it.
      let dead = false;
      const advancing = (async () => {
        while (!dead) ackMs = (await park.advance(park.atMs + 30_000)).atMs;
      })().catch(() => {});
      for (let reads = 0; reads < 3 + 2 * round; reads++) seen = await counters(park);
      process.kill(park.pid, 'SIGKILL');
      dead = true;
      await park.exited;
      await advancing;
      await expect(park.truth()).rejects.toMatchObject({ code: 'unavailable' });

      park = await start();
      expect(park.atMs).toBeGreaterThanOrEqual(ackMs);
      const now = await counters(park);
      for (const [index, value] of now.entries()) expect(value).toBeGreaterThanOrEqual(seen[index] ?? 0);
      seen = now;
      expect(portsOf(park)).toEqual(ports);
      const held = await withModbus(port(park, 'home-01-battery'), (client) =>
        client.readHoldingRegisters(RATE, 1),
      );
      expect(held.data).toEqual([written]);
    }
    await park.stop();
    expect(ackMs).toBeGreaterThan(NOON_MS + 600_000);
  });

  test('leaves nothing behind when its parent is killed', async () => {
    const script = join(dir, 'parent.mjs');
    const index = new URL('./index.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { planSynthetic, startPark } from ${JSON.stringify(index)};
       const spec = planSynthetic({ homes: 2, seed: 3 });
       const park = await startPark({ spec, dir: ${JSON.stringify(dir)}, atMs: spec.startMs, log: console.error });
       await park.advance(spec.startMs + 1000);
       console.log(park.pid);
       for (let i = 2; ; i++) await park.advance(spec.startMs + i * 1000);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString().trim());
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    for (let waited = 0; alive(pid) && waited < 5_000; waited += 20) {
      await new Promise((done) => setTimeout(done, 20));
    }
    expect(alive(pid)).toBe(false);
    // And the next one has the folder at once.
    const park = await startPark({ spec, dir, atMs: spec.startMs, log: () => {} });
    expect(park.atMs).toBeGreaterThan(spec.startMs);
    await park.stop();
    expect(alive(park.pid)).toBe(false);
  });

  test('ends on SIGTERM, and does not on SIGINT, which its parent handles', async () => {
    const park = await start();
    process.kill(park.pid, 'SIGINT');
    expect(await park.advance(NOON_MS + 1_000)).toEqual({ atMs: NOON_MS + 1_000 });
    process.kill(park.pid, 'SIGTERM');
    expect(await park.exited).toEqual({ code: 0, signal: null });
  });

  test('refuses a folder where other devices stood', async () => {
    await (await start()).stop();
    const other = planSynthetic({ homes: 2, seed: 4 });
    await expect(startPark({ spec: other, dir, atMs: 0, log: () => {} })).rejects.toMatchObject({
      code: 'conflict',
      place: { record: 'home-01', remedy: expect.any(String) },
    });
  });
});

describe('the NVRAM', () => {
  test('belongs to one process at a time', () => {
    const first = openNvram(dir, 50);
    expect(() => openNvram(dir, 50)).toThrow(expect.objectContaining({ code: 'conflict' }));
    first.close();
    openNvram(dir, 50).close();
  });

  test('saves all homes or none', () => {
    const nvram = openNvram(dir, 50);
    const [one, two] = spec.homes;
    if (!one || !two) throw new Error('two homes');
    const broken = { ...initialHome(two, 1, 5), toJSON: () => undefined };
    expect(() =>
      nvram.save([
        [one, initialHome(one, 1, 5)],
        [two, broken],
      ]),
    ).toThrow(/./);
    expect(nvram.load(one)).toBeNull();
    nvram.save([[one, initialHome(one, 1, 7)]]);
    expect(nvram.load(one)).toEqual(initialHome(one, 1, 7));
    nvram.close();
  });
});
