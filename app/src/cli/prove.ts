import { CommonwattError } from '@commonwatt/domain';
import {
  blocksOfBatch,
  buildProof,
  connectChain,
  openChainForReading,
  verifyProof,
} from '@commonwatt/substrate-client';
import { join } from 'node:path';
import type { Command } from '../main.ts';
import { writeAtomically } from '../run/state.ts';
import { readJson } from './clear.ts';
import { nodeUrl, readOptions } from './options.ts';
import { searchOf } from './search.ts';
import { findStateDir } from './states.ts';

const PROVE_HELP = `commonwatt prove --statement SLOT/PARTICIPANT [--state DIR] [--out FILE]

Writes a proof of one household's statement for one slot (2026-06-01T12:00:00Z/home-03): its own lines and the path to the
root on chain, nobody else's lines.`;

const VERIFY_HELP = `commonwatt verify-proof FILE (--chain URL | --state DIR) [--from-block N]

Checks a proof file against the chain alone. Exit code 1 when it does not hold.
The proof names the blocks of its batch, and only those are looked at; nothing rests on them, wrong ones find nothing.
--from-block N looks through everything from block N on instead.`;

/** Gives a household the proof of its own statement. */
export const proveCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    statement: { type: 'string' },
    state: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(PROVE_HELP);
    return 0;
  }
  if (values.statement === undefined)
    throw new CommonwattError('malformed', '--statement is needed', { remedy: PROVE_HELP });
  const dir = findStateDir(values.state);
  const proof = buildProof(join(dir, 'bundles'), values.statement, (batchId) =>
    blocksOfBatch(join(dir, 'settlement.sqlite'), batchId),
  );
  const text = `${JSON.stringify(proof, null, 2)}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeAtomically(values.out, text);
  return 0;
};

/** Checks such a proof with nothing but the chain. */
export const verifyProofCommand: Command = async (args) => {
  const { values, positionals } = readOptions(
    args,
    {
      chain: { type: 'string' },
      state: { type: 'string' },
      'from-block': { type: 'string' },
      help: { type: 'boolean' },
    },
    1,
  );
  if (values.help) {
    console.log(VERIFY_HELP);
    return 0;
  }
  const [file] = positionals;
  if (file === undefined)
    throw new CommonwattError('malformed', 'which proof? Give a JSON file', { remedy: VERIFY_HELP });
  const proof = await readJson(file);
  const verdict = await withChain(values, (chain) =>
    verifyProof(proof, chain, searchOf(values['from-block'])),
  );
  for (const fault of verdict.faults) console.error(`FAULT  ${fault}`);
  const paid = verdict.paidMicro === null ? '' : `; its batch moved ${verdict.paidMicro} micro-units for it`;
  const where = verdict.block === null ? 'not on chain' : `in block ${verdict.block.number}`;
  console.log(
    `${verdict.slot} ${verdict.participant}: ${verdict.ok ? 'holds' : 'does NOT hold'}, batch ${verdict.batchId} ${where}${paid}`,
  );
  return verdict.ok ? 0 : 1;
};

type ConnectedChain = Awaited<ReturnType<typeof connectChain>>;

/** Runs something with the chain of --chain, or with the embedded one of a state folder; both are let go again. */
export async function withChain<T>(
  values: { chain?: string | undefined; state?: string | undefined },
  use: (chain: ConnectedChain) => Promise<T>,
): Promise<T> {
  const reading =
    values.chain === undefined
      ? await openChainForReading(join(findStateDir(values.state), 'chain'))
      : { endpoint: nodeUrl(values.chain), stop: async () => {} };
  try {
    const chain = await connectChain({ endpoint: reading.endpoint, log: (line) => console.error(line) });
    try {
      return await use(chain);
    } finally {
      await chain.close();
    }
  } finally {
    await reading.stop();
  }
}
