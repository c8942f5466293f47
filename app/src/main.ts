/** The `commonwatt` command: finds the sub-command, turns errors people can act on into one line and an exit code. */
import { CommonwattError } from '@commonwatt/domain';

const LINGER_MS_MAX = 5000;

/** Takes the arguments after its name and answers with the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: Record<string, readonly [summary: string, load: () => Promise<Command>]> = {
  run: ['run a neighbourhood (what `npm start` does)', async () => (await import('./cli/run.ts')).runCommand],
  signal: [
    'ask a running neighbourhood for less import',
    async () => (await import('./cli/signal.ts')).signalCommand,
  ],
  retry: [
    'let a slot that waits for the operator go on',
    async () => (await import('./cli/retry.ts')).retryCommand,
  ],
  verify: [
    'check published bundles against the chain',
    async () => (await import('./cli/verify.ts')).verifyCommand,
  ],
  prove: [
    "write the proof of a household's statement",
    async () => (await import('./cli/prove.ts')).proveCommand,
  ],
  'verify-proof': [
    'check such a proof against the chain alone',
    async () => (await import('./cli/prove.ts')).verifyProofCommand,
  ],
  join: [
    'take part in a community, with an account and a gateway',
    async () => (await import('./cli/registry/join.ts')).joinCommand,
  ],
  leave: ['take part no more', async () => (await import('./cli/registry/change.ts')).leaveCommand],
  'rotate-gateway': [
    "change a gateway's key, or add a gateway",
    async () => (await import('./cli/registry/change.ts')).rotateGatewayCommand,
  ],
  'revoke-gateway': [
    'take a gateway out of the registry',
    async () => (await import('./cli/registry/change.ts')).revokeGatewayCommand,
  ],
  members: [
    'list who takes part, from the chain alone',
    async () => (await import('./cli/registry/members.ts')).membersCommand,
  ],
  gateway: [
    'scan, check and run the gateway of a real home',
    async () => (await import('./cli/gateway.ts')).gatewayCommand,
  ],
  approve: [
    'let the settlement account draw on an account',
    async () => (await import('./cli/approve.ts')).approveCommand,
  ],
  chain: [
    'look at a chain, or run one for trying things out',
    async () => (await import('./cli/chain.ts')).chainCommand,
  ],
  key: ['make and show encrypted keystores', async () => (await import('./cli/key.ts')).keyCommand],
  cosign: [
    "run a signatory of a community's multisig account",
    async () => (await import('./cli/cosign.ts')).cosignCommand,
  ],
  check: ['check a clearing certificate', async () => (await import('./cli/check.ts')).checkCommand],
  clear: ['clear a book and print the clearing', async () => (await import('./cli/clear.ts')).clearCommand],
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, [summary]]) => `  ${name.padEnd(14)} ${summary}`);
  return [
    'commonwatt COMMAND [options]',
    '',
    ...lines,
    '',
    '`commonwatt COMMAND --help` lists its options.',
  ].join('\n');
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    console.log(usage());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    console.error(`commonwatt: there is no command ${JSON.stringify(name)}\n\n${usage()}`);
    return 2;
  }
  try {
    return await (
      await command[1]()
    )(args);
  } catch (error) {
    console.error(`commonwatt ${name}: ${describe(error)}`);
    return error instanceof CommonwattError && error.code !== 'internal' && error.code !== 'unavailable'
      ? 2
      : 1;
  }
}

/** One line per part: what is wrong, where, which rule, what to do. */
function describe(error: unknown): string {
  if (!(error instanceof CommonwattError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { record, field, rule, remedy } = error.place;
  const where = [
    record === undefined ? '' : `record: ${record}`,
    field === undefined ? '' : `field: ${field}`,
    rule === undefined ? '' : `rule: ${rule}`,
    remedy === undefined ? '' : `what to do: ${remedy}`,
  ].filter((part) => part !== '');
  return [error.message, ...where.map((part) => `  ${part}`)].join('\n');
}

process.exitCode = await main();
// What a failed start may have left open must not keep the command from ending.
setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
