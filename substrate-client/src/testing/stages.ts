import { createHash } from 'node:crypto';
import type { Signer } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { BatchCall, BlockRef, CommunityChain, SignedExtrinsic } from '../chain/types.ts';
import { batchCall, id } from '../community/batch-call.ts';
import { communityChain } from '../community/community-chain.ts';
import { signCall } from '../community/extrinsics.ts';
import type { FakeAccount } from './fake-assets.ts';
import { ERA, FakeChain } from './fake-chain.ts';

/** A chain on which a script can set the scene: the fake one and the real runtime, for the same plays. */
export interface Stage {
  readonly chain: CommunityChain;
  set(accounts: Readonly<Record<string, FakeAccount>>): Promise<void>;
  setMinimum(micro: bigint): Promise<void>;
  freezeAsset(frozen: boolean): Promise<void>;
  /** What the settlement account has for fees. */
  setFunds(native: bigint): Promise<void>;
  /** Makes a block of what waits, and so many more; all are final. */
  build(count?: number): Promise<void>;
  /** Signs for another chain or another runtime. */
  signForeign(
    call: BatchCall,
    nonce: number,
    birth: BlockRef,
    other: 'genesis' | 'runtime',
  ): Promise<SignedExtrinsic>;
}

export function keyNamed(name: string): string {
  return createHash('sha256').update(`stage ${name}`).digest('hex');
}

export function fakeStage(settlementKey: string, paymentsMax: number): Stage {
  const chain = new FakeChain(settlementKey, new Map());
  chain.perBatch = paymentsMax;
  const now = async (work: () => void): Promise<void> => work();
  return {
    chain,
    set: (accounts) =>
      now(() => {
        for (const [key, account] of Object.entries(accounts)) chain.setAccount(key, account);
      }),
    setMinimum: (micro) => now(() => (chain.minBalanceMicro = micro)),
    freezeAsset: (frozen) => now(() => chain.freezeAsset(frozen)),
    setFunds: (native) => now(() => chain.setFunds(native)),
    build: (count = 1) =>
      now(() => {
        for (let block = 0; block < count; block += 1) chain.build();
        chain.finalize(0);
      }),
    signForeign: async (call, nonce, birth, other) =>
      chain.signAs(call, nonce, birth, other === 'genesis' ? { genesisHash: '0xother' } : { specVersion: 2 }),
  };
}

/** On a real runtime with an asset; the scene is set with `dev_setStorage`. */
export function realStage(chain: Chain, treasury: Signer, assetId: number): Stage {
  const { api, rpc } = chain;
  const settlementKey = treasury.publicKey;
  const set = (changes: unknown): Promise<unknown> => rpc.call('dev_setStorage', [changes]);
  // What is written into accounts was never issued: the supply has to cover it.
  const asset = async (): Promise<object> => ({
    ...((await api.query['assets']!['asset']!(assetId)).toJSON() as object),
    supply: '1000000000000',
  });
  return {
    chain: communityChain({ chain, community: 'stage', assetId, treasury, eraBlocks: ERA, dev: true }),
    set: async (accounts) => {
      const system: unknown[] = [];
      const holding: unknown[] = [];
      const approvals: unknown[] = [];
      for (const [key, { balanceMicro, approvalMicro, frozen, canOpen }] of Object.entries(accounts)) {
        const consumers = balanceMicro === null ? 0 : 1;
        const native = (await api.query['system']!['account']!(id(key))).toJSON() as object;
        const providers = canOpen || consumers > 0 ? 1 : 0;
        system.push([[id(key)], { ...native, providers, consumers }]);
        const account = {
          balance: String(balanceMicro),
          isFrozen: frozen,
          reason: { consumer: null },
          extra: null,
        };
        if (balanceMicro !== null) holding.push([[assetId, id(key)], account]);
        const approval = { amount: String(approvalMicro), deposit: 0 };
        if (approvalMicro !== null) approvals.push([[assetId, id(key), id(settlementKey)], approval]);
      }
      await set({ System: { Account: system }, Assets: { Account: holding, Approvals: approvals } });
    },
    setMinimum: async (micro) => {
      await set({ Assets: { Asset: [[[assetId], { ...(await asset()), minBalance: String(micro) }]] } });
    },
    freezeAsset: async (frozen) => {
      await set({ Assets: { Asset: [[[assetId], { ...(await asset()), isFrozen: frozen }]] } });
    },
    setFunds: async (native) => {
      const account = (await api.query['system']!['account']!(id(settlementKey))).toJSON() as {
        data: object;
      };
      const data = { ...account.data, free: String(native), reserved: 0 };
      await set({ System: { Account: [[[id(settlementKey)], { ...account, data }]] } });
    },
    build: async (count = 1) => {
      await rpc.call('dev_newBlock', [{ count }], { deadlineMs: 60_000 });
    },
    signForeign: async (call, nonce, birth, other) => {
      const foreign = Object.create(api) as typeof api;
      const version = api.registry.createType('RuntimeVersion', {
        ...(api.runtimeVersion.toJSON() as object),
        specVersion: api.runtimeVersion.specVersion.toNumber() + 1,
      });
      Object.defineProperties(foreign, {
        genesisHash: {
          value:
            other === 'genesis' ? api.registry.createType('Hash', `0x${'07'.repeat(32)}`) : api.genesisHash,
        },
        runtimeVersion: { value: other === 'runtime' ? version : api.runtimeVersion },
        tx: { value: api.tx },
        registry: { value: api.registry },
      });
      return signCall(foreign, batchCall(chain, assetId, settlementKey, call), treasury, nonce, birth, ERA);
    },
  };
}
