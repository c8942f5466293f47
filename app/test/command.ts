import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../bin/commonwatt.mjs', import.meta.url));

export interface Running {
  readonly child: ChildProcess;
  /** All that it printed so far, both streams. */
  output(): string;
  /** Resolves with the first match in the output; rejects when the process ends or the deadline passes without one. */
  line(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray>;
  /** Resolves with the exit code (null when killed by a signal); rejects at the deadline, after killing it. */
  exit(deadlineMs: number): Promise<number | null>;
}

/** Starts the `commonwatt` command as a user would, in its own process. */
export function start(...args: string[]): Running {
  const child = spawn(process.execPath, [ENTRY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let ended = false;
  const listeners = new Set<() => void>();
  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      text += data.toString();
      wake();
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      ended = true;
      resolve(code);
      wake();
    });
  });
  return {
    child,
    output: () => text,
    line: (pattern, deadlineMs) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text);
          if (match) finish(() => resolve(match));
          else if (ended) finish(() => reject(new Error(`ended without ${pattern}:\n${text}`)));
        };
        const timer = setTimeout(
          () => finish(() => reject(new Error(`no ${pattern} in ${deadlineMs} ms:\n${text}`))),
          deadlineMs,
        );
        const finish = (then: () => void): void => {
          clearTimeout(timer);
          listeners.delete(look);
          then();
        };
        listeners.add(look);
        look();
      }),
    exit: async (deadlineMs) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          child.kill('SIGKILL');
          reject(new Error(`still running after ${deadlineMs} ms:\n${text}`));
        }, deadlineMs);
      });
      try {
        return await Promise.race([exited, late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Runs the command to its end. */
export async function run(
  deadlineMs: number,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const running = start(...args);
  const code = await running.exit(deadlineMs);
  return { code, output: running.output() };
}

/** A state folder that goes away with the test. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'commonwatt-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}
