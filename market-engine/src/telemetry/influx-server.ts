import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real InfluxDB 1.x for tests, in a folder of its own, on loopback. */
export interface InfluxServer {
  readonly url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Stops it where it stands, connections open, as a hanging server does; and lets it go on. */
  hang(): void;
  resume(): void;
  query(q: string): Promise<unknown>;
  remove(): Promise<void>;
}

/** The program's path, or null when this machine has none. */
export function findInfluxd(): string | null {
  for (const path of ['influxd', '/usr/sbin/influxd', '/usr/bin/influxd']) {
    if (spawnSync(path, ['version'], { encoding: 'utf8' }).stdout?.includes('v1.') === true) return path;
  }
  return null;
}

export async function makeInfluxServer(program: string): Promise<InfluxServer> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-influx-'));
  const [port, backupPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const config = join(folder, 'influx.conf');
  writeFileSync(
    config,
    [
      'reporting-disabled = true',
      `bind-address = "127.0.0.1:${backupPort}"`,
      `[meta]\n  dir = "${folder}/meta"`,
      `[data]\n  dir = "${folder}/data"\n  wal-dir = "${folder}/wal"\n  index-version = "tsi1"`,
      `[http]\n  bind-address = "127.0.0.1:${port}"\n  log-enabled = false`,
      '[monitor]\n  store-enabled = false',
    ].join('\n'),
  );
  let child: ChildProcess | null = null;
  const query = async (q: string): Promise<unknown> =>
    (await fetch(`${url}/query?${new URLSearchParams({ db: 'commonwatt', q })}`, { method: 'POST' })).json();
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
    query,
    kill,
    hang: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    start: async () => {
      child = spawn(program, ['-config', config], { stdio: 'ignore' });
      for (let attempt = 0; attempt < 100; attempt++) {
        try {
          await fetch(`${url}/ping`);
          return;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      throw new Error('influxd did not start');
    },
    remove: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
