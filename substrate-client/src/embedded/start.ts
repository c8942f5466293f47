import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CommonwattError } from '@commonwatt/domain';
import type { FromChain, ToChain } from './messages.ts';

export interface EmbeddedChainOptions {
  /** Folder for the chain's file. One process at a time. */
  readonly dir: string;
  readonly log: (line: string) => void;
  readonly onProgress?: (text: string) => void;
  /** Port on loopback; a free one when left out. Throws `conflict` when it is taken. */
  readonly port?: number;
  /** Real time the start may take. */
  readonly deadlineMs?: number;
}

export interface EmbeddedChain {
  readonly endpoint: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const START_DEADLINE_MS = 120_000;
const LOCK_WAIT_MS = 20_000;
const STOP_DEADLINE_MS = 8_000;
const FAILURES_MAX = 20;

/**
 * Starts the embedded chain in its own process, on loopback, with its blocks in `dir`: it resumes at the last block after any end.
 * When its process dies by itself it is started again on the same port; when this process dies it ends too.
 * Throws `unavailable` when it does not start in time or another process keeps the folder.
 */
export async function startEmbeddedChain(options: EmbeddedChainOptions): Promise<EmbeddedChain> {
  const deadlineMs = options.deadlineMs ?? START_DEADLINE_MS;
  let child: ChildProcess;
  let port = 0;
  let stopped = false;

  const spawn = async (): Promise<void> => {
    const started = await spawnChain(options, port, deadlineMs);
    if (stopped) await endChild(started.child);
    child = started.child;
    port = started.port;
    child.once('exit', (code, signal) => {
      if (stopped) return;
      options.log(`the chain's process ended (${signal ?? code}); it is started again`);
      void revive();
    });
  };
  const revive = async (): Promise<void> => {
    for (let failures = 0; failures < FAILURES_MAX; failures += 1) {
      if (stopped) return;
      try {
        await spawn();
        return;
      } catch (error) {
        options.log(`the chain does not start: ${String(error)}`);
        await sleep(1000);
      }
    }
    options.log(`the chain did not start ${FAILURES_MAX} times: given up`);
  };

  port = options.port ?? 0;
  await spawn();
  if (options.port !== undefined && options.port !== 0 && port !== options.port) {
    stopped = true;
    await endChild(child!);
    throw new CommonwattError('conflict', `port ${options.port} is taken`, {
      remedy: 'give another --port, or 0 for a free one',
    });
  }
  return {
    get endpoint() {
      return `ws://127.0.0.1:${port}`;
    },
    get pid() {
      return child.pid ?? 0;
    },
    stop: async () => {
      stopped = true;
      await endChild(child);
    },
  };
}

async function spawnChain(
  options: EmbeddedChainOptions,
  wantedPort: number,
  deadlineMs: number,
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(MAIN, [], {
    execPath: process.execPath,
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=1024'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C in the terminal is the parent's to hear, even while this one still loads.
    detached: true,
    env: {
      ...process.env,
      LOG_LEVEL: 'error',
      DISABLE_PLUGINS: 'true',
      NODE_OPTIONS: '',
    },
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => options.log(`chain: ${line}`));
  }
  const ready = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`its process ended (${signal ?? code})`)));
    child.on('message', (message: FromChain) => {
      if (message.type === 'progress') options.onProgress?.(message.text);
      else if (message.type === 'ready') resolve(message.port);
      else reject(new Error(message.message));
    });
  });
  const timeout = AbortSignal.timeout(deadlineMs);
  const tooLate = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () => reject(new Error(`not ready within ${deadlineMs} ms`)));
  });
  tooLate.catch(() => {});
  const start: ToChain = { type: 'start', dir: options.dir, port: wantedPort, lockWaitMs: LOCK_WAIT_MS };
  child.send(start);
  try {
    return { child, port: await Promise.race([ready, tooLate]) };
  } catch (error) {
    child.kill('SIGKILL');
    throw new CommonwattError(
      'unavailable',
      `the embedded chain does not start: ${error instanceof Error ? error.message : String(error)}`,
      { record: options.dir },
      { cause: error },
    );
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop: ToChain = { type: 'stop' };
  if (child.connected) child.send(stop);
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await gone;
  clearTimeout(killer);
}
