import { CommonwattError } from '@commonwatt/domain';
import {
  accountOf,
  addressOf,
  approvalCall,
  approvalWords,
  connectChain,
  keystoreFace,
  openAccount,
  parseUnits,
  payloadMessage,
  readApproval,
  requireApprovalFunds,
  sealPayload,
  submitOnce,
  walletPayload,
  type AccountSigner,
  type Chain,
  type MoneyPlace,
} from '@commonwatt/substrate-client';
import type { Command } from '../main.ts';
import type { ChainFacts } from '../run/approvals.ts';
import { givenPassphrase, passphraseFor } from '../run/passphrase.ts';
import { nodeUrl, readOptions, wholeNumber } from './options.ts';
import { findStateDir, runningIn } from './states.ts';

const HELP = `commonwatt approve --amount AMOUNT (--account SS58 | --keystore FILE [--passphrase-file FILE])
                   (--market URL | --state DIR | --chain URL --asset-id N --settlement SS58) [--deadline-s S]

Lets a community's settlement account draw up to AMOUNT of the asset from an account, in all: 50, 12.5; 0 takes the approval back.

--account    prints the call, in words and as hex, for any wallet: paste the hex at Developer -> Extrinsics -> Decode and submit it there.
--keystore   signs with the account's exported JSON (ed25519, sr25519 or ecdsa), submits it once, and waits until it is final.

Where the money is comes from the market (--market, or the one that runs on --state), or is said by --chain, --asset-id, --settlement.`;

const ASSET_DECIMALS = 6;
const DEADLINE_S = 300;
const ASK_DEADLINE_MS = 10_000;
const OPTIONS = {
  amount: { type: 'string' },
  account: { type: 'string' },
  keystore: { type: 'string' },
  'passphrase-file': { type: 'string' },
  market: { type: 'string' },
  state: { type: 'string' },
  chain: { type: 'string' },
  'asset-id': { type: 'string' },
  settlement: { type: 'string' },
  'deadline-s': { type: 'string' },
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

/** Prints the call of an approval, or signs and submits it. */
export const approveCommand: Command = async (args) => {
  const { values } = readOptions(args, OPTIONS);
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { amount, account, keystore } = values;
  if (amount === undefined || (account === undefined) === (keystore === undefined)) {
    throw new CommonwattError('malformed', '--amount, and --account or --keystore, are needed', {
      remedy: HELP,
    });
  }
  const wantedMicro = parseUnits(amount, ASSET_DECIMALS, 'amount');
  const { url, place } = await placeOf(values);
  const chain = await connectChain({ endpoint: url, log: (line) => console.error(line) });
  try {
    if (keystore === undefined) return await printCall(chain, place, accountOf(account ?? ''), wantedMicro);
    const { publicKey } = await keystoreFace(keystore);
    const passphrase = await passphraseFor(keystore, givenPassphrase(values['passphrase-file']));
    const signer = await openAccount(keystore, passphrase);
    const deadlineS = wholeNumber('deadline-s', values['deadline-s'], 1, 86_400) ?? DEADLINE_S;
    return await signAndSubmit(chain, place, { ...signer, publicKey }, wantedMicro, deadlineS * 1000);
  } finally {
    await chain.close();
  }
};

async function printCall(
  chain: Chain,
  place: MoneyPlace,
  accountKey: string,
  wantedMicro: bigint,
): Promise<number> {
  const now = await readApproval(chain, place, accountKey);
  const call = approvalCall(chain, place, now, wantedMicro);
  console.log(`${approvalWords(place, now, wantedMicro)}.\n`);
  console.log(`sign with  ${addressOf(accountKey)}`);
  console.log(`call       ${call.method.toHex()}`);
  console.log(`call hash  ${call.method.hash.toHex()}`);
  console.log(
    '\nIn a wallet: Developer -> Extrinsics -> Decode, paste the call, compare the words, submit it with this account.',
  );
  return 0;
}

async function signAndSubmit(
  chain: Chain,
  place: MoneyPlace,
  signer: AccountSigner,
  wantedMicro: bigint,
  deadlineMs: number,
): Promise<number> {
  // Nonce and approval are of one state: when an earlier try of this command gets in first, this one's nonce is used.
  const now = await readApproval(chain, place, signer.publicKey);
  if (now.approvalMicro === wantedMicro) {
    console.log(
      `${addressOf(signer.publicKey)} lets the settlement account draw that much already: nothing is signed`,
    );
    return 0;
  }
  const call = approvalCall(chain, place, now, wantedMicro);
  await requireApprovalFunds(chain, now, call);
  const prepared = walletPayload(chain, call, signer.publicKey, now.nonce, now.block);
  const tag = { ed25519: 0, sr25519: 1, ecdsa: 2 }[signer.scheme ?? 'ed25519'];
  const raw = signer.signBytes(payloadMessage(chain, prepared.payload));
  const signature = `0x0${tag}${Buffer.from(raw).toString('hex')}`;
  const signed = await sealPayload(chain, prepared, signer.publicKey, signature);
  console.log(`${approvalWords(place, now, wantedMicro)}.`);
  console.log(
    `submitted as ${signed.hash} with nonce ${signed.nonce}, good until block ${signed.deathNumber} ...`,
  );
  const outcome = await submitOnce(chain, signed, { deadlineMs });
  if (!outcome.success) {
    console.error(`refused in block ${outcome.block.number}: ${outcome.error ?? 'the call failed'}`);
    return 1;
  }
  console.log(`final in block ${outcome.block.number}`);
  return 0;
}

async function placeOf(values: Values): Promise<{ url: string; place: MoneyPlace }> {
  const assetId = wholeNumber('asset-id', values['asset-id'], 0, 2 ** 32 - 1);
  if (values.chain !== undefined && assetId !== undefined && values.settlement !== undefined) {
    return { url: nodeUrl(values.chain), place: { assetId, settlementKey: accountOf(values.settlement) } };
  }
  const facts = await factsOf(values);
  return {
    url: values.chain === undefined ? facts.endpoint : nodeUrl(values.chain),
    place: { assetId: facts.assetId, settlementKey: accountOf(facts.settlementAccount) },
  };
}

async function factsOf(values: Values): Promise<ChainFacts> {
  const market =
    values.market ?? runningIn(findStateDir(values.state, (dir) => runningIn(dir) !== null))?.address;
  if (market === undefined) {
    throw new CommonwattError('unavailable', 'no neighbourhood runs there', {
      remedy: 'start it, or give --chain, --asset-id and --settlement',
    });
  }
  try {
    const response = await fetch(new URL('/v1/chain', market), {
      signal: AbortSignal.timeout(ASK_DEADLINE_MS),
    });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    return (await response.json()) as ChainFacts;
  } catch (error) {
    throw new CommonwattError(
      'unavailable',
      `the market at ${market} does not say where its money is: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}
