import { CommonwattError } from '@commonwatt/domain';
import { POLICIES, type OpcuaLogin } from '@commonwatt/meter-gateway';
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { writeAtomically } from '../run/state.ts';
import { askHidden } from '../run/passphrase.ts';

const VARIABLE = 'COMMONWATT_OPCUA_PASSWORD';

/**
 * The login of `gateway scan --user`. The password is never an argument, which every user of the machine could read: it comes from the
 * environment or from the terminal. Undefined without --user. `file` is the configuration to be: certificates are kept beside it, and the
 * gateway's own key is made where it will look for it. Throws CommonwattError `malformed`, `forbidden` where nobody can be asked.
 */
export async function opcuaLogin(
  options: { user?: string; trust?: string; security?: string },
  file: string,
  host: string,
  port: number,
): Promise<OpcuaLogin | undefined> {
  const { user, trust } = options;
  if (user === undefined) return undefined;
  const security = POLICIES.find((policy) => policy === options.security);
  if (options.security !== undefined && security === undefined) {
    throw new CommonwattError('malformed', `--security ${options.security}: there is no such policy`, {
      field: 'security',
      remedy: `take one of ${POLICIES.join(', ')}`,
    });
  }
  return {
    user,
    password: await passwordOf(user),
    security,
    trust: (thumbprint) => (trust === undefined ? askTrust(thumbprint) : plain(trust) === plain(thumbprint)),
    keepCertificate(pem) {
      mkdirSync(dirname(file), { recursive: true });
      const path = join(dirname(file), `opcua-${host.replaceAll(/[^A-Za-z0-9.-]/g, '_')}-${port}.pem`);
      writeAtomically(path, pem);
      return { path, name: basename(path) };
    },
    pkiFolder: join(dirname(file), 'gateway-state', 'pki'),
  };
}

const plain = (thumbprint: string): string => thumbprint.toLowerCase().replaceAll(/[^0-9a-f]/g, '');

async function passwordOf(user: string): Promise<string> {
  const given = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (given !== undefined && given !== '') return given;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommonwattError('forbidden', `the password of ${user} is needed`, {
      remedy: `set ${VARIABLE}`,
    });
  }
  return askHidden(`password of ${user}: `);
}

async function askTrust(thumbprint: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    console.error(`compare the thumbprint with the device's own display, then give --trust ${thumbprint}`);
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`is ${thumbprint} what the device itself shows? (yes/no) `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
