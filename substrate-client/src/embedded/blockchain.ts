import {
  allHandlers,
  Api,
  Block,
  Blockchain,
  BuildBlockMode,
  calculateStateRoot,
  inherentProviders,
  RemoteStorageLayer,
  ResponseError,
  type BlockEntry,
} from '@acala-network/chopsticks-core';
import { chainSpec } from '@substrate/connect-known-chains/rococo_v2_2_asset_hub';
import { setTimeout as sleep } from 'node:timers/promises';
import { GENESIS_HASH, storeProvider } from './provider.ts';
import type { RpcHandler } from './rpc-server.ts';
import type { ChainStore, StateDiff } from './store.ts';

/** Each block's storage is a layer over the one before; after this many the pile is replaced by the store. */
const LAYERS_MAX = 16;
const BLOCKS_IN_MEMORY = 2 * LAYERS_MAX;

/** Every call unpacks its own copy of the runtime in the executor's 32-bit memory; two hundred at once overflow it. */
const RUNTIMES_MAX = 2;
const GATHER_MS = 150;

type Provider = ConstructorParameters<typeof Api>[0];
type Database = NonNullable<ConstructorParameters<typeof Blockchain>[0]['db']>;
type Hash = `0x${string}`;

interface Spec {
  readonly id: string;
  readonly name: string;
  readonly properties: unknown;
  readonly genesis: { readonly raw: { readonly top: Record<string, string> } };
}

export interface RunningChain {
  readonly handle: RpcHandler;
  /** Resolves when no block is being built. */
  idle(): Promise<void>;
}

/** Opens the chain at the last block of the store; an empty store gets the genesis first. */
export async function openChain(
  store: ChainStore,
  onProgress: (text: string) => void,
): Promise<RunningChain> {
  const spec = JSON.parse(chainSpec) as Spec;
  if (store.tip === null) {
    onProgress('the chain starts from its genesis');
    await writeGenesis(store, spec.genesis.raw.top);
  }
  const provider = storeProvider(store, spec) as unknown as Provider;
  const tip = store.tip ?? { number: 0, hash: GENESIS_HASH };
  const database = { persist: async (_block: BlockEntry): Promise<void> => {} };
  const chain = new Blockchain({
    api: new Api(provider),
    buildBlockMode: BuildBlockMode.Batch,
    inherentProviders,
    registeredTypes: {},
    header: { number: tip.number, hash: tip.hash as Hash },
    maxMemoryBlockCount: BLOCKS_IN_MEMORY,
    db: {
      close: async () => {},
      saveBlock: (block: BlockEntry) => database.persist(block),
      queryBlock: async () => null,
      queryBlockByNumber: async () => null,
      queryHighestBlock: async () => null,
      deleteBlock: async () => {},
      blocksCount: async () => store.tip?.number ?? 0,
      saveStorage: async () => {},
      queryStorage: async (blockHash: string, key: string) => ({
        blockHash,
        key,
        value: store.value(key, heightOf(store, blockHash)),
      }),
    } as unknown as Database,
  });
  database.persist = async (block) => {
    const header = await headerJson(chain.head);
    const parent = store.block(block.number - 1);
    if (parent?.hash !== block.parentHash) {
      // Two heads at once: rather end here, and go on from what is on disk, than store a chain with a hole.
      console.error(`block ${block.number} does not follow block ${parent?.hash ?? 'none'} on disk`);
      process.exit(1);
    }
    store.append(
      { number: block.number, hash: block.hash, header, extrinsics: block.extrinsics },
      block.storageDiff ?? {},
    );
    if (block.number % LAYERS_MAX === 0) await rebase(chain);
  };
  if (tip.number === 0) {
    onProgress('the chain builds its first block');
    await chain.newBlock();
    if (chain.head.number === 0) throw new Error('the first block could not be built');
  } else {
    onProgress(`the chain goes on at block ${tip.number}`);
    // Compiles the runtime and reads its metadata now, so the first request is answered at once.
    await chain.head.meta;
  }
  return { handle: handler(chain, store), idle: async () => void (await chain.upcomingBlocks()) };
}

function heightOf(store: ChainStore, hash: string): number {
  const height = store.heightOf(hash);
  if (height === null) throw new Error(`block ${hash} is not in the store`);
  return height;
}

async function writeGenesis(store: ChainStore, state: Record<string, string>): Promise<void> {
  const entries = Object.entries(state) as [Hash, Hash][];
  const header = {
    number: '0x0',
    parentHash: GENESIS_HASH,
    stateRoot: await calculateStateRoot(entries, 1),
    extrinsicsRoot: '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314',
    digest: { logs: [] },
  };
  store.append({ number: 0, hash: GENESIS_HASH, header, extrinsics: [] }, state);
}

