import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as later } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FakeChain } from '../testing/fake-chain.ts';
import { signerNamed } from '../testing/sample.ts';
import { Ledger } from './ledger.ts';
import { Worker } from './worker.ts';

it('looks through the chain once, however many ask at the same time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-worker-'));
  const chain = new FakeChain(signerNamed('treasury').publicKey, new Map());
  for (let block = 0; block < 10; block += 1) chain.build();
  chain.finalize(0);
  const read = chain.block.bind(chain);
  chain.block = async (hash) => {
    await later();
    return read(hash);
  };
  const ledger = new Ledger(join(folder, 'ledger.sqlite'));
  const worker = new Worker({
    chain,
    ledger,
    periodSlots: 1,
    slotMinutes: 15,
    resubmitMs: 1,
    log: () => {},
    nowMs: () => 0,
    publish: () => {},
    isPublished: () => true,
    onBatch: () => {},
  });
  try {
    // As at a start: the turns have begun, and what an earlier run left open is taken up.
    await Promise.all([worker.turn(false), worker.reconcile(), worker.turn(false)]);
    expect(ledger.chainTip()?.number).toBe(chain.height);
  } finally {
    ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
