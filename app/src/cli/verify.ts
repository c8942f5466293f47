import { CommonwattError, formatMicro } from '@commonwatt/domain';
import { rebuildRecords, trueUpOriginProblem } from '@commonwatt/market-engine';
import { readRegistry, verifyBundles, type SlotVerdict } from '@commonwatt/substrate-client';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../main.ts';
import { chainStartOf } from '../run/chain.ts';
import { readOptions } from './options.ts';
import { withChain } from './prove.ts';
import { communityOf } from '../run/state.ts';
import { searchOf } from './search.ts';
import { findStateDir } from './states.ts';

const HELP = `commonwatt verify --state DIR [--chain URL] [--from-block N]

Takes the published bundles (DIR/bundles) and the chain alone: clears every slot again, rebuilds the statements and the
Merkle roots, compares them with the chain, and says per slot what holds. Exit code 1 when anything does not.

The chain is looked through from the block where the community began, which the state folder says (chain-start.json); --from-block N
takes another, 0 all of it. A batch before that block is not seen: who does not trust the state folder looks from block 0.
The node must keep the events of all these blocks (an archive node).`;

/** Re-runs everything from public data. */
export const verifyCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    state: { type: 'string' },
    chain: { type: 'string' },
    'from-block': { type: 'string' },
    quiet: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const dir = findStateDir(values.state);
  const bundleDir = join(dir, 'bundles');
  if (!existsSync(bundleDir))
    throw new CommonwattError('not-found', `${bundleDir} does not exist: no slot was settled yet`);
  const beganAt = chainStartOf(dir)?.block.number;
  return withChain({ chain: values.chain, state: dir }, async (chain) => {
    const report = await verifyBundles({
      bundleDir,
      chain,
      search: searchOf(values['from-block'], beganAt),
      partial: Number(values['from-block'] ?? 0) > (beganAt ?? 0),
      rebuild: rebuildRecords,
      checkTrueUp: trueUpOriginProblem,
      registryAt: (block) => readRegistry(chain, communityOf(dir), block),
      onSlot: (verdict) => print(verdict, values.quiet === true),
    });
    for (const fault of report.faults) console.log(`FAULT  ${fault.record}: ${fault.what}`);
    for (const { participant, batchId, amountMicro } of report.kept)
      console.log(
        `KEPT   ${formatMicro(amountMicro)} for ${participant}, which could not be paid in batch ${batchId}`,
      );
    const good = report.slots.filter((slot) => slot.ok).length;
    console.log(
      `${good} of ${report.slots.length} slots hold; ${report.ok ? 'everything agrees with the chain' : 'NOT everything agrees'}`,
    );
    return report.ok ? 0 : 1;
  });
};

function print(verdict: SlotVerdict, quiet: boolean): void {
  if (verdict.ok && quiet) return;
  console.log(`${verdict.slot}  ${verdict.ok ? 'holds' : 'FAILS'}: ${verdict.holds.join(', ')}`);
  for (const fault of verdict.faults) console.log(`  FAULT  ${verdict.slot}  ${fault.record}: ${fault.what}`);
}
