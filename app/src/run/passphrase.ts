import { CommonwattError } from '@commonwatt/domain';
import { readFileSync, statSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';

const VARIABLE = 'COMMONWATT_PASSPHRASE';

/**
 * The passphrase that the user gives: from `--passphrase-file`, else from COMMONWATT_PASSPHRASE, which is taken out of the environment so
 * that no child process gets it. Null when there is neither.
 */
export function givenPassphrase(file: string | undefined): string | null {
  const fromEnvironment = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (file !== undefined) return readPassphraseFile(file);
  return fromEnvironment === undefined || fromEnvironment === '' ? null : fromEnvironment;
}

/** The first line of a file that its owner alone may read. Throws `not-found`, `forbidden` (others may read it too) or `malformed` (empty). */
export function readPassphraseFile(file: string): string {
  let mode: number;
  let text: string;
  try {
    mode = statSync(file).mode & 0o777;
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommonwattError(
      'not-found',
      `the passphrase file ${file} cannot be read: ${(error as Error).message}`,
      { record: file, remedy: 'write the passphrase as its first line, and chmod 600' },
      { cause: error },
    );
  }
  if ((mode & 0o077) !== 0) {
    throw new CommonwattError(
      'forbidden',
      `the passphrase file ${file} can be read by others (mode ${mode.toString(8)})`,
      { record: file, remedy: `chmod 600 ${file}` },
    );
  }
  const passphrase = text.split(/\r?\n/, 1)[0] ?? '';
  if (passphrase === '')
    throw new CommonwattError('malformed', `the passphrase file ${file} is empty`, { record: file });
  return passphrase;
}

/** What was given, else asks on the terminal. Throws `forbidden` where there is no terminal to ask on. */
export async function passphraseFor(what: string, given: string | null): Promise<string> {
  if (given !== null) return given;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommonwattError('forbidden', `${what} needs its passphrase`, {
      remedy: `set ${VARIABLE}, or give --passphrase-file FILE (chmod 600)`,
    });
  }
  return askHidden(`passphrase of ${what}: `);
}

/** Reads a line from the terminal without showing it. Ctrl-C rejects with `forbidden`. */
export function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (then: () => void): void => {
      stdin.off('keypress', onKey);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      then();
    };
    const onKey = (typed: string | undefined, key: { name?: string; ctrl?: boolean }): void => {
      if (key.ctrl === true && (key.name === 'c' || key.name === 'd'))
        end(() => reject(new CommonwattError('forbidden', 'no passphrase was given')));
      else if (key.name === 'return' || key.name === 'enter') end(() => resolve(text));
      else if (key.name === 'backspace') text = text.slice(0, -1);
      else if (typed !== undefined && key.ctrl !== true) text += typed;
    };
    stdin.on('keypress', onKey);
  });
}
