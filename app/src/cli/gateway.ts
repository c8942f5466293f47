import { CommonwattError } from '@commonwatt/domain';
import { checkConfig, openGatewayKey, readConfig, runFromConfig, scanHost } from '@commonwatt/meter-gateway';
import { accountOf, gatewayConsent } from '@commonwatt/substrate-client';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from '../main.ts';
import { followMarketClock } from '../run/market-clock.ts';
import { writeAtomically } from '../run/state.ts';
import { deliveryTo } from './gateway-delivery.ts';
import { readOptions } from './options.ts';
import { tokenOf } from './registry/gateway-of.ts';
import { opcuaLogin } from './scan-login.ts';

const HELP = `commonwatt gateway scan TARGET [--out gateway.yaml]   find devices and write a configuration
commonwatt gateway check [gateway.yaml]               read every configured device once
commonwatt gateway key [gateway.yaml] --account ADDR  print its key for \`commonwatt join --gateway-key\` elsewhere
commonwatt gateway run [gateway.yaml]                 read, sign and deliver until Ctrl-C

run with --market-clock takes the time from the market: for a simulated neighbourhood, whose time is its own.

TARGET is HOST[:PORT] or opc.tcp://HOST[:PORT]. To look into an OPC-UA server:
  --user NAME            with the password from COMMONWATT_OPCUA_PASSWORD, else asked for
  --trust THUMBPRINT     of the server's certificate, as its display says; else asked for
  --security POLICY      instead of the best that the server offers

docs/gateway.md leads from the cable to the first signed reading.`;

const DEFAULT_FILE = 'gateway.yaml';

/** The box in the home, by itself. */
export const gatewayCommand: Command = async (args) => {
  const { values, positionals } = readOptions(
    args,
    {
      out: { type: 'string' },
      user: { type: 'string' },
      trust: { type: 'string' },
      security: { type: 'string' },
      account: { type: 'string' },
      'market-clock': { type: 'boolean' },
      help: { type: 'boolean' },
    },
    2,
  );
  const [action, target] = positionals;
  if (values.help || action === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (action === 'scan') return scan(target, values);
  if (action === 'check') {
    const result = await checkConfig(target ?? DEFAULT_FILE, (line) => console.log(line));
    return result.ok ? 0 : 1;
  }
  if (action === 'key') return showKey(target ?? DEFAULT_FILE, values.account);
  if (action === 'run') return run(target ?? DEFAULT_FILE, values['market-clock'] === true);
  throw new CommonwattError('malformed', `there is no \`gateway ${action}\``, { remedy: HELP });
};

async function scan(
  target: string | undefined,
  values: { out?: string; user?: string; trust?: string; security?: string },
): Promise<number> {
  const { out } = values;
  const match = /^(opc\.tcp:\/\/)?(?:\[([0-9a-fA-F:]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(target ?? '');
  const host = match?.[2] ?? match?.[3];
  if (host === undefined) {
    throw new CommonwattError(
      'malformed',
      `scan what? ${JSON.stringify(target ?? '')} is no HOST[:PORT] and no opc.tcp://HOST[:PORT]`,
      { remedy: HELP },
    );
  }
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  if (out !== undefined && existsSync(out)) {
    throw new CommonwattError('conflict', `${out} is there already`, {
      remedy: 'give another --out, or move it away',
    });
  }
  const login = await opcuaLogin(values, resolve(out ?? DEFAULT_FILE), host, port ?? 4840);
  const result = await scanHost(host, {
    ...(port === undefined ? {} : { ports: [port], opcuaPorts: [port] }),
    ...(match?.[1] === undefined ? {} : { ports: [] }),
    login,
    withPassword: out !== undefined,
    print: (line) => console.log(line),
  });
  const found = result.devices.length + result.endpoints.length;
  if (found === 0) {
    console.error(`nothing that is known answers at ${target}`);
    return 1;
  }
  if (login !== undefined && result.servers.length === 0 && result.devices.length === 0) return 1;
  if (result.endpoints.length > 0 && login === undefined)
    console.log(
      'to look into the OPC-UA server: compare the thumbprint with its display, and give --user NAME',
    );
  if (out === undefined) console.log(`\n${result.yaml}`);
  else {
    mkdirSync(dirname(resolve(out)), { recursive: true });
    writeAtomically(out, result.yaml, 0o600);
    console.log(
      `written to ${out}: complete the names, the market's address and what is missing, then \`commonwatt gateway check ${out}\``,
    );
  }
  return 0;
}

/** The box's key with its consent to read for this account. */
function showKey(file: string, account: string | undefined): number {
  if (account === undefined) {
    throw new CommonwattError('malformed', 'for whom? Give --account, the address that joins', {
      field: 'account',
      remedy: HELP,
    });
  }
  const { community, participant, signer } = openGatewayKey(file);
  console.log(tokenOf(gatewayConsent(signer, { community, participant, accountKey: accountOf(account) })));
  return 0;
}

async function run(file: string, onMarketClock: boolean): Promise<number> {
  const clock = onMarketClock ? await followMarketClock(readConfig(file).market) : null;
  const log = (line: string): void => console.log(line);
  const gateway = await runFromConfig(file, {
    deliverTo: (market) => deliveryTo(market, log),
    log,
    ...(clock === null ? {} : { clock }),
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  console.log('stopping: the battery is released first ...');
  await gateway.stop();
  clock?.stop();
  return 0;
}
