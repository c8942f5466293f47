import { readFileSync, readdirSync } from 'node:fs';
import { CommonwattError } from '@commonwatt/domain';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Profile } from './types.ts';

const FOLDER = new URL('../../profiles/', import.meta.url);
let validate: ValidateFunction<Profile> | undefined;
const loaded = new Map<string, Profile>();

/** Names of all profiles that come with the gateway, ascending. */
export function profileNames(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json') && file !== 'schema.json')
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** A profile by its name. Throws CommonwattError `not-found` for an unknown name, `malformed` for a file that breaks the schema. */
export function loadProfile(name: string): Profile {
  const known = loaded.get(name);
  if (known) return known;
  if (!profileNames().includes(name)) {
    throw new CommonwattError('not-found', `there is no device profile ${JSON.stringify(name)}`, {
      field: 'profile',
      remedy: `use one of ${profileNames().join(', ')}, or sunspec`,
    });
  }
  const profile = parseProfile(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'), `${name}.json`);
  loaded.set(name, profile);
  return profile;
}

/** Checks a profile's text against `profiles/schema.json`; addresses may be numbers or hex strings. */
export function parseProfile(text: string, file: string): Profile {
  validate ??= new Ajv({ allErrors: true, allowUnionTypes: true }).compile<Profile>(
    JSON.parse(readFileSync(new URL('schema.json', FOLDER), 'utf8')) as object,
  );
  const value: unknown = JSON.parse(text, (key, member: unknown) =>
    key === 'address' && typeof member === 'string' ? Number(member) : member,
  );
  if (!validate(value)) {
    const [first] = validate.errors ?? [];
    throw new CommonwattError('malformed', `${file}${first?.instancePath ?? ''} ${first?.message ?? ''}`, {
      record: file,
      field: first?.instancePath ?? '',
      remedy: 'compare with profiles/schema.json',
    });
  }
  return value;
}
