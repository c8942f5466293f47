import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** A real InfluxDB 1.x of one's own: loopback, free ports, a temporary folder. */
export interface InfluxServer {
  readonly url: string;
  readonly database: string;
  /** Starts it, and again after `kill`: the data stay. With accounts it makes the database and the users the first time. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Stops it where it stands, connections open, as a hanging server does; and lets it go on. */
  hang(): void;
  resume(): void;
  /** InfluxQL, as the reading user where there are accounts; times in ms. */
  query(influxql: string): Promise<QueryAnswer>;
  /** Line protocol with ms timestamps, as the writing user where there are accounts. Throws with the server's answer when it is refused. */
  write(lines: readonly string[]): Promise<void>;
  /** Kills it and removes its folder. */
  remove(): Promise<void>;
}

export interface QueryAnswer {
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly name: string;
      readonly tags?: Record<string, string>;
      readonly columns: readonly string[];
      readonly values: readonly (readonly unknown[])[];
    }[];
  }[];
  readonly error?: string;
}

const START_MS_MAX = 15_000;
const REQUEST_MS_MAX = 20_000;
const LINES_AT_ONCE = 5000;
const SECRETS = { admin: 'admin-secret', telemetry: 'write-secret', grafana: 'read-secret' };
type User = keyof typeof SECRETS;

/** The program's path, or null when this machine has none, or one of another major version than 1. */
export function findInfluxd(): string | null {
  for (const path of ['influxd', '/usr/sbin/influxd', '/usr/bin/influxd']) {
    if (spawnSync(path, ['version'], { encoding: 'utf8' }).stdout?.includes('InfluxDB v1.') === true)
      return path;
  }
  return null;
}

/** Prepares a server; `start` it. `accounts`: everybody needs a password, one user writes (`telemetry`) and one reads (`grafana`). */
export async function makeInfluxServer(
  program: string,
  { accounts = false, database = 'commonwatt' } = {},
): Promise<InfluxServer> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-influx-'));
  const [port, backupPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const config = join(folder, 'influx.conf');
  writeFileSync(config, configText(folder, port, backupPort, accounts));
  let child: ChildProcess | null = null;
  let prepared = false;

  const post = (path: string, user: User | null, body: string | URLSearchParams): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      ...(user && accounts
        ? { headers: { authorization: `Basic ${btoa(`${user}:${SECRETS[user]}`)}` } }
        : {}),
      body,
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
  const ask = async (q: string, user: User | null, db?: string): Promise<QueryAnswer> => {
    const path = `/query?epoch=ms${db === undefined ? '' : `&db=${db}`}`;
    return (await (await post(path, user, new URLSearchParams({ q }))).json()) as QueryAnswer;
  };
  const must = async (q: string, user: User | null): Promise<void> => {
    const answer = await ask(q, user);
    const error = answer.error ?? answer.results?.[0]?.error;
    if (error !== undefined) throw new Error(`${q}: ${error}`);
  };
  const prepare = async (): Promise<void> => {
    await must(`CREATE USER admin WITH PASSWORD '${SECRETS.admin}' WITH ALL PRIVILEGES`, null);
    await must(`CREATE DATABASE ${database}`, 'admin');
    for (const [user, right] of [
      ['telemetry', 'WRITE'],
      ['grafana', 'READ'],
    ] as const) {
      await must(`CREATE USER ${user} WITH PASSWORD '${SECRETS[user]}'`, 'admin');
      await must(`GRANT ${right} ON ${database} TO ${user}`, 'admin');
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  return {
    url,
    database,
    kill,
    hang: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    query: (influxql) => ask(influxql, 'grafana', database),
    async write(lines) {
      for (let first = 0; first < lines.length; first += LINES_AT_ONCE) {
        const body = lines.slice(first, first + LINES_AT_ONCE).join('\n');
        const answer = await post(`/write?db=${database}&precision=ms`, 'telemetry', body);
        if (!answer.ok) throw new Error(`write refused: ${answer.status} ${await answer.text()}`);
      }
    },
    async start() {
      child = spawn(program, ['-config', config], { stdio: 'ignore' });
      await answersPing(url);
      if (accounts && !prepared) await prepare();
      prepared = true;
    },
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answersPing(url: string): Promise<void> {
  const endMs = performance.now() + START_MS_MAX;
  while (performance.now() < endMs) {
    try {
      await fetch(`${url}/ping`, { signal: AbortSignal.timeout(1000) });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('influxd did not start');
}

function configText(folder: string, port: number, backupPort: number, accounts: boolean): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${backupPort}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  index-version = "tsi1"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = ${accounts}
  log-enabled = false
[continuous_queries]
  log-enabled = false
`;
}
