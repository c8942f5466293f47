import type { ChainStore } from './store.ts';

/** FRAME's hash of the genesis block while it has none: 32 bytes of 69. */
export const GENESIS_HASH = `0x${'45'.repeat(32)}`;

export interface ChainName {
  readonly id: string;
  readonly name: string;
  readonly properties: unknown;
}

/**
 * The stored chain as a node's RPC: the block builder sits on top of it as it would on a remote chain it forks from,
 * and so never needs more than the newest blocks in memory.
 */
export function storeProvider(
  store: ChainStore,
  name: ChainName,
): { send: ProviderSend } & Record<string, unknown> {
  const heightOf = (hash: unknown): number => {
    const height = typeof hash === 'string' ? store.heightOf(hash) : store.tip?.number;
    if (height === null || height === undefined) throw new Error(`block ${String(hash)} is not in the store`);
    return height;
  };
  const methods: Record<string, (params: readonly unknown[]) => unknown> = {
    system_chain: () => name.id,
    system_name: () => name.name,
    system_properties: () => name.properties,
    chain_getFinalizedHead: () => store.tip?.hash ?? GENESIS_HASH,
    chain_getBlockHash: ([number]) =>
      (number === undefined ? store.tip : store.block(Number(number)))?.hash ?? null,
    chain_getHeader: ([hash]) =>
      store.block(hash === undefined ? heightOf(hash) : String(hash))?.header ?? null,
    chain_getBlock: ([hash]) => {
      const block = store.block(hash === undefined ? heightOf(hash) : String(hash));
      return block && { block: { header: block.header, extrinsics: block.extrinsics } };
    },
    state_getStorage: ([key, hash]) => store.value(String(key), heightOf(hash)),
    state_getKeysPaged: ([prefix, size, start, hash]) =>
      store.keys(String(prefix), Number(size), String(start ?? prefix), heightOf(hash)),
    state_queryStorageAt: ([keys, hash]) => {
      const height = heightOf(hash);
      return [{ block: hash, changes: (keys as string[]).map((key) => [key, store.value(key, height)]) }];
    },
  };
  return {
    isConnected: true,
    hasSubscriptions: false,
    isClonable: false,
    isReady: Promise.resolve(),
    connect: async () => {},
    disconnect: async () => {},
    on: () => () => {},
    subscribe: () => Promise.reject(new Error('no subscriptions')),
    unsubscribe: () => Promise.reject(new Error('no subscriptions')),
    send: async <T>(method: string, params: readonly unknown[]): Promise<T> => {
      const handle = methods[method];
      if (!handle) throw new Error(`${method} is not offered`);
      return handle(params) as T;
    },
  };
}

type ProviderSend = <T>(method: string, params: readonly unknown[]) => Promise<T>;
