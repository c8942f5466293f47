import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommonwattError } from '@commonwatt/domain';
import type { Answer, Request, Results } from './messages.ts';
import type { FaultKind, NeighbourhoodSpec, ParkHome } from './spec.ts';

/** A running device park. Calls reject with CommonwattError (unavailable) when the process is gone or does not answer. */
export interface Park {
  /** World time it stands at: at the start the later of its memory and what was asked, then what it was advanced to. */
  readonly atMs: number;
  readonly homes: readonly ParkHome[];
  /** The meter at the transformer, or null. */
  readonly feeder: ParkHome | null;
  readonly pid: number;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Runs the physics to that world time. Idempotent; an earlier time changes nothing. Kept before it can be read. */
  advance(toMs: number): Promise<Results['advance']>;
  /** `device`: its id or its role. For tests of faults. */
  fault(
    homeId: string,
    device: string,
    fault: { readonly kind: FaultKind; readonly percent?: number },
  ): Promise<void>;
  /** What truly flowed, in millijoules; for tests. */
  truth(): Promise<Results['truth']>;
  stop(): Promise<void>;
}

const START_MS_MAX = 180_000;
const CALL_MS_MAX = 60_000;
const STOP_MS_MAX = 6_000;

/** Starts the devices' process; resolves when every server listens. Rejects with CommonwattError, leaving no process. */
export async function startPark(options: {
  spec: NeighbourhoodSpec;
  dir: string;
  atMs: number;
  log: (line: string) => void;
}): Promise<Park> {
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), [], {
    execPath: pinnedNode(),
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C in the terminal is the parent's to hear, even while this one still loads.
    detached: true,
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', options.log);
  }
  const ask = caller(child, exited, options.log);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  let begun: Results['start'];
  try {
    begun = await ask(
      { do: 'start', spec: options.spec, dir: options.dir, atMs: options.atMs },
      'start',
      START_MS_MAX,
    );
  } catch (error) {
    await kill();
    throw error;
  }
  for (const note of options.spec.notes ?? []) options.log(note);
  let atMs = begun.atMs;
  return {
    get atMs() {
      return atMs;
    },
    homes: begun.homes,
    feeder: begun.feeder,
    pid: child.pid ?? 0,
    exited,
    async advance(toMs) {
      const result = await ask({ do: 'advance', toMs }, 'advance', CALL_MS_MAX);
      atMs = Math.max(atMs, result.atMs);
      return result;
    },
    async fault(home, device, fault) {
      await ask({ do: 'fault', home, device, ...fault }, 'fault', CALL_MS_MAX);
    },
    truth: () => ask({ do: 'truth' }, 'truth', CALL_MS_MAX),
    async stop() {
      await ask({ do: 'stop' }, 'stop', STOP_MS_MAX).catch(() => {});
      const timer = setTimeout(() => child.kill('SIGKILL'), 1_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

type Ask = <K extends keyof Results>(
  request: Extract<Request, { do: K }>,
  kind: K,
  deadlineMs: number,
) => Promise<Results[K]>;

function caller(child: ChildProcess, exited: Promise<unknown>, log: (line: string) => void): Ask {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let gone = false;
  const unavailable = (what: string): CommonwattError =>
    new CommonwattError('unavailable', what, { remedy: 'start the devices again; their state is kept' });
  child.on('message', (message) => {
    const answer = message as Answer;
    if ('log' in answer) {
      log(answer.log);
      return;
    }
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) {
      const { code, detail, place } = answer.error;
      call?.reject(new CommonwattError(code, detail, place));
    } else call?.resolve(answer.result as never);
  });
  void exited.then(() => {
    gone = true;
    for (const call of waiting.values()) call.reject(unavailable("the devices' process has ended"));
    waiting.clear();
  });
  return (request, kind, deadlineMs) =>
    new Promise((resolve, reject) => {
      if (gone || !child.connected) {
        reject(unavailable("the devices' process has ended"));
        return;
      }
      const id = ++lastId;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(unavailable(`the devices' process did not answer "${kind}" within ${deadlineMs} ms`));
      }, deadlineMs);
      const settle =
        <T>(act: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          act(value);
        };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      child.send({ id, ...request }, (error) => {
        if (!error) return;
        waiting.delete(id);
        settle(reject)(unavailable(`the devices' process cannot be reached: ${error.message}`));
      });
    });
}

/** The Node that package.json pins, whatever started this process. */
function pinnedNode(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', 'node');
    return existsSync(binary) ? binary : process.execPath;
  } catch {
    return process.execPath;
  }
}
