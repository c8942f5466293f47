import { CommonwattError, type SlotMinutes } from '@commonwatt/domain';
import { parseUnits } from '@commonwatt/substrate-client';
import { resolve } from 'node:path';
import type { Command } from '../main.ts';
import { planMeasured, planSynthetic, type NeighbourhoodSpec } from '../neighbourhood/index.ts';
import type { PublicChain } from '../run/chain.ts';
import { runNeighbourhood } from '../run/run.ts';
import { givenPassphrase } from '../run/passphrase.ts';
import { defaultStateName, openState } from '../run/state.ts';
import { readRuleChanges } from '../run/rules.ts';
import { readJson } from './clear.ts';
import { httpUrl, nodeUrl, readOptions, wholeNumber } from './options.ts';

const DEFAULT_HOMES = 20;
const DEFAULT_PORT = 4280;
const DEFAULT_BALANCE = '1000';
const ASSET_DECIMALS = 6;
/** A day passes in about five minutes with 20 homes; larger neighbourhoods run slower so that two cores keep up. */
const SPEED = { upTo20Homes: 300, least: 60 };

const HELP = `commonwatt run [options]        (npm start -- [options])

Runs a neighbourhood: simulated devices that speak the real protocols, gateways, agents, the market and an embedded chain.

  --homes N               how many homes (default ${DEFAULT_HOMES}; with --data as many as measured)
  --slots N               end by itself, exit code 0, after N slots are settled on chain
  --speed X               times real time (default ${SPEED.upTo20Homes}, less above 20 homes)
  --seed S                another neighbourhood, another weather (default 1)
  --data DIR              measured homes (homes.csv, meters.csv or meters.csv.gz) in place of synthetic ones
  --state DIR             where everything is kept; bundles/ holds one public file per settled slot
  --slot-minutes M        15, 30 or 60 (default 15)
  --rules FILE            JSON with the rules the community has changed (prices, fees, k, gate ...)
  --chain URL             settle on a chain that is there already (ws:// or wss://); the embedded one otherwise
  --asset-id N            the asset to pay in, with 6 decimals (with --chain)
  --balance AMOUNT        what each household starts with there, and may be drawn of, in the asset (default ${DEFAULT_BALANCE})
  --cosigners N           the settlement account is a multisig of N nodes that each check before they approve
  --threshold K           so many of them must approve (default: more than half)
  --keystore FILE         the settlement account, a Polkadot JSON (default: one made in the state folder)
  --passphrase-file FILE  opens the keystores (chmod 600); or COMMONWATT_PASSPHRASE, or asked on the terminal
  --wrong-meter HOME=P    the grid meter of a home shows P % of what flows, from now on (100 ends it); may be repeated
  --influx URL            write telemetry to this InfluxDB
  --port P                port of the page and the API (default ${DEFAULT_PORT}, or a free one when that is taken)
  --summary FILE          write the summary as JSON when the run ends`;

/** \`npm start\`: runs until its slots are settled or Ctrl-C; started again it goes on where it was. */
export const runCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    homes: { type: 'string' },
    slots: { type: 'string' },
    speed: { type: 'string' },
    seed: { type: 'string' },
    data: { type: 'string' },
    state: { type: 'string' },
    'slot-minutes': { type: 'string' },
    rules: { type: 'string' },
    chain: { type: 'string' },
    'asset-id': { type: 'string' },
    balance: { type: 'string' },
    cosigners: { type: 'string' },
    threshold: { type: 'string' },
    keystore: { type: 'string' },
    'passphrase-file': { type: 'string' },
    'wrong-meter': { type: 'string', multiple: true },
    influx: { type: 'string' },
    port: { type: 'string' },
    summary: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 31 - 1) ?? 1;
  const askedHomes = wholeNumber('homes', values.homes, 1, 500);
  const slots = wholeNumber('slots', values.slots, 1, 1_000_000) ?? null;
  const slotMinutes = wholeNumber('slot-minutes', values['slot-minutes'], 15, 60) ?? 15;
  if (![15, 30, 60].includes(slotMinutes)) {
    throw new CommonwattError('out-of-range', `--slot-minutes takes 15, 30 or 60, got ${slotMinutes}`, {
      field: 'slot-minutes',
    });
  }
  const rules = values.rules === undefined ? {} : readRuleChanges(await readJson(values.rules), values.rules);
  const port = wholeNumber('port', values.port, 0, 65_535);
  const influxUrl = values.influx === undefined ? null : httpUrl('influx', values.influx);
  const dataDir = values.data === undefined ? null : resolve(values.data);
  const spec: NeighbourhoodSpec =
    dataDir === null
      ? planSynthetic({ homes: askedHomes ?? DEFAULT_HOMES, seed })
      : await planMeasured({ dataDir, seed, ...(askedHomes === undefined ? {} : { homes: askedHomes }) });
  const homes = spec.homes.length;
  const speed =
    wholeNumber('speed', values.speed, 1, 5000) ??
    Math.max(SPEED.least, Math.min(SPEED.upTo20Homes, Math.round((SPEED.upTo20Homes * 20) / homes)));
  const cosigners = cosignersOf(values.cosigners, values.threshold);
  const identity = {
    homes,
    seed,
    slotMinutes: slotMinutes as SlotMinutes,
    dataDir,
    ...(Object.keys(rules).length === 0 ? {} : { rules }),
    ...(cosigners === null ? {} : { cosigners }),
  };
  const stateDir = resolve(values.state ?? `state/${defaultStateName(identity)}`);
  const stop = stopOnSignals();
  const state = await openState(stateDir, identity, {
    passphrase: givenPassphrase(values['passphrase-file']),
    ...(values.keystore === undefined ? {} : { settlementKeystore: resolve(values.keystore) }),
  });
  try {
    const summary = await runNeighbourhood({
      state,
      spec,
      speed,
      slots,
      port: port ?? DEFAULT_PORT,
      portIsDefault: port === undefined,
      rules,
      publicChain: publicChainOf(values),
      wrongMeters: wrongMeters(values['wrong-meter'] ?? [], spec.homes),
      influxUrl,
      summaryFile: values.summary === undefined ? null : resolve(values.summary),
      say,
      stop,
    });
    if (summary !== null) console.log(JSON.stringify(summary, null, 2));
    if (stop.aborted) say(`stopped; the same command goes on from here (${stateDir})`);
    else if (summary !== null) say(`done: ${summary.slotsSettled} slots settled on chain`);
    return 0;
  } finally {
    state.close();
  }
};

