import {
  CommonwattError,
  type GatewayRegistration,
  type Participant,
  type Signed,
  type Signer,
} from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef } from '../chain/types.ts';
import { id } from '../community/batch-call.ts';
import { readMany } from '../community/read-many.ts';
import { ensure, type EnsureTerms, type Step } from '../community/ensure.ts';
import type { Call } from '../community/extrinsics.ts';
import { addressOf } from '../keystore/keystore.ts';
import type { AccountSigner } from '../keystore/account-signer.ts';
import {
  communityCalls,
  entryCalls,
  leaveCalls,
  revokeCalls,
  type CommunityEntry,
  type Entry,
} from './calls.ts';
import { priceOf, requireFunds } from './funds.ts';
import { communityCollection, FIRST_GATEWAY_ITEM, gatewayName } from './names.ts';
import { gatewayConsent, signRegistration, type KeyWithProof } from './proofs.ts';
import { readCommunity, readMember } from './read.ts';

/** A change of the registry by one participant. */
export type RegistryChange =
  | {
      /** Join, or change what is registered: the agent key, a gateway, a gateway's key. */
      readonly do: 'register';
      readonly entry: Entry;
      /** Lets the settlement account draw so much of the asset; left as it is when more than half of it is still allowed. */
      readonly approve?: {
        readonly assetId: number;
        readonly settlementKey: string;
        readonly amountMicro: bigint;
      };
    }
  | { readonly do: 'revoke'; readonly community: string; readonly participant: string; readonly item: number }
  | { readonly do: 'leave'; readonly community: string; readonly participant: string };

