import { CommonwattError, toProblem, type Participant, type Signer } from '@commonwatt/domain';
import { accountOf, giveOnce, type Chain, type CommunityChain } from '@commonwatt/substrate-client';
import type { FastifyInstance } from 'fastify';
import type { State } from './state.ts';

/** What a newcomer on a development chain is given: enough for deposits and fees, and 50 units of the community's money. */
const NATIVE = 10_000_000_000_000n;
const ASSET_MICRO = 50_000_000n;
const DEADLINE_MS = 60_000;

/** Has money on a development chain like a member, to give it away; it takes no part. */
export function faucetMember({ signer }: State): { participant: Participant; signer: Signer } {
  const key = signer('faucet');
  return { participant: { id: 'faucet', accountKey: key.publicKey, role: 'household' }, signer: key };
}

/**
 * `POST /v1/faucet {account}`: play money for a newcomer, from an account of its own. For the embedded chain alone: elsewhere there is no money to give
 * away, and the route is not there.
 */
export function addFaucet(
  server: FastifyInstance,
  options: { chain: Chain; communityChain: CommunityChain; from: Signer },
): void {
  const { chain, communityChain, from } = options;
  // One at a time: they share an account and its nonces.
  let last: Promise<unknown> = Promise.resolve();
  server.post('/v1/faucet', (request) => {
    const { account } = (request.body ?? {}) as { account?: unknown };
    if (typeof account !== 'string')
      throw new CommonwattError('malformed', 'account is missing', { field: 'account' });
    const accountKey = accountOf(account);
    const given = last.then(() =>
      giveOnce({
        chain,
        from,
        accountKey,
        native: NATIVE,
        assetId: communityChain.assetId,
        assetMicro: ASSET_MICRO,
        deadlineMs: DEADLINE_MS,
      }),
    );
    last = given.catch(() => {});
    return given.then((was) => ({ account: accountKey, given: was }));
  });
}

/** Asks a running neighbourhood's faucet, where it has one. Throws `unavailable` when it gives nothing. */
export async function askFaucet(market: string, accountKey: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`${market}/v1/faucet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: accountKey }),
      signal: AbortSignal.timeout(DEADLINE_MS + 5_000),
    });
  } catch (error) {
    throw new CommonwattError('unavailable', `the faucet at ${market} does not answer`, {}, { cause: error });
  }
  if (response.ok || response.status === 404) return;
  const { detail } = (await response.json().catch(() => toProblem(null))) as { detail: string };
  throw new CommonwattError('unavailable', `the faucet at ${market} gives nothing: ${detail}`);
}
