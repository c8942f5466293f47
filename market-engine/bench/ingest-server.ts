import { buildMarketServer } from '../src/api/server.ts';
import { openMarket } from '../src/service/open-market.ts';
import { FIRST_SLOT, NOW_MS, RULES, traders } from './ingest-kit.ts';

/** A market of its own process: `node ingest-server.ts JOURNAL`. Tells its parent the address, and its CPU time when asked. */
const market = await openMarket({
  rules: RULES,
  participants: traders().map(({ participant }) => participant),
  gateways: [],
  journalPath: process.argv[2] as string,
  clock: { nowMs: () => NOW_MS, waitUntil: () => new Promise(() => {}) },
  firstSlot: FIRST_SLOT,
  settlement: { settle: () => new Promise(() => {}) },
  estimate: { estimate: () => ({ importWh: 0, exportWh: 0, basis: 'none' }) },
  log: (line) => console.error(line),
});
const server = await buildMarketServer(market, { port: 0, rateLimit: { max: 1e9, windowMs: 60_000 } });
const address = await server.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const main = process.threadCpuUsage();
  process.send?.({
    cpuSeconds: (user + system) / 1e6,
    mainSeconds: (main.user + main.system) / 1e6,
    commits: market.health().journal.commits,
  });
});
process.on('disconnect', () => process.exit());
process.send?.({ port: Number(new URL(address).port) });
