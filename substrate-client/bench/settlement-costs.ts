import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleRecord } from '@commonwatt/domain';
import type { Bundle } from '../src/bundle/layout.ts';
import type { Chain } from '../src/chain/connect.ts';
import type { ChainPayment } from '../src/chain/types.ts';
import { batchCall } from '../src/community/batch-call.ts';
import type { Call } from '../src/community/extrinsics.ts';
import { costOf, paymentsMax, type CallCost } from '../src/community/limits.ts';
import { settlementRecord } from '../src/settlement/record.ts';

const SLOTS_PER_DAY = 96;
const KEY = '22'.repeat(32);
const REMARK = 'x'.repeat(130);

type Print = (line: string) => void;
type Figures = Record<string, number>;
interface Place {
  readonly chain: Chain;
  readonly assetId: number;
  readonly settlementKey: string;
}

/** What a block counts for an extrinsic: the weight of its call, and the runtime's weight of any extrinsic at all. */
export async function blockCost(chain: Chain, call: Call): Promise<CallCost> {
  const cost = await costOf(chain, call);
  const { perClass } = chain.api.consts['system']!['blockWeights'] as unknown as {
    perClass: { normal: { baseExtrinsic: { toString(): string } & { refTime?: { toString(): string } } } };
  };
  const base = perClass.normal.baseExtrinsic;
  return { ...cost, weight: cost.weight + BigInt((base.refTime ?? base).toString().replaceAll(',', '')) };
}

/**
 * A day at its most: every home has a net, and so have the supplier and the fund. Beside it the trades of that day written singly, each as
 * a `transferApproved` from buyer to seller: as many as a slot can have when each home writes one order, one less than homes.
 */
export async function benchCosts(place: Place, print: Print, figures: Figures): Promise<void> {
  const { chain, assetId, settlementKey } = place;
  const max = await paymentsMax(chain, assetId, settlementKey);
  figures['paymentsPerBatchMax'] = max;
  print(`one batch carries up to ${max} payments on this chain`);
  print('per home and day                    extrinsics       bytes      weight (ps)      fee');
  const single = await blockCost(chain, singleTrade(chain, assetId, KEY, KEY, 1_000_000n));
  for (const homes of [20, 200, 2000]) {
    const payments = Array.from({ length: homes + 2 }, (_, index): ChainPayment => ({
      direction: index < (homes + 2) / 2 ? 'in' : 'out',
      accountKey: KEY,
      amountMicro: 1_000_000n,
    }));
    const parts = await costsOfParts(place, payments, max);
    const singly = day([single], (homes - 1) * SLOTS_PER_DAY, homes);
    const netted = day(parts, 1, homes);
    print(row(`${homes} homes, a day netted`, netted));
    print(row(`${homes} homes, an hour netted`, day(parts, 24, homes)));
    print(row(`${homes} homes, every trade singly`, singly));
    compare(String(homes), netted, singly, print, figures);
    figures[`${homes}.extrinsicsPerDay`] = parts.length;
  }
}

/** The same for the bundles of a real run: its own trades, and its own nets over all its slots. */
export async function benchRealDay(
  place: Place,
  bundleDir: string,
  print: Print,
  figures: Figures,
): Promise<void> {
  const { chain, assetId, settlementKey } = place;
  const slots = readdirSync(bundleDir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(bundleDir, name), 'utf8')) as Bundle);
  const all = slots.flatMap(({ records }) => records as BundleRecord[]);
  const means = new Map<string, { balanceMicro: bigint; approvalMicro: bigint }>();
  const homes = new Set<string>();
  for (const record of all) {
    if (record.type !== 'participant') continue;
    means.set(record.participant.accountKey, { balanceMicro: 10n ** 18n, approvalMicro: 10n ** 18n });
    if (record.participant.role === 'household') homes.add(record.participant.id);
  }
  const { payments } = settlementRecord('day', 'b-day', slots, means);
  const trades = all.flatMap((record) => (record.type === 'clearing' ? record.clearing.trades : []));
  const imbalances = all.filter(
    (record) => record.type === 'line' && ['short', 'surplus'].includes(record.line.reason),
  );
  const max = await paymentsMax(chain, assetId, settlementKey);
  const moved = payments.map(({ direction, accountKey, amountMicro }) => ({
    direction,
    accountKey,
    amountMicro: BigInt(amountMicro),
  }));
  const netted = day(await costsOfParts(place, moved, max), 1, homes.size);
  const single = await blockCost(chain, singleTrade(chain, assetId, KEY, KEY, 100_000n));
  const name = `${slots.length} real slots, ${homes.size} homes`;
  print(`${name}: ${trades.length} trades, ${imbalances.length} imbalances, ${payments.length} net payments`);
  print(row(`${homes.size} homes, really netted`, netted));
  const singly = day([single], trades.length, homes.size);
  print(row('every trade singly', singly));
  compare('real', netted, singly, print, figures);
  const everything = day([single], trades.length + imbalances.length, homes.size);
  print(row('every trade and imbalance singly', everything));
  compare('realAll', netted, everything, print, figures);
}

function compare(name: string, netted: Day, singly: Day, print: Print, figures: Figures): void {
  figures[`${name}.weightShare`] = netted.weight / singly.weight;
  figures[`${name}.feeShare`] = netted.fee / singly.fee;
  print(
    `${name}: netted weighs 1/${(singly.weight / netted.weight).toFixed(1)} and costs 1/${(singly.fee / netted.fee).toFixed(1)}`,
  );
}

async function costsOfParts(
  { chain, assetId, settlementKey }: Place,
  payments: readonly ChainPayment[],
  max: number,
): Promise<CallCost[]> {
  const costs: CallCost[] = [];
  for (let start = 0; start < payments.length; start += max) {
    const part = { payments: payments.slice(start, start + max), remark: REMARK };
    costs.push(await blockCost(chain, batchCall(chain, assetId, settlementKey, part)));
  }
  return costs;
}

function singleTrade(
  chain: Chain,
  assetId: number,
  buyer: string,
  seller: string,
  amountMicro: bigint,
): Call {
  return chain.api.tx['assets']!['transferApproved']!(assetId, `0x${buyer}`, `0x${seller}`, amountMicro);
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