/** The chain of --chain, or null for the embedded one. */
function publicChainOf(values: {
  chain?: string | undefined;
  'asset-id'?: string | undefined;
  balance?: string | undefined;
}): PublicChain | null {
  const assetId = wholeNumber('asset-id', values['asset-id'], 0, 2 ** 32 - 1);
  if (values.chain === undefined) {
    if (assetId === undefined && values.balance === undefined) return null;
    throw new CommonwattError('malformed', '--asset-id and --balance go with --chain', { field: 'chain' });
  }
  if (assetId === undefined) {
    throw new CommonwattError('malformed', '--chain needs --asset-id: which asset is the money there?', {
      field: 'asset-id',
      remedy: 'commonwatt chain check --chain URL --asset-id N looks at one',
    });
  }
  return {
    url: nodeUrl(values.chain),
    assetId,
    balanceMicro: parseUnits(values.balance ?? DEFAULT_BALANCE, ASSET_DECIMALS, 'balance'),
  };
}

function cosignersOf(
  countText: string | undefined,
  thresholdText: string | undefined,
): { count: number; threshold: number } | null {
  const count = wholeNumber('cosigners', countText, 2, 20);
  if (count === undefined) {
    if (thresholdText === undefined) return null;
    throw new CommonwattError('malformed', '--threshold is for --cosigners', { field: 'threshold' });
  }
  const threshold = wholeNumber('threshold', thresholdText, 2, count) ?? Math.floor(count / 2) + 1;
  return { count, threshold };
}

const startedMs = performance.now();

function say(line: string): void {
  if (line === '') return;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
  console.log(`[${seconds} s] ${line}`);
}

/** `home-03=70`. Errors: `malformed` and `out-of-range`, with the option. */
function wrongMeters(
  texts: readonly string[],
  homes: readonly { readonly id: string }[],
): { home: string; percent: number }[] {
  return texts.map((text) => {
    const [, home = '', digits] = /^([^=]+)=(\d{1,3})$/.exec(text) ?? [];
    if (!homes.some(({ id }) => id === home)) {
      throw new CommonwattError(
        'malformed',
        `--wrong-meter takes HOME=PERCENT, got ${JSON.stringify(text)}`,
        {
          field: 'wrong-meter',
          remedy: `name one of ${homes.length} homes, like ${homes[0]?.id}=70`,
        },
      );
    }
    return { home, percent: wholeNumber('wrong-meter', digits, 0, 300) ?? 100 };
  });
}

/** Ctrl-C and SIGTERM stop cleanly; so does the end of the npm that started us. A second Ctrl-C ends at once. */
function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: string): void => {
    if (controller.signal.aborted) process.exit(130);
    say(`${signal}: stopping cleanly (once more to stop at once) ...`);
    controller.abort(new Error(signal));
  };
  process.on('SIGINT', () => onSignal('Ctrl-C'));
  process.on('SIGTERM', () => onSignal('SIGTERM'));
  process.on('SIGHUP', () => onSignal('SIGHUP'));
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent && !controller.signal.aborted) onSignal('npm is gone');
    }, 500).unref();
  }
  return controller.signal;
}
