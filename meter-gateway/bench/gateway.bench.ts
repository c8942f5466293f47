import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import modbusSerial from 'modbus-serial';
import { openConnections } from '../src/connect.ts';
import { Poller } from '../src/poller.ts';

const DEVICES = 500;
const SECONDS = 8;
const INTERVAL_MS = 1000;
/** The same requests for both: voltages to frequency, and the counters, of an SDM630. */
const SPANS = [{ address: 0, count: 76 }] as const;

/** What a round of polls cost. */
export interface Round {
  readonly pollsPerSecond: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly cpuUsPerPoll: number;
  readonly corePercent: number;
  readonly failures: number;
}

/** Polls every device once a second, spread over the second, and measures from when a poll was due until its answer was taken. */
export async function round(count: number, poll: (index: number) => Promise<void>): Promise<Round> {
  const latencies: number[] = [];
  let failures = 0;
  await Promise.all(Array.from({ length: count }, (_, index) => poll(index)));
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const device = async (index: number): Promise<void> => {
    const phaseMs = (index * INTERVAL_MS) / count;
    for (let turn = 0; turn < SECONDS; turn += 1) {
      const dueMs = startMs + phaseMs + turn * INTERVAL_MS;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      await poll(index).catch(() => {
        failures += 1;
      });
      latencies.push(Math.max(0, performance.now() - dueMs));
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => device(index)));
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return {
    pollsPerSecond: Math.round(latencies.length / seconds),
    latencyP50Ms: Math.round(at(0.5) * 10) / 10,
    latencyP99Ms: Math.round(at(0.99) * 10) / 10,
    cpuUsPerPoll: Math.round((user + system) / latencies.length),
    corePercent: Math.round((user + system) / 1e4 / seconds),
    failures,
  };
}

/** A round in one line. */
export function show(print: (line: string) => void, name: string, r: Round): void {
  print(
    `${name.padEnd(22)} ${r.pollsPerSecond} polls/s, p50 ${r.latencyP50Ms} ms, p99 ${r.latencyP99Ms} ms, ` +
      `${r.cpuUsPerPoll} us CPU a poll, ${r.corePercent} % of a core, ${r.failures} failures`,
  );
}

async function gatewayRound(ports: readonly number[]): Promise<Round> {
  const connections = openConnections({ pkiFolder: '/nonexistent' });
  const pollers = ports.map(
    (port, index) =>
      new Poller({
        device: connections.device({
          id: `meter-${index}`,
          role: 'grid-meter',
          protocol: 'modbus-tcp',
          host: '127.0.0.1',
          port,
          unitId: 1,
          profile: 'sdm630',
        }),
        role: 'grid-meter',
        nowMs: Date.now,
        slotMs: 900_000,
        memory: undefined,
        log: () => {},
        limits: { ratedW: 25_000, skewMs: 120_000, resolutionWh: 8, confirmations: 3 },
      }),
  );
  const result = await round(ports.length, (index) => pollers[index]?.poll() ?? Promise.resolve());
  const errors = pollers.reduce((sum, poller) => sum + poller.errors, 0);
  await connections.closeAll();
  return { ...result, failures: errors };
}

async function bareRound(ports: readonly number[]): Promise<Round> {
  const ModbusRTU = modbusSerial.default;
  const clients = await Promise.all(
    ports.map(async (port) => {
      const client = new ModbusRTU();
      await client.connectTCP('127.0.0.1', { port });
      client.setID(1);
      client.setTimeout(1500);
      return client;
    }),
  );
  const result = await round(ports.length, async (index) => {
    for (const { address, count } of SPANS) await clients[index]?.readInputRegisters(address, count);
  });
  for (const client of clients) client.close(() => {});
  return result;
}

/** 500 Modbus TCP devices, once a second each: the gateway's poller beside a bare modbus-serial loop, in the same run. */
export async function benchGateway(print: (line: string) => void): Promise<Record<string, number>> {
  const child = fork(fileURLToPath(new URL('devices.ts', import.meta.url)), [String(DEVICES)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      child.once('message', (message) => resolve(message as readonly number[]));
      child.once('exit', () => reject(new Error('the devices did not start')));
    });
    print(`${DEVICES} Modbus TCP devices, one poll a second each, ${SECONDS} s`);
    const gateway = await gatewayRound(ports);
    show(print, 'gateway', gateway);
    const bare = await bareRound(ports);
    show(print, 'bare modbus-serial', bare);
    return {
      gatewayPollsPerSecond: gateway.pollsPerSecond,
      gatewayLatencyP99Ms: gateway.latencyP99Ms,
      gatewayCpuUsPerPoll: gateway.cpuUsPerPoll,
      gatewayFailures: gateway.failures,
      bareCpuUsPerPoll: bare.cpuUsPerPoll,
      bareLatencyP99Ms: bare.latencyP99Ms,
    };
  } finally {
    child.disconnect();
  }
}