async function headerJson(block: Block): Promise<unknown> {
  const { parentHash, number, stateRoot, extrinsicsRoot, digest } = await block.header;
  return {
    parentHash: parentHash.toHex(),
    number: number.toHex(),
    stateRoot: stateRoot.toHex(),
    extrinsicsRoot: extrinsicsRoot.toHex(),
    digest: { logs: digest.logs.map((log) => log.toHex()) },
  };
}

/** Puts the head on the store itself, so that the layers below it can be collected. Runs while no other block is being built. */
async function rebase(chain: Blockchain): Promise<void> {
  const head = chain.head;
  const block = {
    header: await head.header,
    extrinsics: await head.extrinsics,
    storage: new RemoteStorageLayer(chain.api, head.hash, chain.db),
  };
  await chain.setHead(new Block(chain, head.number, head.hash, await head.parentBlock, block as never));
}

function handler(chain: Blockchain, store: ChainStore): RpcHandler {
  const handlers = allHandlers as unknown as Record<
    string,
    (context: { chain: Blockchain }, params: unknown[], subscriptions: unknown) => Promise<unknown>
  >;
  const runtime = gate(RUNTIMES_MAX);
  return async ({ method, params }, subscriptions) => {
    const handle = handlers[method];
    if (!handle) throw new ResponseError(-32601, `Method not found: ${method}`);
    if (/^(author_submit|state_call|payment_|system_dryRun|system_accountNextIndex)/.test(method)) {
      return runtime(() => handle({ chain }, params, subscriptions));
    }
    const stored = fromStore(store, method, params);
    if (stored !== undefined) return stored;
    // Final means safe on disk here: what a client was told is final is still there after a kill.
    if (method === 'chain_getFinalizedHead') return store.tip?.hash;
    if (method === 'dev_setStorage' || method === 'dev_timeTravel') {
      return betweenBlocks(chain, async () => {
        const result = await handle({ chain }, params, subscriptions);
        store.patch(chain.head.number, await headDiff(chain.head));
        return result;
      });
    }
    if (method === 'dev_setHead') {
      return betweenBlocks(chain, async () => {
        const result = await handle({ chain }, params, subscriptions);
        store.truncateAbove(chain.head.number);
        return result;
      });
    }
    return handle({ chain }, params, subscriptions);
  };
}

/** What was written on top of a block. Values that are just being read are still promises there. */
async function headDiff(head: Block): Promise<StateDiff> {
  const entries = Object.entries(await head.storageDiff()).map(async ([key, value]) => {
    const found = (await value) as string | null | undefined;
    return [key, found ?? null] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Does something to the head while no block is being built on it. */
async function betweenBlocks<T>(chain: Blockchain, work: () => Promise<T>): Promise<T> {
  const { txPool } = chain;
  txPool.mode = BuildBlockMode.Manual;
  try {
    // The pool gathers for 100 ms before it builds; what it began to gather before is built first.
    await sleep(GATHER_MS);
    await chain.upcomingBlocks();
    return await work();
  } finally {
    txPool.mode = BuildBlockMode.Batch;
  }
}

/**
 * Answers about blocks that are on disk, straight from there: the block builder would first start the runtime of each block
 * to learn its types. Undefined when the store cannot tell.
 */
function fromStore(store: ChainStore, method: string, params: readonly unknown[]): unknown {
  const [first, second] = params;
  const heightAt = (hash: unknown): number | null => (typeof hash === 'string' ? store.heightOf(hash) : null);
  switch (method) {
    case 'chain_getBlockHash':
      return typeof first === 'number' ? store.block(first)?.hash : undefined;
    case 'chain_getHeader':
      return typeof first === 'string' ? store.block(first)?.header : undefined;
    case 'chain_getBlock': {
      const block = typeof first === 'string' ? store.block(first) : null;
      if (block === null) return undefined;
      return { block: { header: block.header, extrinsics: block.extrinsics }, justifications: null };
    }
    case 'state_getStorage': {
      const height = heightAt(second);
      return height === null ? undefined : store.value(String(first), height);
    }
    case 'state_queryStorageAt': {
      const height = heightAt(second);
      if (height === null || !Array.isArray(first)) return undefined;
      return [{ block: second, changes: first.map((key) => [key, store.value(String(key), height)]) }];
    }
    default:
      return undefined;
  }
}

/** Lets so many run at a time; the others wait in order. */
function gate(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
