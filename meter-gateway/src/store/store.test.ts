import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
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
