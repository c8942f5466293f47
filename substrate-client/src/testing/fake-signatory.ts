import { CommonwattError } from '@commonwatt/domain';
import type { Approval, BatchCall, CommunityChain, SignatoryChain } from '../chain/types.ts';
import { ERA, hashOf, type FakeChain } from './fake-chain.ts';
import { decode, type FakeApproval, type FakeCall } from './fake-multisig.ts';

/** The fake chain as one signatory of its settlement account sees it. */
export function fakeSignatory(
  chain: FakeChain,
  terms: { readonly signatories: readonly string[]; readonly threshold: number },
  ownKey: string,
): CommunityChain & SignatoryChain {
  const own: Partial<CommunityChain & SignatoryChain> = {
    ...terms,
    ownKey,
    firstRefusal: async () => null,
    sign: () => Promise.reject(new CommonwattError('internal', 'nobody signs for a multisig alone')),
    turnAt: async (blockHash) => chain.multisigAt(blockHash).turn,
    encode: async (call) => encode(call),
    decode: async (callData) => decode(callData),
    operation: async (callHash, blockHash) => chain.multisigAt(blockHash).operations.get(callHash) ?? null,
    ownNonceAt: async (blockHash) => chain.multisigAt(blockHash).nonces.get(ownKey) ?? 0,
    signApproval: async ({ call, when, withCall }: Approval, nonce, birth) => {
      const { callData, callHash } = encode(call);
      const approval: FakeApproval = {
        signer: ownKey,
        threshold: terms.threshold,
        callHash,
        call: withCall ? (JSON.parse(callData) as FakeCall) : null,
        when,
      };
      const deathNumber = birth.number + ERA;
      const { genesisHash, specVersion } = chain;
      const own = { call: NOTHING, nonce, birth, deathNumber, genesisHash, specVersion, approval };
      const bytes = JSON.stringify(own);
      return { bytes, hash: hashOf(bytes), nonce, birth, deathNumber };
    },
  };
  return new Proxy(chain, {
    get: (target, name) => {
      if (name in own) return Reflect.get(own, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  }) as unknown as CommunityChain & SignatoryChain;
}

const NOTHING: FakeCall = { payments: [], remark: '' };

function encode({ payments, remark, turn }: BatchCall): { callData: string; callHash: string } {
  const callData = JSON.stringify({
    payments: payments.map(({ direction, accountKey, amountMicro }) => [
      direction,
      accountKey,
      String(amountMicro),
    ]),
    remark,
    turn: turn?.number,
  });
  return { callData, callHash: hashOf(callData) };
}
