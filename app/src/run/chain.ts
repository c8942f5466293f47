import { CommonwattError } from '@commonwatt/domain';
import {
  addressOf,
  assetSymbol,
  connectChain,
  nativeToken,
  startEmbeddedChain,
  type Chain,
} from '@commonwatt/substrate-client';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChainFacts } from './approvals.ts';
import type { Closing } from './closing.ts';
import { writeAtomically } from './files.ts';
import type { State } from './state.ts';

/** A chain that somebody else runs, and the money there. */
export interface PublicChain {
  readonly url: string;
  readonly assetId: number;
  /** What a household of the simulated neighbourhood starts with, and may be drawn of; micro-units. */
  readonly balanceMicro: bigint;
}

/** Asset and first balance on the embedded chain: everyone starts with 1,000. */
const EMBEDDED = { assetId: 1984, balanceMicro: 1_000_000_000n };

const START_FILE = 'chain-start.json';

/** Where a community began on its chain: no batch of it is in an earlier block. */
export interface ChainStart {
  readonly genesisHash: string;
  readonly assetId: number;
  readonly block: { readonly number: number; readonly hash: string };
}

export interface RunChain {
  readonly endpoint: string;
  readonly chain: Chain;
  readonly assetId: number;
  readonly balanceMicro: bigint;
  /** True for the embedded chain, which is ours to give money on. */
  readonly dev: boolean;
  readonly start: ChainStart;
}

/** Connects to the chain of a run: somebody's by its URL, else the embedded one in its own process. Throws `conflict` when the state belongs to another chain. */
export async function openRunChain(
  options: { state: State; publicChain: PublicChain | null; say: (line: string) => void },
  closing: Closing,
): Promise<RunChain> {
  const { state, publicChain, say } = options;
  const dev = publicChain === null;
  const { assetId, balanceMicro } = publicChain ?? EMBEDDED;
  let endpoint = publicChain?.url ?? '';
  if (dev) {
    const process = await startEmbeddedChain({
      dir: state.path('chain'),
      log: say,
      onProgress: (text) => say(`chain: ${text}`),
    });
    closing.add('the chain', () => process.stop());
    endpoint = process.endpoint;
  }
  const chain = await connectChain({ endpoint, log: say });
  closing.add('the chain connection', () => chain.close());
  const start = await beginOn(state, chain, assetId);
  return { endpoint, chain, assetId, balanceMicro, dev, start };
}

/** Where the community of a state folder began; null before it did. */
export function chainStartOf(dir: string): ChainStart | null {
  const file = join(dir, START_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ChainStart) : null;
}

/** Settling the same batches on a second chain would pay them twice: a state goes on where it began or not at all. */
async function beginOn(state: State, chain: Chain, assetId: number): Promise<ChainStart> {
  const known = chainStartOf(state.dir);
  const same =
    known !== null &&
    known.genesisHash === chain.genesisHash &&
    known.assetId === assetId &&
    (await chain.blockHashAt(known.block.number)) === known.block.hash;
  if (same) return known;
  const ledger = existsSync(state.path('settlement.sqlite'));
  // A start that got no further than a look at the chain, as with a mistyped --asset-id, binds to nothing.
  const bound = ledger || ['market.sqlite', 'bundles', 'chain'].some((name) => existsSync(state.path(name)));
  if (known !== null && bound) {
    throw new CommonwattError(
      'conflict',
      `${state.dir} has settled with asset ${known.assetId} on the chain with genesis ${known.genesisHash} since its block ${known.block.number}; ${chain.endpoint} is not that chain, or --asset-id is another`,
      { record: state.dir, remedy: 'give the same --chain and --asset-id as before, or another --state' },
    );
  }
  const hash = ledger ? await chain.blockHashAt(0) : null;
  const block = hash === null ? await chain.finalizedBlock() : { number: 0, hash };
  const start: ChainStart = { genesisHash: chain.genesisHash, assetId, block };
  writeAtomically(state.path(START_FILE), `${JSON.stringify(start, null, 2)}\n`);
  return start;
}

/** Where the money of a run is, as the pages and other commands are told. */
export async function chainFacts(
  { endpoint, chain, assetId, start }: RunChain,
  community: string,
  settlementKey: string,
): Promise<ChainFacts> {
  return {
    community,
    endpoint,
    genesisHash: chain.genesisHash,
    assetId,
    assetSymbol: await assetSymbol(chain, assetId),
    assetDecimals: 6,
    native: await nativeToken(chain),
    settlementAccount: addressOf(settlementKey),
    fromBlock: start.block.number,
  };
}
