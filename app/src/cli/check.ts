import { CommonwattError } from '@commonwatt/domain';
import { checkCertificate } from '@commonwatt/market-engine';
import type { Command } from '../main.ts';
import { readJson } from './clear.ts';
import { readOptions } from './options.ts';

const HELP = `commonwatt check CERTIFICATE.json

Checks a clearing certificate in one pass, without clearing again. Exit code 1, with the reason, when anything in it is forged.
Make one with: commonwatt clear BOOK.json --certificate CERTIFICATE.json`;

/** Checks a certificate made by \`clear --certificate\`. */
export const checkCommand: Command = async (args) => {
  const { values, positionals } = readOptions(args, { help: { type: 'boolean' } }, 1);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [file] = positionals;
  if (file === undefined)
    throw new CommonwattError('malformed', 'which certificate? Give a JSON file', { remedy: HELP });
  const verdict = checkCertificate(await readJson(file));
  if (verdict.ok) {
    console.log('the certificate holds');
    return 0;
  }
  console.error(
    `the certificate does NOT hold: ${verdict.reason}${verdict.record === undefined ? '' : ` (${verdict.record})`}`,
  );
  return 1;
};
