import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommonwattError } from '@commonwatt/domain';
import { RpcSocket } from '../chain/rpc.ts';
import { ANNOUNCEMENT_FILE, STORE_FILE, type Announcement } from './messages.ts';
import { startEmbeddedChain } from './start.ts';

/**
 * The embedded chain of a state folder, for looking only: the running one when there is one, else one started on a copy,
 * so that looking never changes the state. Throws `not-found` when the folder holds no chain.
 */
export async function openChainForReading(
  dir: string,
  log: (line: string) => void = () => {},
): Promise<{ readonly endpoint: string; stop(): Promise<void> }> {
  const running = await runningEndpoint(dir);
  if (running !== null) return { endpoint: running, stop: async () => {} };
  if (!existsSync(join(dir, STORE_FILE))) {
    throw new CommonwattError('not-found', `${dir} holds no chain`, {
      record: dir,
      remedy: 'give the --chain URL of the node it settles on',
    });
  }
  const copy = mkdtempSync(join(tmpdir(), 'commonwatt-chain-'));
  const discard = (): void => rmSync(copy, { recursive: true, force: true });
  try {
    // After a kill the newest blocks are still in the write-ahead log.
    for (const name of [STORE_FILE, `${STORE_FILE}-wal`]) {
      if (existsSync(join(dir, name))) copyFileSync(join(dir, name), join(copy, name));
    }
    const chain = await startEmbeddedChain({ dir: copy, log });
    return {
      endpoint: chain.endpoint,
      stop: async () => {
        await chain.stop();
        discard();
      },
    };
  } catch (error) {
    discard();
    throw error;
  }
}

/** Where the folder's chain answers, if it is alive and the one that the folder's file speaks of. */
export async function runningEndpoint(dir: string): Promise<string | null> {
  let announcement: Announcement;
  try {
    announcement = JSON.parse(readFileSync(join(dir, ANNOUNCEMENT_FILE), 'utf8')) as Announcement;
  } catch {
    return null;
  }
  const rpc = new RpcSocket(announcement.endpoint, 2_000);
  try {
    const instance = await rpc.call<string>('commonwatt_instance', [], { once: true });
    return instance === announcement.instance ? announcement.endpoint : null;
  } catch {
    return null;
  } finally {
    rpc.close();
  }
}
