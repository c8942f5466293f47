import { CommonwattError } from '@commonwatt/domain';
import {
  accountOf,
  connectChain,
  givePlayMoney,
  inspectChain,
  keystoreFace,
  parseUnits,
  startEmbeddedChain,
  type ChainFinding,
} from '@commonwatt/substrate-client';
import { resolve } from 'node:path';
import type { Command } from '../main.ts';
import { nodeUrl, readOptions, wholeNumber } from './options.ts';

const HELP = `commonwatt chain check --chain URL --asset-id N [--account SS58 | --keystore FILE]
commonwatt chain run --dir DIR [--port P] [--block-seconds S]
commonwatt chain fund --chain URL --account SS58 [--asset-id N] [--amount AMOUNT]

check  whether a community can settle there: each thing looked at, what is wrong and what to do. Only reads.
       --account or --keystore is the settlement account. Exit code 1 when something is wrong.
run    runs the embedded chain by itself, on loopback, until Ctrl-C. --block-seconds makes blocks at a steady pace, as public chains do;
       without it there is a block when there is something to put in.
fund   gives an account of such a chain play money, once: the native token and 1000 (or --amount) of asset 1984 (or --asset-id).`;

const FINALITY_WAIT_MS = 60_000;
const OPTIONS = {
  chain: { type: 'string' },
  'asset-id': { type: 'string' },
  account: { type: 'string', multiple: true },
  keystore: { type: 'string' },
  amount: { type: 'string' },
  dir: { type: 'string' },
  port: { type: 'string' },
  'block-seconds': { type: 'string' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

/** Everything about a chain that is not a neighbourhood's own. */
export const chainCommand: Command = async (args) => {
  const { values, positionals } = readOptions(args, OPTIONS, 1);
  const [action] = positionals;
  if (values.help || action === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (action === 'check') return check(values);
  if (action === 'run') return run(values);
  if (action === 'fund') return fund(values);
  throw new CommonwattError('malformed', `there is no \`chain ${action}\``, { remedy: HELP });
};

async function check(values: Values): Promise<number> {
  const url = needed(values.chain, 'chain');
  const assetId = wholeNumber('asset-id', needed(values['asset-id'], 'asset-id'), 0, 2 ** 32 - 1)!;
  const [account] = values.account ?? [];
  const settlementKey =
    account !== undefined
      ? accountOf(account)
      : values.keystore === undefined
        ? undefined
        : (await keystoreFace(values.keystore)).publicKey;
  const chain = await connectChain({ endpoint: nodeUrl(url), log: (line) => console.error(line) }).catch(
    (error: unknown) => {
      if (!(error instanceof CommonwattError)) throw error;
      print({
        check: 'reachable',
        verdict: 'wrong',
        said: error.message,
        remedy: error.place.remedy ?? 'check the address, and that a node runs there and takes connections',
      });
      return null;
    },
  );
  if (chain === null) return 1;
  try {
    print({ check: 'reachable', verdict: 'ok', said: url });
    const findings = await inspectChain(chain, {
      assetId,
      ...(settlementKey === undefined ? {} : { settlementKey }),
      finalityWaitMs: chain.isDevelopment ? 2000 : FINALITY_WAIT_MS,
    });
    for (const finding of findings) print(finding);
    return findings.some(({ verdict }) => verdict === 'wrong') ? 1 : 0;
  } finally {
    await chain.close();
  }
}

const MARK = { ok: 'ok   ', note: 'note ', wrong: 'WRONG' } as const;

function print({ verdict, check: name, said, remedy }: ChainFinding): void {
  console.log(`${MARK[verdict]}  ${name.padEnd(12)}  ${said}`);
  if (remedy !== undefined) console.log(`${' '.repeat(21)}what to do: ${remedy}`);
}

async function run(values: Values): Promise<number> {
  const dir = resolve(needed(values.dir, 'dir'));
  const port = wholeNumber('port', values.port, 0, 65_535);
  const blockSeconds = wholeNumber('block-seconds', values['block-seconds'], 1, 3600);
  const say = (line: string): void => console.log(line);
  const embedded = await startEmbeddedChain({
    dir,
    log: say,
    onProgress: say,
    ...(port === undefined ? {} : { port }),
  });
  const stopped = new Promise<void>((resolveStop) => {
    process.once('SIGINT', () => resolveStop());
    process.once('SIGTERM', () => resolveStop());
  });
  const chain = await connectChain({ endpoint: embedded.endpoint, log: say });
  const pace =
    blockSeconds === undefined
      ? undefined
      : setInterval(() => {
          chain.rpc.call('dev_newBlock', [], { once: true }).catch((error: unknown) => say(String(error)));
        }, blockSeconds * 1000);
  say(`the chain is at ${embedded.endpoint}`);
  await stopped;
  clearInterval(pace);
  await chain.close();
  await embedded.stop();
  return 0;
}

async function fund(values: Values): Promise<number> {
  const accounts = values.account ?? [];
  if (accounts.length === 0) needed(undefined, 'account');
  const assetId = wholeNumber('asset-id', values['asset-id'], 0, 2 ** 32 - 1) ?? 1984;
  const amountMicro = parseUnits(values.amount ?? '1000', 6, 'amount');
  const chain = await connectChain({
    endpoint: nodeUrl(needed(values.chain, 'chain')),
    log: (line) => console.error(line),
  });
  try {
    await givePlayMoney(chain, accounts.map(accountOf), { assetId, amountMicro }, (text) =>
      console.log(text),
    );
    return 0;
  } finally {
    await chain.close();
  }
}

function needed(value: string | undefined, option: string): string {
  if (value === undefined)
    throw new CommonwattError('malformed', `--${option} is needed`, { field: option, remedy: HELP });
  return value;
}
