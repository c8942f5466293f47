import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain, type Chain } from '../src/chain/connect.ts';
import { batchCall } from '../src/community/batch-call.ts';
import { bootstrapCommunity } from '../src/community/bootstrap.ts';
import type { Call } from '../src/community/extrinsics.ts';
import { costOf, paymentsMax, type CallCost } from '../src/community/limits.ts';
import { startEmbeddedChain } from '../src/embedded/start.ts';
import { openSettlement } from '../src/settlement/open.ts';
import { members, randomFrom, sampleSlot, signerNamed, slotsFrom } from '../src/testing/sample.ts';

const SLOTS_PER_DAY = 96;
const TREASURY = signerNamed('bench treasury');
const ASSET = 1;

/**
 * What a day of settlement costs on chain, netted and written singly, as the runtime weighs it; and how long batches of 20 and 200 payments
 * take from `settle` to finality on the embedded chain. Costs per home and day; weight in picoseconds, fees in the smallest native unit.
 */
export async function benchSettlement(print: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-bench-'));
  const startedMs = performance.now();
  const embedded = await startEmbeddedChain({ dir: join(folder, 'chain'), log: () => {} });
  figures['startMs'] = Math.round(performance.now() - startedMs);
  const chain = await connectChain({ endpoint: embedded.endpoint, log: print });
  try {
    print(`embedded chain ready after ${figures['startMs']} ms`);
    await benchCosts(chain, print, figures);
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

async function benchCosts(
  chain: Chain,
  print: (line: string) => void,
  figures: Record<string, number>,
): Promise<void> {
  const max = await paymentsMax(chain, ASSET, TREASURY.publicKey);
  figures['paymentsPerBatchMax'] = max;
  print(`one batch carries up to ${max} payments on this chain`);
  print('per home and day                    extrinsics       bytes      weight (ps)      fee');
  const single = await costOf(chain, singleTrade(chain));
  for (const homes of [20, 200, 2000]) {
    // Every home has a net, and so have the supplier and the fund: the most there can be.
    const netted = async (batchesPerDay: number): Promise<Day> => {
      const parts = split(homes + 2, max);
      const costs = await Promise.all(parts.map((payments) => costOf(chain, batch(chain, payments))));
      return day(costs, batchesPerDay, homes);
    };
    // A slot has at most one trade less than it has orders; each household writes one order.
    const singly = day([single], (homes - 1) * SLOTS_PER_DAY, homes);
    const rows: [string, Day][] = [
      ['a day netted', await netted(1)],
      ['an hour netted', await netted(24)],
      ['every trade singly', singly],
    ];
    for (const [name, cost] of rows) print(row(`${homes} homes, ${name}`, cost));
    figures[`${homes}.weightShare`] = rows[0]![1].weight / singly.weight;
    figures[`${homes}.feeShare`] = rows[0]![1].fee / singly.fee;
    figures[`${homes}.extrinsicsPerDay`] = split(homes + 2, max).length;
    print(
      `${homes} homes: a day netted weighs 1/${Math.round(1 / figures[`${homes}.weightShare`]!)} of single trades`,
    );
  }
}

interface Day {
  readonly extrinsics: number;
  readonly bytes: number;
  readonly weight: number;
  readonly fee: number;
}

function day(costs: readonly CallCost[], times: number, homes: number): Day {
  const total = (pick: (cost: CallCost) => number): number =>
    (costs.reduce((sum, cost) => sum + pick(cost), 0) * times) / homes;
  return {
    extrinsics: total(() => 1),
    bytes: total(({ bytes }) => bytes),
    weight: total(({ weight }) => Number(weight)),
    fee: total(({ feeNative }) => Number(feeNative)),
  };
}

function row(name: string, { extrinsics, bytes, weight, fee }: Day): string {
  const number = (value: number, digits = 0): string => value.toFixed(digits);
  return [
    name.padEnd(34),
    number(extrinsics, 3).padStart(12),
    number(bytes).padStart(12),
    number(weight).padStart(17),
    number(fee).padStart(14),
  ].join('');
}

function split(payments: number, max: number): number[] {
  const parts: number[] = [];
  for (let left = payments; left > 0; left -= max) parts.push(Math.min(left, max));
  return parts;
}

function batch(chain: Chain, payments: number): Call {
  const key = '22'.repeat(32);
  return batchCall(chain, ASSET, TREASURY.publicKey, {
    payments: Array.from({ length: payments }, (_, index) => ({
      direction: index < payments / 2 ? ('in' as const) : ('out' as const),
      accountKey: key,
      amountMicro: 1_000_000n,
    })),
    remark: 'x'.repeat(130),
  });
}

function singleTrade(chain: Chain): Call {
  const key = `0x${'22'.repeat(32)}`;
  return chain.api.tx['assets']!['transferApproved']!(ASSET, key, key, 1_000_000n);
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
  for (const slot of slotsFrom('2026-06-01T12:00:00Z', 5)) {
    const fromMs = performance.now();
    await settlement.settle(sampleSlot(slot, people, random));
    times.push(performance.now() - fromMs);
  }
  await settlement.stop();
  const median = Math.round(times.toSorted((a, b) => a - b)[2] ?? 0);
  figures[`${homes}.settleMs`] = median;
  print(
    `${homes} homes: accounts ready in ${figures[`${homes}.bootstrapMs`]} ms; a batch is final ${median} ms after it is handed in (median of 5)`,
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
