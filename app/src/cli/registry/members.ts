import { CommonwattError } from '@commonwatt/domain';
import { addressOf, membersOf, readRegistry, type RegistryOnChain } from '@commonwatt/substrate-client';
import type { Command } from '../../main.ts';
import { readOptions, wholeNumber } from '../options.ts';
import { withChain } from '../prove.ts';
import { findStateDir, runningIn } from '../states.ts';
import { communityOf } from '../../run/state.ts';

const HELP = `commonwatt members [--state DIR | --chain URL --community ID] [--block N]

Who takes part, from the chain alone: participants, accounts, gateways and their keys, and entries that do not count.
--block N shows it as it was in that finalized block, where the node still has it.`;

/** Prints a community's registry. */
export const membersCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    state: { type: 'string' },
    chain: { type: 'string' },
    community: { type: 'string' },
    block: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const wanted = wholeNumber('block', values.block, 0, 2 ** 32 - 1);
  const community = values.community ?? communityHere(values);
  return withChain(values, async (chain) => {
    const head = await chain.finalizedBlock();
    const number = wanted ?? head.number;
    const hash = number <= head.number ? await chain.blockHashAt(number) : null;
    if (hash === null)
      throw new CommonwattError('not-found', `there is no finalized block ${number}`, {
        field: 'block',
        remedy: `the last one is ${head.number}`,
      });
    for (const line of tableOf(await readRegistry(chain, community, { number, hash }))) console.log(line);
    return 0;
  });
};

function communityHere(values: { state?: string | undefined; chain?: string | undefined }): string {
  if (values.chain !== undefined)
    throw new CommonwattError('malformed', '--chain needs --community', { field: 'community' });
  const dir = findStateDir(values.state);
  return runningIn(dir)?.community ?? communityOf(dir);
}

/** A registry as a person reads it. */
export function tableOf(registry: RegistryOnChain): string[] {
  const { community, terms, block } = registry;
  const { participants, gateways, ignored } = membersOf(registry);
  const rows = participants.map(({ id, role, accountKey, agentKey }) => [
    id,
    role,
    addressOf(accountKey),
    agentKey === undefined ? 'its own' : agentKey,
    gateways
      .filter(({ payload }) => payload.participant === id)
      .map(({ payload }) => `${payload.gateway} ${payload.gatewayKey}`)
      .join(', '),
  ]);
  return [
    `${community} in block ${block.number}: ${terms.slotMinutes} minute slots, asset ${terms.assetId}, rules ${terms.rulesHash}`,
    `settlement account ${addressOf(terms.settlementKey)}${terms.url === null ? '' : `, market ${terms.url}`}`,
    '',
    ...table([['participant', 'role', 'account', 'signs orders with', 'gateways'], ...rows]),
    ...ignored.map(({ entry, why }) => `does not count: ${entry}, because ${why}`),
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
