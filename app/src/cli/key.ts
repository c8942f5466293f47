import { CommonwattError } from '@commonwatt/domain';
import { addressOf, createKeystore, keystoreFace, type KeystoreFace } from '@commonwatt/substrate-client';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../main.ts';
import { givenPassphrase, passphraseFor } from '../run/passphrase.ts';
import { readOptions, wholeNumber } from './options.ts';
import { findStateDir } from './states.ts';

const HELP = `commonwatt key new FILE [--name NAME] [--type ed25519|sr25519] [--passphrase-file FILE]
commonwatt key show FILE [--prefix N]
commonwatt key list [--state DIR]

new   makes a key and writes it to FILE, encrypted: the JSON that Polkadot wallets import and export. The seed is never shown.
show  the account of a keystore; needs no passphrase. --prefix is the chain's SS58 prefix (42: any Substrate chain, 0: Polkadot).
list  the keystores of a state folder.

The passphrase comes from --passphrase-file (chmod 600), from COMMONWATT_PASSPHRASE, or is asked on the terminal.
Settlement signs with ed25519; a household's account may be sr25519, as most wallets make them.`;

/** Makes and shows encrypted keystores. */
export const keyCommand: Command = async (args) => {
  const { values, positionals } = readOptions(
    args,
    {
      name: { type: 'string' },
      type: { type: 'string' },
      prefix: { type: 'string' },
      state: { type: 'string' },
      'passphrase-file': { type: 'string' },
      help: { type: 'boolean' },
    },
    2,
  );
  const [action, file] = positionals;
  if (values.help || action === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const prefix = wholeNumber('prefix', values.prefix, 0, 16_383) ?? 42;
  if (action === 'list') {
    const dir = join(findStateDir(values.state), 'keys');
    const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.json')) : [];
    for (const name of names.sort())
      console.log(line(await keystoreFace(join(dir, name)), join(dir, name), prefix));
    return 0;
  }
  if (file === undefined)
    throw new CommonwattError('malformed', 'which keystore? Give a file', { remedy: HELP });
  if (action === 'show') {
    console.log(line(await keystoreFace(file), file, prefix));
    return 0;
  }
  if (action !== 'new')
    throw new CommonwattError('malformed', `there is no \`key ${action}\``, { remedy: HELP });
  const scheme = values.type ?? 'ed25519';
  if (scheme !== 'ed25519' && scheme !== 'sr25519') {
    throw new CommonwattError('malformed', `--type ${scheme}: take ed25519 or sr25519`, { field: 'type' });
  }
  const passphrase = await newPassphrase(file, givenPassphrase(values['passphrase-file']));
  const made = await createKeystore(file, passphrase, randomBytes(32), values.name ?? 'commonwatt', scheme);
  console.log(line(made, file, prefix));
  return 0;
};

function line({ publicKey, scheme, name }: KeystoreFace, file: string, prefix: number): string {
  return `${addressOf(publicKey, prefix)}  ${scheme.padEnd(7)}  0x${publicKey}  ${file}${name === '' ? '' : `  (${name})`}`;
}

/** A new passphrase is asked twice: a slip would lock the key away for good. */
async function newPassphrase(file: string, given: string | null): Promise<string> {
  if (given !== null) return given;
  const first = await passphraseFor(file, null);
  if (first !== (await passphraseFor(`${file}, once more`, null)))
    throw new CommonwattError('malformed', 'the two passphrases differ: nothing was made');
  return first;
}
