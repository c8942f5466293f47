import { CommonwattError } from '@commonwatt/domain';
import { rebuildRecords, trueUpOriginProblem } from '@commonwatt/market-engine';
import {
  agreedInFile,
  agreedOnChain,
  connectChain,
  httpSource,
  multisigKey,
  openCosigner,
  openKeystore,
  parseAgreement,
  signatoryChain,
} from '@commonwatt/substrate-client';
import { join, resolve } from 'node:path';
import type { Command } from '../main.ts';
import { readTerms, TERMS_FILE, type CosignTerms } from '../run/cosigners.ts';
import { givenPassphrase, passphraseFor } from '../run/passphrase.ts';
import { readJson } from './clear.ts';
import { httpUrl, nodeUrl, readOptions, wholeNumber } from './options.ts';
import { findStateDir, runningIn } from './states.ts';

const HELP = `commonwatt cosign --keystore FILE (--state DIR | the terms below) [options]

Runs a signatory of a community's multisig account. It clears every slot of a proposed batch again, rebuilds the statements, checks signatures,
readings, debts, the payers' means on chain and the call itself; then it approves on chain, or refuses and says which record is wrong.

  --keystore FILE         this signatory's key, a Polkadot JSON
  --passphrase-file FILE  opens it (chmod 600); or COMMONWATT_PASSPHRASE, or asked on the terminal
  --chain URL             a node, ws:// or wss://
  --market URL            where batches are proposed; may be given several times
  --community ID  --asset ID  --signatories KEY,KEY,KEY  --threshold K
                          the account's terms, as all signatories have agreed on them; keys are 64 hex digits, the market's node first
  --state DIR             takes what is missing of these from a neighbourhood that runs on this machine
  --agreement FILE        {"rules": {...}, "participants": [...]} to go by; without it the community's registry on chain counts
  --ledger FILE           what this signatory has seen and sent (default cosigner.sqlite)
  --standby-s S           a signatory after the first K waits so long for those (default 15)`;

/** Runs a signatory until Ctrl-C, or until the process that started it is gone. */
export const cosignCommand: Command = async (args) => {
  const { values } = readOptions(args, {
    keystore: { type: 'string' },
    'passphrase-file': { type: 'string' },
    chain: { type: 'string' },
    market: { type: 'string', multiple: true },
    community: { type: 'string' },
    asset: { type: 'string' },
    signatories: { type: 'string' },
    threshold: { type: 'string' },
    state: { type: 'string' },
    agreement: { type: 'string' },
    ledger: { type: 'string' },
    'standby-s': { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const keystore = needed('keystore', values.keystore);
  const dir = values.state === undefined ? null : findStateDir(values.state);
  const running = dir === null ? null : runningIn(dir);
  const terms = termsOf(values, dir);
  const endpoint = nodeUrl(needed('chain', values.chain ?? running?.chain));
  const markets = (values.market ?? [needed('market', running?.address)]).map((url) =>
    httpUrl('market', url),
  );
  const standbyS = wholeNumber('standby-s', values['standby-s'], 0, 86_400) ?? 15;
  const agreement = values.agreement === undefined ? null : parseAgreement(await readJson(values.agreement));
  const passphrase = givenPassphrase(values['passphrase-file']);
  const signer = await openKeystore(keystore, await passphraseFor(keystore, passphrase));
  const stop = stopped();
  const log = (line: string): void => console.log(line);
  const chain = await connectChain({ endpoint, log });
  try {
    const { community, assetId } = terms;
    const cosigner = openCosigner({
      chain: signatoryChain({ chain, community, assetId, terms, signer }),
      signer,
      ledgerPath: resolve(values.ledger ?? 'cosigner.sqlite'),
      sources: markets.map((url) => httpSource(url)),
      rebuild: rebuildRecords,
      checkTrueUp: trueUpOriginProblem,
      agreed: (ledger) =>
        agreement === null ? agreedOnChain(chain, community, ledger) : agreedInFile(agreement),
      standbyMs: standbyS * 1000,
      log,
    });
    const number = terms.signatories.indexOf(signer.publicKey) + 1;
    log(
      `signatory ${number} of ${terms.signatories.length}, ${terms.threshold} approve; account ${multisigKey(terms)}`,
    );
    await stop;
    await cosigner.stop();
  } finally {
    await chain.close();
  }
  return 0;
};

function termsOf(
  values: {
    community?: string | undefined;
    asset?: string | undefined;
    signatories?: string | undefined;
    threshold?: string | undefined;
  },
  dir: string | null,
): CosignTerms {
  const known = dir === null ? null : readTerms(join(dir, TERMS_FILE));
  const threshold = wholeNumber('threshold', values.threshold, 2, 100) ?? known?.threshold;
  const assetId = wholeNumber('asset', values.asset, 0, 2 ** 32 - 1) ?? known?.assetId;
  return {
    community: needed('community', values.community ?? known?.community),
    assetId: needed('asset', assetId),
    signatories: needed('signatories', values.signatories?.split(',') ?? known?.signatories),
    threshold: needed('threshold', threshold),
  };
}

function needed<T>(option: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new CommonwattError('malformed', `--${option} is needed`, {
    field: option,
    remedy: 'see commonwatt cosign --help',
  });
}

/** Ctrl-C, SIGTERM, or the end of the process that started this one. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    if (process.send !== undefined) process.on('disconnect', () => resolve());
  });
}
