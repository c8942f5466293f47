import { u8aConcat, hexToU8a, u8aToHex } from '@polkadot/util';
import type { Chain } from '../chain/connect.ts';
import { batchCall } from './batch-call.ts';
import type { Call } from './extrinsics.ts';

export interface CallCost {
  /** Execution weight (reference time, ps). */
  readonly weight: bigint;
  readonly bytes: number;
  readonly feeNative: bigint;
}

/** Bytes a signature, an address, the era and the nonce add to a call. */
const SIGNATURE_BYTES = 110;
/** Leaves room for what else a block holds, and for payments that weigh a little more than the sample. */
const SHARE_PERCENT = 75n;
const SAMPLE_KEY = '11'.repeat(32);

/** What the chain charges and weighs a call at, asked from its runtime. */
export async function costOf(chain: Chain, call: Call): Promise<CallCost> {
  const { api } = chain;
  const extrinsic = api.tx(call.method as never);
  extrinsic.signFake(api.registry.createType('AccountId', `0x${SAMPLE_KEY}`).toString(), {
    blockHash: api.genesisHash,
    genesisHash: api.genesisHash,
    nonce: 1,
    runtimeVersion: api.runtimeVersion,
  });
  const encoded = extrinsic.toU8a();
  const length = u8aToHex(new Uint8Array(new Uint32Array([encoded.length]).buffer)).slice(2);
  const answer = await chain.rpc.call<string>('state_call', [
    'TransactionPaymentApi_query_info',
    u8aToHex(u8aConcat(encoded, hexToU8a(`0x${length}`))),
  ]);
  const info = decodeInfo(chain, answer);
  return { ...info, bytes: encoded.length };
}

/** What a batch with so many payments costs. */
export function batchCost(
  chain: Chain,
  assetId: number,
  settlementKey: string,
  payments: number,
): Promise<CallCost> {
  return costOf(chain, sampleBatch(chain, assetId, settlementKey, payments));
}

function sampleBatch(chain: Chain, assetId: number, settlementKey: string, count: number): Call {
  return batchCall(chain, assetId, settlementKey, {
    payments: Array.from({ length: count }, () => ({
      direction: 'in' as const,
      accountKey: SAMPLE_KEY,
      amountMicro: 2n ** 40n,
    })),
    remark: 'x'.repeat(200),
  });
}

/** How many payments fit one batch: by weight, by length, and by the number of calls the pallet takes. */
export async function paymentsMax(chain: Chain, assetId: number, settlementKey: string): Promise<number> {
  const cost = (count: number): Promise<CallCost> => batchCost(chain, assetId, settlementKey, count);
  const [few, many] = [await cost(10), await cost(110)];
  const weightEach = (many.weight - few.weight) / 100n;
  const bytesEach = (many.bytes - few.bytes) / 100;
  const { system, utility } = chain.api.consts;
  const weights = system!['blockWeights']!.toJSON() as unknown as BlockWeights;
  const lengths = system!['blockLength']!.toJSON() as unknown as { max: { normal: number } };
  const weightMax = refTime(weights.perClass.normal.maxExtrinsic ?? weights.maxBlock);
  const byWeight = Number(
    ((weightMax * SHARE_PERCENT) / 100n - few.weight) / (weightEach > 0n ? weightEach : 1n),
  );
  const byLength =
    ((lengths.max.normal * Number(SHARE_PERCENT)) / 100 - SIGNATURE_BYTES - few.bytes) / bytesEach;
  const byCalls = Number(utility?.['batchedCallsLimit']?.toString() ?? 1000) - 1;
  return Math.max(1, Math.floor(Math.min(byWeight, byLength, byCalls)));
}

type Weight = number | string | { readonly refTime: number | string };

interface BlockWeights {
  readonly maxBlock: Weight;
  readonly perClass: { readonly normal: { readonly maxExtrinsic: Weight | null } };
}

function refTime(weight: Weight): bigint {
  return BigInt(typeof weight === 'object' ? weight.refTime : weight);
}

/** RuntimeDispatchInfo: the weight is one number before 2022 and a pair since; one byte of class; the fee. */
function decodeInfo(chain: Chain, answer: string): { weight: bigint; feeNative: bigint } {
  const bytes = hexToU8a(answer);
  const old = bytes.length === 8 + 1 + 16;
  const type = old ? '(u64, u8, u128)' : '((Compact<u64>, Compact<u64>), u8, u128)';
  const info = chain.api.registry.createType(type, bytes) as unknown as { toString(): string }[];
  const weight = old ? info[0]!.toString() : (info[0] as unknown as { toString(): string }[])[0]!.toString();
  return { weight: BigInt(weight), feeNative: BigInt(info[2]!.toString()) };
}
