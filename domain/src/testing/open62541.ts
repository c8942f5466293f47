import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';

/* The open62541 stack, a peer nobody here wrote: `npm test` fetches the library, the two small programs around it are compiled here. */

const LIBRARY = fileURLToPath(new URL('../../../node_modules/.cache/open62541/usr', import.meta.url));
const USER = 'gateway';
const PASSWORD = 'secret';
const SOURCES = fileURLToPath(new URL('open62541/', import.meta.url));

/** Why the tests against open62541 are left out here; undefined when they are not. */
export function open62541Missing(): string | undefined {
  if (!existsSync(join(LIBRARY, 'include/open62541/server.h'))) return 'the open62541 library is not here';
  if (spawnSync('cc', ['--version']).status !== 0) return 'no C compiler is here';
  try {
    open62541Program('server');
    open62541Program('client');
    return undefined;
  } catch (error) {
    return `it does not compile: ${String(error).slice(0, 500)}`;
  }
}

/** Path of a compiled program, made when its source is newer. */
export function open62541Program(name: 'server' | 'client'): string {
  const binary = join(LIBRARY, '..', name);
  const source = join(SOURCES, `${name}.c`);
  const newestMs = Math.max(...readdirSync(SOURCES).map((file) => statSync(join(SOURCES, file)).mtimeMs));
  if (existsSync(binary) && statSync(binary).mtimeMs > newestMs) return binary;
  const triplet = readdirSync(join(LIBRARY, 'lib')).find((each) => existsSync(join(LIBRARY, 'lib', each)));
  const lib = join(LIBRARY, 'lib', triplet ?? '');
  const where = [`-I${join(LIBRARY, 'include')}`, `-L${lib}`, `-Wl,-rpath,${lib}`, `-Wl,-rpath-link,${lib}`];
  // What the library itself needs lies beside it; a newer tag would not be looked at for that.
  const options = ['-O1', '-Wall', '-Werror', '-Wl,--disable-new-dtags', ...where];
  execFileSync('cc', [...options, '-o', binary, source, '-l:libopen62541.so.1.4']);
  return binary;
}

export interface Variable {
  /** Namespace index, from 2 on in the order of `namespaces`. */
  readonly ns: number;
  /** `s=TEXT` or `i=NUMBER`. */
  readonly id: string;
  /** A folder's id, or `-`. */
  readonly parent: string;
  readonly name: string;
  readonly type: 'double' | 'float' | 'int32' | 'uint32' | 'uint64' | 'string';
  readonly value: number | string;
  readonly unit?: string;
}

export interface Folder {
  readonly ns: number;
  readonly id: string;
  readonly parent: string;
  readonly name: string;
}

export interface Open62541 {
  readonly endpoint: string;
  readonly certificatePath: string;
  /** Changes a value; `status` as a code, `atMs` its source timestamp: 0 for now, -1 for none. Resolves when the server has it. */
  set(variable: Variable, change: { value?: number; status?: number; atMs?: number }): Promise<void>;
  /** Stops the process where it is, or lets it go on: a server that is frozen. */
  freeze(frozen: boolean): void;
  stop(): Promise<void>;
}

/** Starts a server with user `gateway` and password `secret`. Its certificate stays in the folder over restarts. */
export async function open62541Server(options: {
  readonly folder: string;
  readonly namespaces: readonly string[];
  readonly folders: readonly Folder[];
  readonly variables: readonly Variable[];
  /** More references between nodes of one namespace: loops, second parents. */
  readonly links?: readonly { readonly ns: number; readonly from: string; readonly to: string }[];
  /** The gateway's certificate, DER. */
  readonly trustClient: string;
  readonly port?: number;
  readonly days?: number;
}): Promise<Open62541> {
  const { folder, namespaces, folders, variables, trustClient, days = 30 } = options;
  mkdirSync(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const certificatePath = join(folder, 'server.der');
  const child = spawn(
    open62541Program('server'),
    [
      String(port),
      certificatePath,
      join(folder, 'server-key.der'),
      String(days),
      USER,
      PASSWORD,
      trustClient,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const waiting: { word: string; done: () => void }[] = [];
  let complaint = '';
  child.stderr.on('data', (data) => (complaint += String(data)));
  createInterface(child.stdout).on('line', (line) => {
    if (waiting[0]?.word === line) waiting.shift()?.done();
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const tell = (word: string, lines: readonly (readonly (string | number)[])[]): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ word, done: resolve });
      void exited.then(() => reject(new Error(`the server ended: ${complaint}`)));
      child.stdin.write(lines.map((line) => `${line.join('\t')}\n`).join(''));
    });
  await tell('listening', [
    ...namespaces.map((uri) => ['namespace', uri]),
    ...folders.map(({ ns, id, parent, name }) => ['folder', ns, id, parent, name]),
    ...variables.map(({ ns, id, parent, name, type, value, unit = '-' }) => [
      'variable',
      ns,
      id,
      parent,
      name,
      type,
      value,
      unit,
    ]),
    ...(options.links ?? []).map(({ ns, from, to }) => ['link', ns, from, to]),
    ['start'],
  ]);
  return {
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    certificatePath,
    set: ({ ns, id, type, value: before }, { value = Number(before), status = 0, atMs = 0 }) =>
      tell('set', [['set', ns, id, type, value, status.toString(16), atMs]]),
    freeze: (frozen) => void child.kill(frozen ? 'SIGSTOP' : 'SIGCONT'),
    async stop() {
      child.kill('SIGCONT');
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(timer);
    },
  };
}
