import { ApiPromise } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { CommonwattError } from '@commonwatt/domain';
import { readBlock } from './read-block.ts';
import { RpcSocket } from './rpc.ts';
import type { BlockRef, ChainBlock, ChainReader } from './types.ts';

export interface ConnectOptions {
  /** `ws://` or `wss://` of a node. */
  readonly endpoint: string;
  /** Real time any single question may take, and the connecting as a whole twice that. */
  readonly deadlineMs?: number;
  readonly log: (line: string) => void;
}

/** A connection to a chain. The library's API is for this folder alone. */
export interface Chain extends ChainReader {
  readonly endpoint: string;
  readonly genesisHash: string;
  /** True for a chain that builds blocks on demand and takes `dev_` calls. */
  readonly isDevelopment: boolean;
  readonly api: ApiPromise;
  readonly rpc: RpcSocket;
  close(): Promise<void>;
}

const DEADLINE_MS = 15_000;

/** Connects, reads the metadata, and keeps the connection: it reopens by itself. Throws `unavailable` when there is no node in time. */
export async function connectChain(options: ConnectOptions): Promise<Chain> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const rpc = new RpcSocket(options.endpoint, deadlineMs);
  let api: ApiPromise;
  let methods: { methods: string[] };
  try {
    methods = await rpc.call('rpc_methods');
    api = new ApiPromise({
      provider: apiProvider(rpc),
      noInitWarn: true,
      throwOnConnect: true,
      metadata: await metadataOf(rpc),
    });
    await withDeadline(api.isReadyOrError, 2 * deadlineMs, options.endpoint);
  } catch (error) {
    rpc.close();
    if (error instanceof CommonwattError) throw error;
    throw new CommonwattError(
      'unavailable',
      `the node at ${options.endpoint} does not speak a Substrate chain's RPC`,
      {},
      { cause: error },
    );
  }
  const header = async (hash: string): Promise<BlockRef> => {
    const { number } = await rpc.call<{ number: string }>('chain_getHeader', [hash]);
    return { number: Number(number), hash };
  };
  const blocks = new Map<string, ChainBlock>();
  return {
    endpoint: options.endpoint,
    genesisHash: api.genesisHash.toHex(),
    isDevelopment: methods.methods.includes('dev_newBlock'),
    api,
    rpc,
    finalizedBlock: async () => header(await rpc.call<string>('chain_getFinalizedHead')),
    bestBlock: async () => header(await rpc.call<string>('chain_getBlockHash')),
    blockHashAt: (number) => rpc.call<string | null>('chain_getBlockHash', [number]),
    block: async (hash) => {
      const known = blocks.get(hash);
      if (known) return known;
      const block = await readBlock(api, rpc, hash);
      if (blocks.size >= 64) blocks.clear();
      blocks.set(hash, block);
      return block;
    },
    close: async () => {
      await api.disconnect();
      rpc.close();
    },
  };
}

/** Read here, because the library prints warnings when it must ask an older runtime for it. */
async function metadataOf(rpc: RpcSocket): Promise<Record<string, `0x${string}`>> {
  const genesisHash = await rpc.call<string>('chain_getBlockHash', [0]);
  const { specVersion } = await rpc.call<{ specVersion: number }>('state_getRuntimeVersion');
  return { [`${genesisHash}-${specVersion}`]: await rpc.call<`0x${string}`>('state_getMetadata') };
}

/** The library's view of our socket. Without subscriptions it starts no timers or hidden waits of its own. */
function apiProvider(rpc: RpcSocket): ProviderInterface {
  return {
    hasSubscriptions: false,
    isClonable: false,
    get isConnected() {
      return true;
    },
    clone: () => apiProvider(rpc),
    connect: async () => {},
    disconnect: async () => {},
    on: (type, listener) => {
      if (type === 'connected') queueMicrotask(() => listener());
      return () => {};
    },
    send: (method, params) => rpc.call(method, params),
    subscribe: () => Promise.reject(new Error('no subscriptions here: ask again instead')),
    unsubscribe: () => Promise.resolve(true),
  };
}

function withDeadline<T>(work: Promise<T>, deadlineMs: number, endpoint: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new CommonwattError('unavailable', `the chain at ${endpoint} is not ready in time`)),
      deadlineMs,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
