/** The embedded chain's process: the Asset Hub runtime on loopback, its blocks in a file. Started by `startEmbeddedChain`. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openChain } from './blockchain.ts';
import { ANNOUNCEMENT_FILE, STORE_FILE, type FromChain, type ToChain } from './messages.ts';
import { serveRpc } from './rpc-server.ts';
import { ChainStore } from './store.ts';

function tell(message: FromChain): void {
  if (process.connected) process.send?.(message);
}

async function openStore(path: string, lockWaitMs: number): Promise<ChainStore> {
  const untilMs = performance.now() + lockWaitMs;
  for (;;) {
    try {
      return new ChainStore(path);
    } catch (error) {
      if (!String(error).includes('locked')) throw error;
      if (performance.now() >= untilMs) {
        throw new Error(`${path} is in use by another process: stop it, or choose another state folder`, {
          cause: error,
        });
      }
      tell({ type: 'progress', text: 'waiting for the chain that still has this folder' });
      await sleep(250);
    }
  }
}

async function start(dir: string, wantedPort: number, lockWaitMs: number): Promise<() => Promise<void>> {
  mkdirSync(dir, { recursive: true });
  const store = await openStore(join(dir, STORE_FILE), lockWaitMs);
  const announcement = join(dir, ANNOUNCEMENT_FILE);
  const instance = randomUUID();
  const chain = await openChain(store, (text) => tell({ type: 'progress', text }));
  const server = await serveRpc((request, subscriptions) => {
    if (request.method === 'commonwatt_instance') return Promise.resolve(instance);
    return chain.handle(request, subscriptions);
  }, wantedPort);
  const endpoint = `ws://127.0.0.1:${server.port}`;
  writeFileSync(`${announcement}.tmp`, `${JSON.stringify({ pid: process.pid, endpoint, instance })}\n`);
  renameSync(`${announcement}.tmp`, announcement);
  tell({ type: 'ready', port: server.port, block: store.tip?.number ?? 0 });
  return async () => {
    rmSync(announcement, { force: true });
    await server.close();
    await chain.idle();
    store.close();
  };
}

let stopping = false;
let stop: () => Promise<void> = async () => {};

async function end(): Promise<void> {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(0), 3000);
  await stop().catch(() => {});
  process.exit(0);
}

process.on('message', (message: ToChain) => {
  if (message.type === 'stop') {
    void end();
    return;
  }
  start(message.dir, message.port, message.lockWaitMs).then(
    (stopper) => {
      stop = stopper;
    },
    (error: unknown) => {
      tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      setTimeout(() => process.exit(1), 50);
    },
  );
});
// The parent is gone: nobody would ever stop this process.
process.on('disconnect', () => void end());
process.on('SIGTERM', () => void end());
// Ctrl-C reaches the whole process group; the parent still needs the chain for its last batch and says when to stop.
process.on('SIGINT', () => {});
// A parent that was gone before these lines leaves its request behind, but no event.
if (!process.connected) void end();
