import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { CommonwattError, type Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import { decodeBatch, hexOfAccount } from '../chain/decode.ts';
import type {
  Approval,
  BatchCall,
  CommunityChain,
  MultisigOperation,
  SignatoryChain,
} from '../chain/types.ts';
import { batchCall, id } from '../community/batch-call.ts';
import { communityChain, nonceAt } from '../community/community-chain.ts';
import { signCall } from '../community/extrinsics.ts';
import { costOf } from '../community/limits.ts';
import { readMany } from '../community/read-many.ts';
import { multisigKey, othersOf, type MultisigTerms } from './account.ts';
import { turnCollection } from './turn.ts';

type Call = SubmittableExtrinsic<'promise'>;

/** Approvals carry the weight they allow the call; the declared weight may be a little below what is then measured. */
const WEIGHT_MARGIN_PERCENT = 120n;

/**
 * The multisig settlement account on a real chain, for one of its signatories. It is both what settlement works with (except that nobody
 * signs for the account alone) and what a cosigner works with. Throws `conflict` when the chain lacks a call, `forbidden` when the
 * signer is no signatory.
 */
export function signatoryChain(options: {
  readonly chain: Chain;
  readonly community: string;
  readonly assetId: number;
  readonly terms: MultisigTerms;
  readonly signer: Signer;
  /** A chain that makes blocks on demand is asked for one when none comes. */
  readonly dev?: boolean;
}): CommunityChain & SignatoryChain {
  const { chain, community, assetId, terms, signer } = options;
  const settlementKey = multisigKey(terms);
  if (!terms.signatories.includes(signer.publicKey)) {
    throw new CommonwattError('forbidden', `the key ${signer.publicKey} is none of the signatories`, {
      remedy: 'open the keystore of a signatory, or name it with --signatories',
    });
  }
  checkCalls(chain);
  const collection = turnCollection(community, settlementKey);
  const base = communityChain({
    chain,
    community,
    assetId,
    treasury: { ...signer, publicKey: settlementKey },
    dev: options.dev ?? false,
  });
  const { api } = chain;
  const inner = (call: BatchCall): Call => batchCall(chain, assetId, settlementKey, call);
  const weights = new Map<string, bigint>();
  const maxWeight = async (call: Call): Promise<unknown> => {
    const hash = call.method.hash.toHex();
    const refTime = weights.get(hash) ?? ((await costOf(chain, call)).weight * WEIGHT_MARGIN_PERCENT) / 100n;
    if (weights.size > 64) weights.clear();
    weights.set(hash, refTime);
    const { args } = api.tx['multisig']!['approveAsMulti']!.meta;
    // One number before 2022, a pair since: then as much proof as a block of a parachain may have in all.
    return args.at(-1)?.type.toString() === 'u64' ? refTime : { refTime, proofSize: PROOF_BYTES_MAX };
  };
  return {
    ...base,
    settlementKey,
    signatories: terms.signatories,
    threshold: terms.threshold,
    ownKey: signer.publicKey,
    // To try a batch on the chain takes the account's own signature, which nobody can make.
    firstRefusal: async () => null,
    sign: () => Promise.reject(new CommonwattError('internal', 'nobody signs for a multisig alone')),
    fundsNative: async () => {
      const { hash } = await chain.finalizedBlock();
      const [account] = await readMany(
        chain,
        [[api.query['system']!['account']!, [id(signer.publicKey)]]],
        hash,
      );
      return BigInt((account as { data: { free: { toString(): string } } }).data.free.toString());
    },
    turnAt: (blockHash) => turnAt(chain, settlementKey, collection, blockHash),
    encode: async (call) => {
      const { method } = inner(call);
      return { callData: method.toHex(), callHash: method.hash.toHex() };
    },
    decode: async (callData) => {
      try {
        return decodeBatch(api.registry.createType('Call', callData) as never, settlementKey);
      } catch {
        return null;
      }
    },
    operation: (callHash, blockHash) => operation(chain, settlementKey, callHash, blockHash),
    ownNonceAt: (blockHash) => nonceAt(chain, signer.publicKey, blockHash),
    signApproval: async (approval, nonce, birth) => {
      const call = inner(approval.call);
      const weight = await maxWeight(call);
      return signCall(
        api,
        approvalCall(chain, terms, signer.publicKey, approval, call, weight),
        signer,
        nonce,
        birth,
      );
    },
  };
}

const PROOF_BYTES_MAX = 2_000_000;

const CALLS = { multisig: ['asMulti', 'approveAsMulti'], uniques: ['create', 'mint', 'burn'] } as const;

function checkCalls(chain: Chain): void {
  for (const [pallet, calls] of Object.entries(CALLS)) {
    const missing = calls.find((call) => !chain.api.tx[pallet]?.[call]);
    if (missing === undefined) continue;
    throw new CommonwattError('conflict', `the chain at ${chain.endpoint} has no ${pallet}.${missing}`, {
      remedy:
        'use a chain with the pallets multisig and uniques, such as an Asset Hub, or settle with a single key',
    });
  }
}

/** A signatory's extrinsic for a call; `weight` is the most the call may use. */
export function approvalCall(
  chain: Chain,
  terms: MultisigTerms,
  ownKey: string,
  approval: Approval,
  call: Call,
  weight: unknown,
): Call {
  const { asMulti, approveAsMulti } = chain.api.tx['multisig']! as unknown as Record<
    'asMulti' | 'approveAsMulti',
    ((...args: unknown[]) => Call) & { readonly meta: { readonly args: { readonly length: number } } }
  >;
  const others = othersOf(terms, ownKey).map(id);
  if (!approval.withCall)
    return approveAsMulti(terms.threshold, others, approval.when, call.method.hash, weight);
  // Older runtimes ask whether to keep the call in storage: no, every signatory has it.
  const store = asMulti.meta.args.length === 6 ? [false] : [];
  return asMulti(terms.threshold, others, approval.when, call.method.toHex(), ...store, weight);
}

interface RawOperation {
  readonly when: { readonly height: { toNumber(): number }; readonly index: { toNumber(): number } };
  readonly depositor: unknown;
  readonly approvals: Iterable<unknown>;
}

async function operation(
  chain: Chain,
  settlementKey: string,
  callHash: string,
  blockHash: string,
): Promise<MultisigOperation | null> {
  const entry = chain.api.query['multisig']!['multisigs']!;
  const [found] = (await readMany(chain, [[entry, [id(settlementKey), callHash]]], blockHash)) as [
    RawOperation | null,
  ];
  if (found === null) return null;
  return {
    when: { height: found.when.height.toNumber(), index: found.when.index.toNumber() },
    depositor: hexOfAccount(found.depositor),
    approvals: [...found.approvals].map(hexOfAccount),
  };
}

/** The item the account holds in its collection. Throws `conflict` when the collection is somebody else's. */
async function turnAt(
  chain: Chain,
  settlementKey: string,
  collection: number,
  blockHash: string,
): Promise<number> {
  const uniques = chain.api.query['uniques']!;
  const collections = uniques['class'] ?? uniques['collection'];
  const [found] = (await readMany(chain, [[collections, [collection]]], blockHash)) as [
    { owner: unknown } | null,
  ];
  if (found === null) return 0;
  if (hexOfAccount(found.owner) !== settlementKey) {
    throw new CommonwattError('conflict', `the collection ${collection} belongs to another account`, {
      remedy: 'the multisig cannot take its turns there: choose other signatories or another community id',
    });
  }
  const account = uniques['account']!;
  const prefix = account.keyPrefix(id(settlementKey), collection);
  const keys = await chain.rpc.call<string[]>('state_getKeysPaged', [prefix, 10, null, blockHash]);
  // The key ends in the item's number, little-endian, after its hash.
  const numbers = keys.map((key) => Buffer.from(key.slice(-8), 'hex').readUInt32LE());
  if (numbers.length !== 1)
    throw new CommonwattError(
      'conflict',
      `the account holds ${numbers.length} items in its collection, not one`,
    );
  return numbers[0]!;
}
