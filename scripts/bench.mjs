// `npm run bench [-- --only NAME --json FILE --state DIR]`: measures, never judges. NAME is market, gateway, settlement or forecasts;
// settlement also counts the day of a real run in the state folder DIR.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const PARTS = {
  market: [
    ['../market-engine/bench/market.bench.ts', 'benchMarket'],
    ['../market-engine/bench/ingest.bench.ts', 'benchIngest'],
  ],
  gateway: [
    ['../meter-gateway/bench/gateway.bench.ts', 'benchGateway'],
    ['../meter-gateway/bench/opcua.bench.ts', 'benchOpcua'],
  ],
  settlement: [['../substrate-client/bench/settlement.bench.ts', 'benchSettlement']],
  forecasts: [['../forecasts/bench/forecasts.bench.ts', 'benchForecasts']],
};

const { values } = parseArgs({
  options: { only: { type: 'string' }, json: { type: 'string' }, state: { type: 'string' } },
});
if (values.only !== undefined && !(values.only in PARTS)) {
  console.error(`--only ${values.only}: there is no such part; take one of ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
const figures = {};
for (const [part, files] of Object.entries(PARTS)) {
  if (values.only !== undefined && values.only !== part) continue;
  for (const [file, name] of files) {
    console.log(`\n== ${part}: ${name}`);
    const module = await import(file);
    Object.assign(figures, await module[name]((line) => console.log(line), { state: values.state }));
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
console.log(`\n${JSON.stringify(figures, null, 2)}`);
process.exit(0);
