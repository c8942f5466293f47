import { CommonwattError, type Signer } from '@commonwatt/domain';
import { createKeystore, type MultisigTerms } from '@commonwatt/substrate-client';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeAtomically } from './files.ts';

/** What everyone must know to approve for a community's account; public, in the state folder. */
export interface CosignTerms extends MultisigTerms {
  readonly community: string;
  readonly assetId: number;
}

export const TERMS_FILE = 'cosigners.json';
const ENTRY = fileURLToPath(new URL('../../bin/commonwatt.mjs', import.meta.url));
const RESTART_MS = 1_000;
const STOP_MS = 3_000;
/** Simulated time is fast: nobody waits long for a node that is down. */
const STANDBY_S = 3;

/** Folder of a simulated cosigner; they are numbered from 2, the market's node is the first. */
function folderOf(dir: string, number: number): string {
  return join(dir, 'cosigners', String(number));
}

/**
 * The terms of a simulated neighbourhood's multisig: the market's own key and one key each for the cosigners, made at the first start, each
 * in a keystore with a passphrase of its own.
 */
export async function openCosignTerms(
  dir: string,
  first: Signer,
  wanted: { readonly count: number; readonly threshold: number },
  common: { readonly community: string; readonly assetId: number },
): Promise<CosignTerms> {
  const file = join(dir, TERMS_FILE);
  if (existsSync(file)) {
    const terms = readTerms(file);
    if (terms.signatories[0] !== first.publicKey) {
      throw new CommonwattError('conflict', `${file} names another key for the market's node`, {
        remedy: 'give the keystore of the first start, or another --state',
      });
    }
    // What was written by a start that got no further than a look at another chain.
    const now = { ...terms, ...common };
    if (terms.assetId !== now.assetId) writeAtomically(file, `${JSON.stringify(now, null, 2)}\n`);
    return now;
  }
  const signatories = [first.publicKey];
  for (let number = 2; number <= wanted.count; number += 1) {
    const folder = folderOf(dir, number);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const keystore = join(folder, 'keystore.json');
    // A start that was cut off here is made good by the next one: nothing uses the keys before the terms are written.
    rmSync(keystore, { force: true });
    const passphrase = randomBytes(24).toString('base64url');
    writeAtomically(join(folder, 'passphrase'), `${passphrase}\n`, 0o600);
    const signer = await createKeystore(keystore, passphrase, randomBytes(32), `cosigner ${number}`);
    signatories.push(signer.publicKey);
  }
  const terms = { ...common, signatories, threshold: wanted.threshold };
  writeAtomically(file, `${JSON.stringify(terms, null, 2)}\n`);
  return terms;
}

/** Throws `not-found` and `malformed`. */
export function readTerms(file: string): CosignTerms {
  if (!existsSync(file)) {
    throw new CommonwattError('not-found', `${file} is not there: that neighbourhood has no multisig`, {
      remedy: 'start it with --cosigners, or name --signatories and --threshold',
    });
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CosignTerms;
  } catch (error) {
    throw new CommonwattError('malformed', `${file} is no JSON`, { record: file }, { cause: error });
  }
}

/**
 * Starts a process for each cosigner, `commonwatt cosign`, and starts it again when it ends by itself. A process ends when this one does.
 * Returns what stops them all.
 */
export function startCosigners(options: {
  readonly dir: string;
  readonly terms: CosignTerms;
  readonly market: string;
  readonly chain: string;
  readonly say: (line: string) => void;
}): () => Promise<void> {
  const { dir, terms, say } = options;
  const running = new Map<number, ChildProcess>();
  let stopped = false;
  const start = (number: number): void => {
    if (stopped) return;
    const folder = folderOf(dir, number);
    const child = spawn(
      process.execPath,
      [
        ENTRY,
        'cosign',
        `--state=${dir}`,
        `--market=${options.market}`,
        `--chain=${options.chain}`,
        `--keystore=${join(folder, 'keystore.json')}`,
        `--passphrase-file=${join(folder, 'passphrase')}`,
        `--ledger=${join(folder, 'ledger.sqlite')}`,
        `--standby-s=${STANDBY_S}`,
      ],
      // A group of its own: Ctrl-C is this process' to hear. The channel closes when this process is gone.
      { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true },
    );
    running.set(number, child);
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => say(`cosigner ${number}: ${line}`));
    child.on('error', (error) => say(`cosigner ${number} does not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      running.delete(number);
      if (stopped) return;
      say(`cosigner ${number} ended (${signal ?? code}); it is started again`);
      setTimeout(() => start(number), RESTART_MS).unref();
    });
  };
  for (let number = 2; number <= terms.signatories.length; number += 1) start(number);
  return async () => {
    stopped = true;
    await Promise.all([...running.values()].map(end));
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(killer);
}
