import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openConnections } from '../src/connect.ts';
import { Poller } from '../src/poller.ts';
import { round, show } from './gateway.bench.ts';

const DEVICES = 50;
const SERVERS = 5;
const CONNECTIONS = 200;

/**
 * 50 OPC-UA devices in one process, each with a session of its own, one poll a second each; the Modbus figures of the same run stand beside
 * them. Then 200 connections one after the other, and what they leave in memory.
 */
export async function benchOpcua(print: (line: string) => void): Promise<Record<string, number>> {
  const pkiFolder = mkdtempSync(join(tmpdir(), 'bench-pki-'));
  const child = fork(fileURLToPath(new URL('opcua-devices.ts', import.meta.url)), [String(SERVERS)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const servers = await new Promise<readonly { endpoint: string; certificatePath: string }[]>(
      (resolve, reject) => {
        child.once('message', (message) => resolve(message as never));
        child.once('exit', () => reject(new Error('the devices did not start')));
      },
    );
    const rssBefore = process.memoryUsage.rss();
    const groups = Array.from({ length: DEVICES / SERVERS }, () => openConnections({ pkiFolder }));
    const pollers = groups.flatMap((connections, group) =>
      servers.map(
        ({ endpoint, certificatePath }, index) =>
          new Poller({
            device: connections.device({
              id: `meter-${group}-${index}`,
              role: 'grid-meter',
              protocol: 'opcua',
              endpoint,
              user: 'gateway',
              password: 'secret',
              profile: 'opc34100',
              serverCertificatePath: certificatePath,
            }),
            role: 'grid-meter',
            nowMs: Date.now,
            slotMs: 900_000,
            memory: undefined,
            log: () => {},
            limits: { ratedW: 25_000, skewMs: 120_000, resolutionWh: 1, confirmations: 3 },
          }),
      ),
    );
    // Connecting is apart: a handful of RSA operations each.
    for (const poller of pollers) await poller.poll();
    const result = await round(pollers.length, (index) => pollers[index]?.poll() ?? Promise.resolve());
    const rssMb = (process.memoryUsage.rss() - rssBefore) / 1e6;
    const failures = pollers.reduce((sum, poller) => sum + poller.errors, 0);
    await Promise.all(groups.map((connections) => connections.closeAll()));
    print(`${DEVICES} OPC-UA sessions, SignAndEncrypt Basic256Sha256, one poll of 4 nodes a second each`);
    show(print, 'gateway, OPC-UA', { ...result, failures });
    print(`memory for library and sessions: ${rssMb.toFixed(0)} MB`);

    const [first] = servers;
    const script = fileURLToPath(new URL('../test/opcua-reconnects.ts', import.meta.url));
    const target = [first?.endpoint ?? '', first?.certificatePath ?? '', pkiFolder, String(CONNECTIONS)];
    const lines = execFileSync(
      process.execPath,
      ['--expose-gc', '--disable-warning=ExperimentalWarning', script, ...target],
      { encoding: 'utf8', timeout: 180_000 },
    );
    const { grownBytes, ms } = JSON.parse(lines.trim().split('\n').at(-1) ?? '') as {
      grownBytes: number;
      ms: number;
    };
    print(
      `${CONNECTIONS} connections one after the other: ${(ms / CONNECTIONS).toFixed(0)} ms each, ${(grownBytes / 1e6).toFixed(2)} MB more in use after`,
    );
    return {
      opcuaLatencyP99Ms: result.latencyP99Ms,
      opcuaCpuUsPerPoll: result.cpuUsPerPoll,
      opcuaCorePercent: result.corePercent,
      opcuaFailures: failures,
      opcuaMemoryMb: Math.round(rssMb),
      opcuaMsPerConnection: Math.round(ms / CONNECTIONS),
      opcuaBytesPerConnection: Math.round(grownBytes / CONNECTIONS),
    };
  } finally {
    child.disconnect();
    rmSync(pkiFolder, { recursive: true, force: true });
  }
}