export interface SubmitOptions {
  readonly chain: Chain;
  readonly account: AccountSigner;
  readonly onProgress?: (text: string) => void;
  /** Real time all of it may take. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 120_000;

/**
 * Carries a change out and waits until it is final. What the chain already says is not done again, so it may be cut off anywhere and
 * repeated. Returns whether there was anything to do, and a finalized block that has it.
 * Throws `conflict` (the name is another account's, or the chain refuses the call), `no-collateral` with what is missing for deposits
 * and the fee, `unavailable` at the deadline.
 */
export async function changeRegistry(
  change: RegistryChange,
  options: SubmitOptions,
): Promise<{ readonly changed: boolean; readonly block: BlockRef }> {
  const { chain, account } = options;
  const untilMs = performance.now() + (options.deadlineMs ?? DEADLINE_MS);
  let changed = false;
  await ensure(
    {
      chain,
      dev: false,
      strict: true,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    },
    untilMs,
    { register: 'registering', revoke: 'revoking', leave: 'leaving' }[change.do],
    async (blockHash) => {
      const calls = await changeCalls(chain, account.publicKey, change, blockHash);
      if (calls.length === 0) return [];
      const call = inOne(chain, calls);
      if (!changed) await requireFunds(chain, account.publicKey, call, calls, blockHash);
      changed = true;
      return [{ call, signer: account }];
    },
  );
  return { changed, block: await chain.finalizedBlock() };
}

/** The change as one call for a wallet to sign, 0x-hex; null when the chain says so already. */
export async function changeCallHex(
  change: RegistryChange,
  chain: Chain,
  accountKey: string,
): Promise<string | null> {
  const { hash } = await chain.finalizedBlock();
  const calls = await changeCalls(chain, accountKey, change, hash);
  return calls.length === 0 ? null : inOne(chain, calls).method.toHex();
}

async function changeCalls(
  chain: Chain,
  accountKey: string,
  change: RegistryChange,
  blockHash: string,
): Promise<Call[]> {
  const { community, participant } = change.do === 'register' ? change.entry : change;
  const now = await readMember(chain, community, participant, blockHash);
  if (change.do === 'register') {
    const calls = entryCalls(chain, change.entry, now);
    return [...calls, ...(await approvalCalls(chain, accountKey, change.approve, blockHash))];
  }
  if (now !== null && now.owner !== accountKey) {
    throw new CommonwattError('forbidden', `${participant} belongs to ${addressOf(now.owner)}`, {
      record: participant,
      remedy: 'use the account that registered it',
    });
  }
  if (change.do === 'revoke') return revokeCalls(chain, now, change.item);
  return leaveCalls(chain, now, (collection) => witnessOf(chain, collection, blockHash));
}

async function approvalCalls(
  chain: Chain,
  accountKey: string,
  approve: Extract<RegistryChange, { do: 'register' }>['approve'],
  blockHash: string,
): Promise<Call[]> {
  if (approve === undefined) return [];
  const { assetId, settlementKey, amountMicro } = approve;
  const { query, tx } = chain.api;
  const [approval] = await readMany(
    chain,
    [[query['assets']!['approvals']!, [assetId, id(accountKey), id(settlementKey)]]],
    blockHash,
  );
  const left =
    approval === null ? 0n : BigInt((approval as { amount: { toString(): string } }).amount.toString());
  if (left * 2n > amountMicro || left >= amountMicro) return [];
  // Approvals add up: only the difference is asked for.
  return [tx['assets']!['approveTransfer']!(assetId, id(settlementKey), amountMicro - left)];
}

/** What `destroy` wants to be told, so that it cannot take more than was seen. */
async function witnessOf(
  chain: Chain,
  collection: number,
  blockHash: string,
): Promise<[number, number, number]> {
  const [details] = await readMany(chain, [[chain.api.query['uniques']!['class']!, [collection]]], blockHash);
  const found = details as Record<string, { toNumber(): number } | undefined> | null;
  const count = (...names: string[]): number => {
    const name = names.find((one) => found?.[one] !== undefined);
    return name === undefined ? 0 : (found?.[name]?.toNumber() ?? 0);
  };
  return [count('instances', 'items'), count('instanceMetadatas', 'itemMetadatas'), count('attributes')];
}

/** A participant of a community that is registered as a whole. */
export interface RegisteredMember {
  readonly participant: Participant;
  /** Of the account; it also signs the gateways' registrations. */
  readonly signer: Signer;
  readonly gateways: readonly Signer[];
}

export interface RegisterCommunityOptions extends EnsureTerms {
  readonly owner: AccountSigner;
  readonly entry: CommunityEntry;
  readonly members: readonly RegisteredMember[];
  readonly deadlineMs?: number;
}

/** Registers a community and members whose keys are all at hand, whatever of it is there already. For simulated neighbourhoods and tests. */
export async function registerCommunity(options: RegisterCommunityOptions): Promise<void> {
  const { chain, owner, entry, members } = options;
  const untilMs = performance.now() + (options.deadlineMs ?? DEADLINE_MS);
  await ensure(options, untilMs, `the community ${entry.community} is registered`, async (blockHash) => {
    const calls = await missingOfCommunity(options, blockHash);
    return calls.length === 0 ? [] : [{ call: inOne(chain, calls), signer: owner }];
  });
  const entries = members.map((member) => ({ ...member, entry: entryOf(entry.community, member) }));
  await ensure(options, untilMs, 'participants and gateways are registered', async (blockHash) => {
    const steps: Step[] = [];
    for (const { entry: wanted, signer } of entries) {
      const now = await readMember(chain, wanted.community, wanted.participant, blockHash);
      const calls = entryCalls(chain, wanted, now);
      if (calls.length > 0) steps.push({ call: inOne(chain, calls), signer });
    }
    return steps;
  });
}

/** Deposits and fees that the registering of a community still takes, by account, in the state after a block; smallest native units. */
export async function registrationCost(
  options: Omit<RegisterCommunityOptions, keyof EnsureTerms> & { readonly chain: Chain },
  blockHash: string,
): Promise<ReadonlyMap<string, bigint>> {
  const { chain, owner, entry, members } = options;
  const costs = new Map<string, bigint>();
  const add = async (accountKey: string, calls: readonly Call[]): Promise<void> => {
    if (calls.length === 0) return;
    const cost = await priceOf(chain, inOne(chain, calls), calls);
    costs.set(accountKey, (costs.get(accountKey) ?? 0n) + cost);
  };
  await add(owner.publicKey, await missingOfCommunity(options, blockHash));
  for (const member of members) {
    const wanted = entryOf(entry.community, member);
    const now = await readMember(chain, entry.community, wanted.participant, blockHash);
    await add(wanted.accountKey, entryCalls(chain, wanted, now));
  }
  return costs;
}

async function missingOfCommunity(
  { chain, entry }: Pick<RegisterCommunityOptions, 'chain' | 'entry'>,
  blockHash: string,
): Promise<Call[]> {
  const now = await readCommunity(chain, entry.community, blockHash);
  const collection = communityCollection(entry.community);
  const [exists] = await readMany(chain, [[chain.api.query['uniques']!['class']!, [collection]]], blockHash);
  return communityCalls(chain, entry, now, exists !== null);
}

/** The entry of a participant that signs with its account's own key and whose gateways' keys are at hand. */
export function entryOf(community: string, { participant, signer, gateways }: RegisteredMember): Entry {
  const terms = { community, participant: participant.id, accountKey: participant.accountKey };
  return {
    ...terms,
    gateways: gateways.map((gateway, index) =>
      entryGateway(signer, gatewayConsent(gateway, terms), { ...terms, item: FIRST_GATEWAY_ITEM + index }),
    ),
  };
}

/** A gateway as its participant registers it. */
export function entryGateway(
  agent: Signer,
  key: KeyWithProof,
  {
    community,
    participant,
    item,
  }: { readonly community: string; readonly participant: string; readonly item: number },
): { item: number; key: KeyWithProof; registration: Signed<GatewayRegistration> } {
  const gateway = gatewayName(participant, item);
  return {
    item,
    key,
    registration: signRegistration(agent, { community, participant, gateway, gatewayKey: key.key }),
  };
}

/** All of it or nothing. */
function inOne(chain: Chain, calls: readonly Call[]): Call {
  return chain.api.tx['utility']!['batchAll']!([...calls]);
}
