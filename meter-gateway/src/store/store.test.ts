import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { signerFromSeed, type MeterReading } from '@commonwatt/domain';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/homes.ts';
import { NO_HASH, type MeterMemory } from '../slots/memory.ts';
import { openStore } from './store.ts';

const signer = signerFromSeed(new Uint8Array(32));
const identity = { community: 'c', gateway: 'g', key: signer.publicKey };
const memory: MeterMemory = { boundaryMs: 0, sequence: 1, previousHash: NO_HASH, devices: {} };

function reading(sequence: number) {
  return signer.sign({ sequence, slot: `slot-${sequence}` } as unknown as MeterReading);
}

function path(): string {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  return join(folder.path, 'deep', 'g.sqlite');
}

test('readings leave in order, each until it is acknowledged, also after the file was closed', () => {
  const file = path();
  const first = openStore(file, identity);
  first.append([reading(0), reading(1), reading(2)], memory);
  expect(first.nextPending()?.payload.sequence).toBe(0);
  first.acknowledge(0, 'accepted');
  first.acknowledge(1, 'rejected');
  first.close();
  const again = openStore(file, identity);
  onTestFinished(() => again.close());
  expect(again.nextPending()?.payload.sequence).toBe(2);
  expect(again.pendingCount()).toBe(1);
  expect(again.memory()).toEqual(memory);
  expect(again.readings(0, 10)).toHaveLength(3);
});

test('readings and the counters behind them are stored together or not at all', () => {
  const store = openStore(path(), identity);
  onTestFinished(() => store.close());
  store.append([reading(0)], memory);
  expect(() => store.append([reading(1), reading(0)], { ...memory, sequence: 9 })).toThrow(/UNIQUE/);
  expect(store.readings(0, 10)).toHaveLength(1);
  expect(store.memory()).toEqual(memory);
  store.append([reading(1)], { ...memory, sequence: 2 });
  expect(store.memory()?.sequence).toBe(2);
});

test('a file that is no database is refused with what to do', () => {
  const file = path();
  openStore(file, identity).close();
  writeFileSync(file, 'this is no database, it only has the name of one');
  expect(() => openStore(file, identity)).toThrow(/cannot be opened/);
});

test('a disk that really ends: what was taken is there, whole and in order, and goes on when there is room', () => {
  const file = path();
  const script = fileURLToPath(new URL('../../test/store-process.ts', import.meta.url));
  const node = `'${process.execPath}' --disable-warning=ExperimentalWarning '${script}' '${file}'`;
  const live = (limit: string): string[] =>
    execFileSync('sh', ['-c', `${limit} ${node}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  // A file may not grow beyond this many blocks of 512 bytes: what the system says of a full disk.
  const lines = live('ulimit -f 500;');
  expect(lines.at(-1)).toMatch(/^stopped: .*(full|I\/O)/);
  const taken = lines.length - 1;
  expect(taken).toBeGreaterThan(3);
  expect(taken).toBeLessThan(40);
  expect(live('')).toEqual(Array.from({ length: 40 }, (_, index) => String(taken + index)));
  const store = openStore(file, identity);
  onTestFinished(() => store.close());
  const sequences = store.readings(0, 1000).map(({ payload }) => payload.sequence);
  expect(sequences).toEqual(Array.from({ length: taken + 40 }, (_, index) => index));
  expect(store.memory()?.sequence).toBe(taken + 40);
});
