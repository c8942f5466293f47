import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SlotToSettle } from '@commonwatt/domain';
import { openSettlement } from '../settlement/open.ts';
import { FakeChain } from './fake-chain.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from './sample.ts';

export interface Settled {
  readonly chain: FakeChain;
  readonly bundleDir: string;
  readonly slots: readonly SlotToSettle[];
  discard(): void;
}

/** Some slots settled on a fake chain that makes a final block of whatever it gets. */
export async function settledOnFakeChain(
  slotCount: number,
  homes: number,
  poor: readonly string[] = [],
  perBatch = 1000,
): Promise<Settled> {
  const people = members(homes);
  const random = randomFrom(7);
  const rich = { balanceMicro: 10n ** 12n, approvalMicro: 10n ** 12n };
  const chain = new FakeChain(
    signerNamed('treasury').publicKey,
    new Map(
      people.map(({ participant, signer }) => [
        signer.publicKey,
        poor.includes(participant.id) ? { ...rich, balanceMicro: 0n } : rich,
      ]),
    ),
  );
  chain.perBatch = perBatch;
  const submit = chain.submit.bind(chain);
  chain.submit = async (bytes) => {
    await submit(bytes);
    await chain.nudge();
  };
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-settled-'));
  const bundleDir = join(folder, 'bundles');
  mkdirSync(bundleDir);
  const slots = slotsFrom('2026-06-01T12:00:00Z', slotCount).map((slot) => sampleSlot(slot, people, random));
  const settlement = await openSettlement({
    chain,
    ledgerPath: join(folder, 'ledger.sqlite'),
    bundleDir,
    periodSlots: 4,
    slotMinutes: 15,
    pollMs: 1,
    log: () => {},
  });
  const receipts = slots.map((slot) => settlement.settle(slot));
  await settlement.flush();
  await Promise.all(receipts);
  await settlement.stop();
  return { chain, bundleDir, slots, discard: () => rmSync(folder, { recursive: true, force: true }) };
}
