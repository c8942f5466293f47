import { join } from 'node:path';
import { signerFromSeed, type MeterReading } from '@commonwatt/domain';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../test/homes.ts';
import { until } from '../test/test-home.ts';
import { startDelivery, type Deliver } from './delivery.ts';
import { NO_HASH } from './slots/memory.ts';
import { openStore } from './store/store.ts';

const signer = signerFromSeed(new Uint8Array(32));

/** An outbox with some readings, and its delivery. */
function outbox(count: number, deliver: Deliver, random?: () => number) {
  const folder = temporaryFolder();
  const identity = { community: 'c', gateway: 'g', key: signer.publicKey };
  const store = openStore(join(folder.path, 'g.sqlite'), identity);
  const add = (from: number, to: number): void =>
    store.append(
      Array.from({ length: to - from }, (_, index) =>
        signer.sign({ sequence: from + index, slot: 's' } as unknown as MeterReading),
      ),
      { boundaryMs: 0, sequence: to, previousHash: NO_HASH, devices: {} },
    );
  add(0, count);
  const lines: string[] = [];
  const delivery = startDelivery({
    store,
    deliver,
    timeoutMs: 500,
    backoffFirstMs: 20,
    backoffMaxMs: 40,
    log: (line) => lines.push(line),
    ...(random ? { random } : {}),
  });
  onTestFinished(async () => {
    await delivery.stop();
    store.close();
    folder.remove();
  });
  return { store, delivery, add, lines };
}

test('after an outage the backlog follows in order, each reading after a pause of its own', async () => {
  const got: { sequence: number; atMs: number }[] = [];
  let refusals = 2;
  const draws = [0.5, 0.5, 0, 1, 0.5, 0.25, 1];
  const { store, lines } = outbox(
    6,
    async ({ payload }) => {
      if (refusals-- > 0) throw new Error('connection refused');
      got.push({ sequence: payload.sequence, atMs: performance.now() });
      return 'accepted';
    },
    () => draws.shift() ?? 0,
  );
  await until(() => store.pendingCount() === 0, 'the backlog');
  expect(got.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5]);
  // Draws for the pauses, times 40 ms: 0, 40, 20, 10, 40.
  const gapsMs = got.slice(1).map(({ atMs }, index) => atMs - (got[index]?.atMs ?? 0));
  for (const [index, leastMs] of [0, 40, 20, 10, 40].entries())
    expect(gapsMs[index]).toBeGreaterThan(leastMs - 3);
  expect(lines).toEqual(['delivery waits: connection refused', 'the market is back, 5 readings follow']);
});

test('without an outage nothing waits', async () => {
  const { store, delivery, add } = outbox(
    1,
    async () => 'accepted',
    () => {
      throw new Error('nobody draws');
    },
  );
  await until(() => store.pendingCount() === 0, 'the first');
  add(1, 3);
  delivery.wake();
  await until(() => store.pendingCount() === 0, 'the others');
  expect(delivery.delivered).toBe(3);
});

test('killed between the answer and its note: delivered again, the same bytes', async () => {
  const got: string[] = [];
  const first = outbox(2, async (reading) => {
    got.push(JSON.stringify(reading));
    return new Promise(() => {});
  });
  await until(() => got.length >= 2, 'given up and sent again');
  expect(got[0]).toBe(got[1]);
  expect(first.store.pendingCount()).toBe(2);
});
