// `npm run soak [-- --only market|feeder|settlement|multisig]`: the long form of the seeded tests. The crash tests stop at the first seed that fails.
import { parseArgs } from 'node:util';

const PARTS = {
  market: ['../market-engine/bench/crash.soak.ts', 'soakMarket'],
  feeder: ['../market-engine/bench/feeder.soak.ts', 'soakFeeder'],
  settlement: ['../substrate-client/bench/settlement.soak.ts', 'soakSettlement'],
  multisig: ['../substrate-client/bench/multisig.soak.ts', 'soakMultisig'],
};

const { values } = parseArgs({ options: { only: { type: 'string' } } });
if (values.only !== undefined && !(values.only in PARTS)) {
  console.error(`--only ${values.only}: there is no such part; take one of ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
for (const [part, [file, name]] of Object.entries(PARTS)) {
  if (values.only !== undefined && values.only !== part) continue;
  console.log(`\n== ${part}`);
  const module = await import(file);
  console.log(JSON.stringify(await module[name]((line) => console.log(line)), null, 2));
}
process.exit(0);
