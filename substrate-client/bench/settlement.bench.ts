import type { SettlementReceipt } from '@commonwatt/domain';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain, type Chain } from '../src/chain/connect.ts';
import { bootstrapCommunity } from '../src/community/bootstrap.ts';
import { batchCall } from '../src/community/batch-call.ts';
import { readMany } from '../src/community/read-many.ts';
import { startEmbeddedChain } from '../src/embedded/start.ts';
import { openSettlement } from '../src/settlement/open.ts';
import { benchMultisig } from './multisig-costs.ts';
import { benchCosts, benchRealDay, blockCost } from './settlement-costs.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from '../src/testing/sample.ts';

const TREASURY = signerNamed('bench treasury');
const ASSET = 1;

/**
 * What a day of settlement costs on chain, netted and written singly, as the runtime weighs it; and how long batches of 20 and 200 payments
 * take from `settle` to finality on the embedded chain. `state`: the folder of a real run, whose day is counted too. Costs per home and day; weight in picoseconds, fees in the smallest native unit.
 */
export async function benchSettlement(
  print: (line: string) => void,
  options: { readonly state?: string } = {},
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-bench-'));
  const startedMs = performance.now();
  const embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log: () => {} });
  figures['startMs'] = Math.round(performance.now() - startedMs);
  const chain = await connectChain({ endpoint: embedded.endpoint, log: print });
  try {
    print(`embedded chain ready after ${figures['startMs']} ms`);
    const place = { chain, assetId: ASSET, settlementKey: TREASURY.publicKey };
    await benchCosts(place, print, figures);
    await benchMultisig(chain, place.assetId, print, figures);
    if (options.state !== undefined)
      await benchRealDay(place, join(options.state, 'bundles'), print, figures);
    for (const homes of [20, 200]) await benchTime(chain, homes, folder, print, figures);
    figures['chainRssMb'] = rssMb(embedded.pid);
    print(`memory of the chain's process: ${figures['chainRssMb']} MB`);
  } finally {
    await chain.close();
    await embedded.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return figures;
}

async function benchTime(
  chain: Chain,
  homes: number,
  folder: string,
  print: (line: string) => void,
  figures: Record<string, number>,
): Promise<void> {
  const people = members(homes);
  const beginMs = performance.now();
  const community = await bootstrapCommunity({
    chain,
    community: `bench-${homes}`,
    treasury: TREASURY,
    participants: people,
    assetId: ASSET,
    balanceMicro: 1_000_000_000n,
    approvalMicro: 1_000_000_000n,
    dev: true,
  });
  figures[`${homes}.bootstrapMs`] = Math.round(performance.now() - beginMs);
  const settlement = await openSettlement({
    chain: community,
    ledgerPath: join(folder, `ledger-${homes}.sqlite`),
    bundleDir: join(folder, `bundles-${homes}`),
    periodSlots: 1,
    slotMinutes: 15,
    log: print,
  });
  const random = randomFrom(5);
  const times: number[] = [];
  let last: SettlementReceipt | null = null;
  for (const slot of slotsFrom('2026-06-01T12:00:00Z', 5)) {
    const fromMs = performance.now();
    last = await settlement.settle(sampleSlot(slot, people, random));
    times.push(performance.now() - fromMs);
  }
  if (last !== null) await checkWeight(chain, last, print, figures);
  await settlement.stop();
  const median = Math.round(times.toSorted((a, b) => a - b)[2] ?? 0);
  figures[`${homes}.settleMs`] = median;
  print(
    `${homes} homes: accounts ready in ${figures[`${homes}.bootstrapMs`]} ms; a batch is final ${median} ms after it is handed in (median of 5)`,
  );
}

/** What the block counted for the batch, beside what was asked before: the costs above are the block's own. */
async function checkWeight(
  chain: Chain,
  { blockHash, record }: SettlementReceipt,
  print: (line: string) => void,
  figures: Record<string, number>,
): Promise<void> {
  const entry = chain.api.query['system']!['blockWeight']!;
  const [counted] = (await readMany(chain, [[entry, []]], blockHash)) as [{ toJSON(): { normal: number } }];
  const payments = record.payments.map(({ direction, accountKey, amountMicro }) => ({
    direction,
    accountKey,
    amountMicro: BigInt(amountMicro),
  }));
  const call = batchCall(chain, ASSET, TREASURY.publicKey, { payments, remark: 'x'.repeat(130) });
  const asked = Number((await blockCost(chain, call)).weight);
  figures['weightCounted'] = counted.toJSON().normal;
  print(
    `a batch of ${payments.length} payments: asked ${asked} ps, the block counted ${figures['weightCounted']} ps`,
  );
}

function rssMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
