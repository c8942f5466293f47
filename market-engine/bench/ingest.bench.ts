import { fork, type ChildProcess } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonicalJson, type OrderPayload, type Signed } from '@commonwatt/domain';
import { ORDERS_MAX, signedOrders } from './ingest-kit.ts';

/** Enough on the way to keep the processors busy while a slow disk works. */
const CONNECTIONS = 32;
const DEPTH = 16;

interface LoadReport {
  readonly elapsedMs: number;
  readonly bestPerSecond: number;
  readonly acknowledged: readonly number[];
  readonly refused: number;
  readonly firstRefusal: string;
  readonly cpuSeconds: number;
}

/**
 * Orders per second that the market takes over HTTP from another process, each verified and on disk before it is acknowledged,
 * beside the machine's own ed25519 verify rate; then the same with kill -9 in the middle, counting what was acknowledged and is not in the
 * journal.
 */
export async function benchIngest(print: (line: string) => void): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-ingest-'));
  try {
    const verifyBefore = verifyRate();
    await run(join(folder, 'warm.sqlite'), 5_000);
    const calm = await run(join(folder, 'calm.sqlite'), ORDERS_MAX);
    // Before and after: whoever else uses the machine slows this down too.
    const verifyPerSecond = Math.max(verifyBefore, verifyRate());
    const ordersPerSecond = (calm.report.acknowledged.length / calm.report.elapsedMs) * 1000;
    const { bestPerSecond, refused, firstRefusal, acknowledged } = calm.report;
    const shown = (rate: number): string =>
      `${Math.round(rate)} /s = ${((rate / verifyPerSecond) * 100).toFixed(0)} %`;
    print(`ed25519 verify, one core, best of 20 rounds:  ${Math.round(verifyPerSecond)} /s`);
    print(
      `orders over HTTP, verified and journaled, run of ${acknowledged.length}: ${shown(ordersPerSecond)} (limit: 70 %); ${refused} refused ${firstRefusal}`,
    );
    print(`  best 8000 in a row: ${shown(bestPerSecond)}`);
    print(
      `  CPU per order: market ${calm.serverMicros.toFixed(0)} us, load generator ${calm.loadMicros.toFixed(0)} us; ${calm.commits} commits`,
    );
    const cores = availableParallelism();
    const busyMicros = calm.serverMicros + calm.loadMicros;
    print(
      `  so ${cores} cores that do nothing else could carry ${shown((cores / busyMicros) * 1e6)}, the load generator included`,
    );
    const killed = await lostAfterKill(ORDERS_MAX, 700);
    print(
      `kill -9 after 0.7 s: ${killed.acknowledged} acknowledged, ${killed.lost} of them not in the journal`,
    );
    return {
      verifyPerSecond,
      ingestOrdersPerSecond: ordersPerSecond,
      ingestShareOfVerifyRate: ordersPerSecond / verifyPerSecond,
      ingestBestShareOfVerifyRate: bestPerSecond / verifyPerSecond,
      ingestLostAfterKill: killed.lost,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Kills a market under load and counts what it had acknowledged, and what of that its journal lacks. */
export async function lostAfterKill(
  orders: number,
  killAfterMs: number,
): Promise<{ readonly acknowledged: number; readonly lost: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'commonwatt-kill-'));
  try {
    const path = join(folder, 'market.sqlite');
    const { report } = await run(path, orders, killAfterMs);
    return { acknowledged: report.acknowledged.length, lost: lostOf(path, report.acknowledged) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bare verifications per second on one core: no JSON, no network, no disk. */
function verifyRate(): number {
  const checks = signedOrders(500).map((body) => {
    const { payload, key, signature } = JSON.parse(body) as Signed<OrderPayload>;
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'hex')]);
    return {
      message: Buffer.from(canonicalJson(payload)),
      key: createPublicKey({ key: der, format: 'der', type: 'spki' }),
      signature: Buffer.from(signature, 'hex'),
    };
  });
  let best = 0;
  for (let round = 0; round < 10; round++) {
    const startMs = performance.now();
    for (const { message, key, signature } of checks) {
      if (!verify(null, message, key, signature)) throw new Error('a signature of the bench does not hold');
    }
    best = Math.max(best, (checks.length / (performance.now() - startMs)) * 1000);
  }
  return best;
}

async function run(journalPath: string, orders: number, killAfterMs?: number) {
  const server = fork(join(import.meta.dirname, 'ingest-server.ts'), [journalPath]);
  const { port } = (await message(server)) as { port: number };
  const load = fork(
    join(import.meta.dirname, 'ingest-load.ts'),
    [port, orders, CONNECTIONS, DEPTH].map(String),
  );
  await message(load);
  const before = (await ask(server)) as { cpuSeconds: number };
  load.send('go');
  if (killAfterMs !== undefined) setTimeout(() => server.kill('SIGKILL'), killAfterMs);
  const report = (await message(load)) as LoadReport;
  const after =
    killAfterMs === undefined
      ? ((await ask(server)) as { cpuSeconds: number; commits: number })
      : { ...before, commits: 0 };
  if (server.exitCode === null && server.signalCode === null) {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  }
  return {
    report,
    commits: after.commits,
    serverMicros: ((after.cpuSeconds - before.cpuSeconds) / orders) * 1e6,
    loadMicros: (report.cpuSeconds / orders) * 1e6,
  };
}

/** How many acknowledged orders the journal does not hold. */
function lostOf(journalPath: string, acknowledged: readonly number[]): number {
  const db = new DatabaseSync(journalPath);
  const held = new Set(
    db
      .prepare("SELECT json_extract(body, '$.signed.payload.id') AS id FROM intake")
      .all()
      .map((row) => row['id']),
  );
  db.close();
  return acknowledged.filter((index) => !held.has(`o${index}`)).length;
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a process of the bench ended with ${code}`)));
  });
}

function ask(child: ChildProcess): Promise<unknown> {
  const answer = message(child);
  child.send('cpu');
  return answer;
}

if (process.argv[1] === import.meta.filename) console.log(await benchIngest(console.log));
