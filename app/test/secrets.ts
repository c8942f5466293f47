import { openSeed } from '@commonwatt/substrate-client';
import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every form in which the root seed of a state folder, or the seed of one of its roles, could lie in a file or a log. */
export async function secretForms(state: string, roles: readonly string[]): Promise<Map<string, Buffer>> {
  const passphrase = readFileSync(join(state, 'keys', 'passphrase'), 'utf8').trim();
  const root = await openSeed(join(state, 'keys', 'root.json'), passphrase);
  const seeds = new Map([['root', root]]);
  for (const role of roles) seeds.set(role, createHmac('sha256', root).update(role).digest());
  const forms = new Map<string, Buffer>([['passphrase', Buffer.from(passphrase)]]);
  for (const [role, seed] of seeds) {
    forms.set(`${role} as bytes`, seed);
    forms.set(`${role} as hex`, Buffer.from(seed.toString('hex')));
    forms.set(`${role} as upper hex`, Buffer.from(seed.toString('hex').toUpperCase()));
    forms.set(`${role} as base64`, Buffer.from(seed.toString('base64').replace(/=+$/, '')));
  }
  return forms;
}

/** Where in a folder one of the secrets lies, as `file: form`. The passphrase's own file is where it belongs. */
export function secretsIn(dir: string, forms: ReadonlyMap<string, Buffer>): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = join(dir, name);
    if (!statSync(file).isFile()) return [];
    const content = readFileSync(file);
    return [...forms]
      .filter(
        ([form, bytes]) => content.includes(bytes) && !(form === 'passphrase' && name === 'keys/passphrase'),
      )
      .map(([form]) => `${name}: ${form}`);
  });
}
