import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Signer } from '@commonwatt/domain';
import { connectChain, type Chain } from '../chain/connect.ts';
import { bootstrapCommunity } from '../community/bootstrap.ts';
import { startEmbeddedChain, type EmbeddedChain } from '../embedded/start.ts';
import { members, signerNamed, type Member } from './sample.ts';
import { shakySocket, type ShakySocket } from './shaky-socket.ts';

/** A real runtime in its own process, people with money on it, and two ways to it: one that holds and one that does not. */
export interface RealPlace {
  readonly embedded: EmbeddedChain;
  readonly chain: Chain;
  readonly socket: ShakySocket;
  /** Through the socket. */
  readonly shaky: Chain;
  readonly treasury: Signer;
  readonly assetId: number;
  readonly people: readonly Member[];
  close(): Promise<void>;
}

/** Real time a question through the shaky socket may take. */
const DEADLINE_MS = 2_500;

export async function openRealPlace(): Promise<RealPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-real-'));
  const log = (): void => {};
  const embedded = await startEmbeddedChain({ dir: folder, log });
  const chain = await connectChain({ endpoint: embedded.endpoint, log });
  const treasury = signerNamed('real treasury');
  const people = members(4);
  const assetId = 1;
  await bootstrapCommunity({
    chain,
    community: 'real',
    treasury,
    participants: people,
    assetId,
    balanceMicro: 10n ** 12n,
    approvalMicro: 10n ** 12n,
    dev: true,
  });
  const socket = await shakySocket(embedded.endpoint);
  const shaky = await connectChain({ endpoint: socket.endpoint, deadlineMs: DEADLINE_MS, log });
  return {
    embedded,
    chain,
    socket,
    shaky,
    treasury,
    assetId,
    people,
    close: async () => {
      await shaky.close();
      await chain.close();
      await socket.close();
      await embedded.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
