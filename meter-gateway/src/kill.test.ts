import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson, sha256Hex, signatureHolds, type MeterReading, type Signed } from '@commonwatt/domain';
import { expect, onTestFinished, test } from 'vitest';
import { fakeSdm630, temporaryFolder } from '../test/homes.ts';
import { expectWhole, until } from '../test/test-home.ts';

const SPEED = 900;
const START = Date.parse('2026-06-01T12:00:00Z');
const KILLS = 6;

test(
  'killed with -9 at any moment: no reading is lost, doubled or signed twice with another content',
  { timeout: 60_000 },
  async () => {
    const originMs = Date.now();
    const nowMs = (): number => START + (Date.now() - originMs) * SPEED;
    const meter = await fakeSdm630({ nowMs, waitUntil: () => Promise.reject(new Error('unused')) });
    const folder = temporaryFolder();
    onTestFinished(() => meter.close().then(folder.remove));
    const bySequence = new Map<number, Signed<MeterReading>>();
    let doubled = 0;
    let changed = 0;
    let child: ChildProcess | undefined;
    const start = (): ChildProcess => {
      const started = fork(
        fileURLToPath(new URL('../test/gateway-process.ts', import.meta.url)),
        [
          join(folder.path, 'g.sqlite'),
          String(meter.fake.port),
          String(originMs),
          String(START),
          String(SPEED),
        ],
        {
          execArgv: ['--disable-warning=ExperimentalWarning'],
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        },
      );
      started.on('message', (message) => {
        const reading = message as Signed<MeterReading>;
        const { sequence } = reading.payload;
        const known = bySequence.get(sequence);
        if (known) doubled += 1;
        if (known && canonicalJson(known) !== canonicalJson(reading)) changed += 1;
        bySequence.set(sequence, reading);
        // Every third acknowledgement gets lost with the process, so that readings are delivered again.
        if (started.connected && (sequence % 3 !== 0 || known)) started.send(sequence, () => {});
      });
      return started;
    };
    for (let kill = 0; kill <= KILLS; kill += 1) {
      child = start();
      // Each life lasts until something was delivered, and a little longer, so that it ends anywhere in its work.
      await new Promise((resolve) => child?.once('message', resolve));
      const last = kill === KILLS;
      await until(() => !last || bySequence.size > KILLS + 3, 'readings of the last life', 20_000);
      await new Promise((resolve) => setTimeout(resolve, 60 + ((kill * 347) % 700)));
      const gone = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    const signed = [...bySequence.values()].sort((a, b) => a.payload.sequence - b.payload.sequence);
    expect(signed.length).toBeGreaterThan(5);
    expect(doubled).toBeGreaterThan(0);
    expect(changed).toBe(0);
    expectWhole(signed.map(({ payload }) => payload));
    let previousHash = '0'.repeat(64);
    for (const reading of signed) {
      expect(signatureHolds(reading)).toBe(true);
      expect(reading.payload.previousHash).toBe(previousHash);
      previousHash = sha256Hex(canonicalJson(reading));
    }
  },
);
