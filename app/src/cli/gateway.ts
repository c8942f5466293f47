import { CommonwattError } from '@commonwatt/domain';
import { createMarketClient } from '@commonwatt/market-engine';
import { checkConfig, runFromConfig, scanHost } from '@commonwatt/meter-gateway';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from '../main.ts';
import { deliverReading } from '../run/market-access.ts';
import { writeAtomically } from '../run/state.ts';
import { readOptions } from './options.ts';
import { opcuaLogin } from './scan-login.ts';

const HELP = `commonwatt gateway scan TARGET [--out gateway.yaml]   find devices and write a configuration
commonwatt gateway check [gateway.yaml]               read every configured device once
commonwatt gateway run [gateway.yaml]                 read, sign and deliver until Ctrl-C

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
  if (action === 'run') return run(target ?? DEFAULT_FILE);
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

async function run(file: string): Promise<number> {
  const gateway = await runFromConfig(file, {
    deliverTo: (market) => {
      const client = createMarketClient({ baseUrl: market });
      return (reading, signal) =>
        deliverReading(client, reading, signal, ({ message, place }) =>
          console.log(
            `reading ${reading.payload.sequence}: ${message}${place.remedy ? `; ${place.remedy}` : ''}`,
          ),
        );
    },
    log: (line) => console.log(line),
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  console.log('stopping: the battery is released first ...');
  await gateway.stop();
  return 0;
}
