import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real InfluxDB of one's own: loopback, free ports, a temporary folder, an admin, a writing and a reading user. */
export interface InfluxServer {
  readonly url: string;
  readonly database: string;
  /** Line protocol with ms timestamps, as the writing user. Throws with the server's answer when it is refused. */
  write(lines: readonly string[]): Promise<void>;
  /** InfluxQL as the reading user. */
  query(influxql: string): Promise<QueryAnswer>;
  stop(): Promise<void>;
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

/** Null when there is no `influxd`, or one of another major version than 1. */
export function findInfluxd(): string | null {
  const found = spawnSync('influxd', ['version'], { encoding: 'utf8' });
  return found.status === 0 && /InfluxDB v1\./.test(found.stdout) ? 'influxd' : null;
}

function config(folder: string): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:0"
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
  bind-address = "127.0.0.1:0"
  auth-enabled = true
  log-enabled = false
[continuous_queries]
  log-enabled = false
`;
}

export async function startInfluxd(database = 'commonwatt'): Promise<InfluxServer> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-influx-'));
  const file = join(folder, 'influx.conf');
  writeFileSync(file, config(folder));
  const child = spawn('influxd', ['-config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(hard);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await portFrom(child.stderr);
    const url = `http://127.0.0.1:${port}`;
    const secret = { admin: 'admin-secret', telemetry: 'write-secret', grafana: 'read-secret' };
    type User = keyof typeof secret;
    const post = async (path: string, user: User | null, body: string, type: string): Promise<Response> => {
      const headers: Record<string, string> = { 'content-type': type };
      if (user) headers['authorization'] = `Basic ${btoa(`${user}:${secret[user]}`)}`;
      return fetch(`${url}${path}`, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      });
    };
    const ask = async (q: string, user: User | null, db = ''): Promise<QueryAnswer> => {
      const path = `/query?epoch=ms${db ? `&db=${db}` : ''}`;
      const answer = await post(
        path,
        user,
        `q=${encodeURIComponent(q)}`,
        'application/x-www-form-urlencoded',
      );
      return (await answer.json()) as QueryAnswer;
    };
    const must = async (q: string, user: User | null) => {
      const answer = await ask(q, user);
      const error = answer.error ?? answer.results?.[0]?.error;
      if (error !== undefined) throw new Error(`${q}: ${error}`);
    };
    await must(`CREATE USER admin WITH PASSWORD '${secret.admin}' WITH ALL PRIVILEGES`, null);
    await must(`CREATE DATABASE ${database}`, 'admin');
    for (const [user, right] of [
      ['telemetry', 'WRITE'],
      ['grafana', 'READ'],
    ] as const) {
      await must(`CREATE USER ${user} WITH PASSWORD '${secret[user]}'`, 'admin');
      await must(`GRANT ${right} ON ${database} TO ${user}`, 'admin');
    }
    return {
      url,
      database,
      stop,
      query: (influxql) => ask(influxql, 'grafana', database),
      write: async (lines) => {
        for (let first = 0; first < lines.length; first += 5000) {
          const body = lines.slice(first, first + 5000).join('\n');
          const answer = await post(`/write?db=${database}&precision=ms`, 'telemetry', body, 'text/plain');
          if (!answer.ok) throw new Error(`write refused: ${answer.status} ${await answer.text()}`);
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The port that influxd took, from its log. Goes on draining the log afterwards, so that the pipe never fills. */
async function portFrom(log: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`influxd did not start: ${text}`)), START_MS_MAX);
    log.on('data', (chunk: Buffer) => {
      if (text.length < 100_000) text += chunk.toString();
      const port = /Listening on HTTP.*addr=127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) {
        clearTimeout(timer);
        resolve(Number(port));
      }
    });
    log.on('end', () => reject(new Error(`influxd ended: ${text}`)));
  });
}
