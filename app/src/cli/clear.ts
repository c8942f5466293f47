import { CommonwattError, type MechanismName } from '@commonwatt/domain';
import { buildCertificate, clearBook, freezeBook, MECHANISMS, parseBook } from '@commonwatt/market-engine';
import { readFile } from 'node:fs/promises';
import type { Command } from '../main.ts';
import { writeAtomically } from '../run/state.ts';
import { readOptions } from './options.ts';

const HELP = `commonwatt clear BOOK.json [--mechanism ${Object.keys(MECHANISMS).join('|')}] [--certificate FILE]

Clears a book by the public rules (docs/market-rules.md) and prints the clearing as JSON.
With --certificate it also writes a clearing certificate, which \`commonwatt check\` verifies.
A book that breaks a rule is refused whole: exit code 2, with the order, the field and the rule on standard error.`;

/** Prints the clearing of a book; the same book gives the same bytes. */
export const clearCommand: Command = async (args) => {
  const { values, positionals } = readOptions(
    args,
    { mechanism: { type: 'string' }, certificate: { type: 'string' }, help: { type: 'boolean' } },
    1,
  );
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const mechanism = values.mechanism ?? 'uniform';
  if (!Object.hasOwn(MECHANISMS, mechanism)) {
    throw new CommonwattError('malformed', `--mechanism ${mechanism}: there is no such mechanism`, {
      remedy: `take one of ${Object.keys(MECHANISMS).join(', ')}`,
    });
  }
  const [file] = positionals;
  if (file === undefined)
    throw new CommonwattError('malformed', 'which book? Give a JSON file', { remedy: HELP });
  const book = parseBook(await readJson(file));
  const frozen = freezeBook(book);
  const clearing = clearBook(frozen, mechanism as MechanismName);
  if (values.certificate !== undefined) {
    writeAtomically(values.certificate, `${JSON.stringify(buildCertificate(frozen, clearing), null, 2)}\n`);
  }
  console.log(JSON.stringify(clearing, null, 2));
  return 0;
};

/** A JSON file's value; `malformed` with the file's name when it cannot be read or is no JSON. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommonwattError(
      'malformed',
      `${file} cannot be read: ${(error as Error).message}`,
      { record: file },
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommonwattError(
      'malformed',
      `${file} is not JSON: ${(error as Error).message}`,
      { record: file },
      { cause: error },
    );
  }
}
