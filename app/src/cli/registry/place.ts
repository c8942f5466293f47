import { CommonwattError, type Signer } from '@commonwatt/domain';
import {
  accountOf,
  addressOf,
  connectChain,
  keystoreFace,
  openAccount,
  openKeystore,
  readCommunity,
  readMember,
  type AccountSigner,
  type Chain,
  type CommunityOnChain,
  type MemberOnChain,
} from '@commonwatt/substrate-client';
import { givenPassphrase, passphraseFor } from '../../run/passphrase.ts';
import { nodeUrl } from '../options.ts';
import { findStateDir, runningIn } from '../states.ts';

/** Options that say which community, on which chain. */
export const PLACE_OPTIONS = {
  state: { type: 'string' },
  chain: { type: 'string' },
  community: { type: 'string' },
  settlement: { type: 'string' },
} as const;

/** Options that say who signs. */
export const SIGNER_OPTIONS = {
  keystore: { type: 'string' },
  'agent-keystore': { type: 'string' },
  'passphrase-file': { type: 'string' },
  account: { type: 'string' },
  print: { type: 'boolean' },
} as const;

export const PLACE_HELP = `  --state DIR             a neighbourhood that runs here: its chain and community
  --chain URL             any node of the chain (ws:// or wss://), together with
  --community ID          the community's id
  --settlement ADDRESS    refuse unless this is the community's settlement account`;

export const SIGNER_HELP = `  --keystore FILE         the participant's account (Polkadot JSON; \`commonwatt key new FILE\` makes one)
  --agent-keystore FILE   an ed25519 key that signs the orders, where it is not the account's own; an sr25519 account needs one
  --passphrase-file FILE  opens the keystores (chmod 600); or COMMONWATT_PASSPHRASE, or asked on the terminal
  --print --account ADDR  sign nothing: print the call for a wallet that has this account`;

type Values<T> = { readonly [K in keyof T]?: T[K] extends { type: 'boolean' } ? boolean : string };

export interface Place {
  readonly chain: Chain;
  readonly community: string;
  readonly terms: CommunityOnChain;
  /** Address of the market that runs here; null with --chain. */
  readonly market: string | null;
}

/** Runs something with a community on its chain; the connection is let go again. Throws `not-found`, `malformed`, `conflict` or `unavailable`. */
export async function withPlace<T>(
  values: Values<typeof PLACE_OPTIONS>,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const { endpoint, community, market } = whereIs(values);
  const chain = await connectChain({ endpoint, log: (line) => console.error(line) });
  try {
    const terms = await readCommunity(chain, community, (await chain.finalizedBlock()).hash);
    if (terms === null) {
      throw new CommonwattError('not-found', `there is no community ${community} on ${endpoint}`, {
        record: community,
        remedy: 'check --community and --chain',
      });
    }
    if (values.settlement !== undefined && accountOf(values.settlement) !== terms.settlementKey) {
      throw new CommonwattError(
        'conflict',
        `the settlement account of ${community} is ${addressOf(terms.settlementKey)}, not ${values.settlement}`,
        {
          field: 'settlement',
          remedy: 'somebody else may have taken this name on this chain: ask your community',
        },
      );
    }
    return await use({ chain, community, terms, market });
  } finally {
    await chain.close();
  }
}

function whereIs(values: Values<typeof PLACE_OPTIONS>): {
  endpoint: string;
  community: string;
  market: string | null;
} {
  if (values.chain !== undefined) {
    if (values.community === undefined)
      throw new CommonwattError('malformed', '--chain needs --community', { field: 'community' });
    return { endpoint: nodeUrl(values.chain), community: values.community, market: null };
  }
  const dir = findStateDir(values.state, (candidate) => runningIn(candidate) !== null);
  const running = runningIn(dir);
  if (running === null) {
    throw new CommonwattError('unavailable', `no neighbourhood runs in ${dir}`, {
      remedy: 'start it first, or give --chain and --community',
    });
  }
  return {
    endpoint: running.chain,
    community: values.community ?? running.community,
    market: running.address,
  };
}

/** Who signs: the account on chain, and the key that signs orders and registrations. */
export interface Signers {
  /** Null with --print. */
  readonly account: AccountSigner | null;
  readonly accountKey: string;
  readonly agent: Signer | null;
}

/** Opens the keystores that were given; the agent is null where no key at hand can be one. Throws as keystores do. */
export async function openSigners(values: Values<typeof SIGNER_OPTIONS>): Promise<Signers> {
  const given = givenPassphrase(values['passphrase-file']);
  const open = async (file: string): Promise<Signer> => openKeystore(file, await passphraseFor(file, given));
  const agentFile = values['agent-keystore'];
  const agent = agentFile === undefined ? null : await open(agentFile);
  if (values.print === true) {
    const key =
      values.account ??
      (values.keystore === undefined ? undefined : (await keystoreFace(values.keystore)).publicKey);
    if (key === undefined)
      throw new CommonwattError('malformed', '--print needs --account, the account that will sign', {
        field: 'account',
      });
    return { account: null, accountKey: accountOf(key), agent };
  }
  if (values.keystore === undefined) {
    throw new CommonwattError('malformed', 'whose account? Give --keystore', {
      field: 'keystore',
      remedy: '`commonwatt key new FILE` makes one',
    });
  }
  if ((await keystoreFace(values.keystore)).scheme === 'ed25519') {
    const account = await open(values.keystore);
    return { account, accountKey: account.publicKey, agent: agent ?? account };
  }
  const account = await openAccount(values.keystore, await passphraseFor(values.keystore, given));
  return { account, accountKey: account.publicKey, agent };
}

/** The key that must sign for a member, or a clear error. */
export function requireAgent(agent: Signer | null): Signer {
  if (agent !== null) return agent;
  throw new CommonwattError(
    'malformed',
    'orders and gateways are signed with an ed25519 key: give --agent-keystore',
    {
      field: 'agent-keystore',
      remedy: '`commonwatt key new agent.json` makes one',
    },
  );
}

/** The member under a name. Throws `not-found`. */
export async function knownMember({ chain, community }: Place, name: string): Promise<MemberOnChain> {
  const member = await readMember(chain, community, name, (await chain.finalizedBlock()).hash);
  if (member !== null) return member;
  throw new CommonwattError('not-found', `nobody is registered as ${name} in ${community}`, {
    record: name,
    remedy: '`commonwatt members` lists who is',
  });
}
