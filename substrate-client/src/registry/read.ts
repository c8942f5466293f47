import { CommonwattError } from '@commonwatt/domain';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef } from '../chain/types.ts';
import { id } from '../community/batch-call.ts';
import { readMany } from '../community/read-many.ts';
import type { CommunityOnChain, ItemOnChain, MemberOnChain, RegistryOnChain } from './members-of.ts';
import { communityCollection, memberCollection, membersAccount } from './names.ts';

/** Names of attributes, on a collection or an item. Keys, hashes and signatures are raw bytes, everything else is text. */
export const ATTRIBUTE = {
  community: [
    'community',
    'settlement',
    'asset',
    'slot-minutes',
    'rules',
    'supplier',
    'fund',
    'feeder',
    'url',
  ],
  member: ['participant', 'agent-key', 'agent-proof'],
  gateway: ['key', 'proof', 'registration'],
} as const;

const KEYS_PER_QUESTION = 500;

type Entry = { keyPrefix(...args: unknown[]): string; creator: unknown };
/** A collection's own attributes, or those of an item of it. */
type Place = readonly [collection: number, item: number | null];
type Attributes = Readonly<Record<string, Buffer | null>>;

/**
 * A community's registry in the state after a finalized block. What is read grows with the community, not with the chain: its members' items are
 * held by one account, and that account's holdings are listed. Throws `not-found` when there is no such community on the chain, and
 * `unavailable` when the node does not answer or no longer has that state.
 */
export async function readRegistry(
  chain: Chain,
  community: string,
  block: BlockRef,
): Promise<RegistryOnChain> {
  const terms = await readCommunity(chain, community, block.hash);
  if (terms === null) {
    throw new CommonwattError('not-found', `there is no community ${community} on the chain`, {
      record: `collection ${communityCollection(community)}`,
      remedy: 'check the name and the chain; `commonwatt members --help`',
    });
  }
  const held = await heldItems(chain, membersAccount(community), block.hash);
  const collections = [...new Set(held.map(([collection]) => collection))].sort((a, b) => a - b);
  const holder = membersAccount(community);
  const items = held.map(([collection, item]) => ({ collection, item, holder }));
  const members = await readCollections(chain, collections, items, block.hash);
  return { community, block, terms, members };
}

/** The collection of one participant with all its items, whoever holds them; null when nobody has created it. */
export async function readMember(
  chain: Chain,
  community: string,
  participant: string,
  blockHash: string,
): Promise<MemberOnChain | null> {
  const collection = memberCollection(community, participant);
  const [details] = await readMany(chain, [[uniques(chain)['class'], [collection]]], blockHash);
  if (details === null) return null;
  const found = await keysUnder(chain, entry(chain, 'asset').keyPrefix(collection), blockHash);
  const numbers = found.map(([, item]) => item);
  const owners = await readMany(
    chain,
    numbers.map((item) => [uniques(chain)['asset'], [collection, item]]),
    blockHash,
  );
  const items = numbers.map((item, index) => ({
    collection,
    item,
    holder: hexOf((owners[index] as { owner: unknown }).owner),
  }));
  return (await readCollections(chain, [collection], items, blockHash))[0] ?? null;
}

/** The community's own collection; null when there is none, or it does not say what it must. */
export async function readCommunity(
  chain: Chain,
  community: string,
  blockHash: string,
): Promise<CommunityOnChain | null> {
  const collection = communityCollection(community);
  const [details] = await readMany(chain, [[uniques(chain)['class'], [collection]]], blockHash);
  if (details === null) return null;
  const [attributes = {}] = await readAttributes(
    chain,
    [[[collection, null], ATTRIBUTE.community]],
    blockHash,
  );
  const text = (name: string): string | null => attributes[name]?.toString('utf8') ?? null;
  const hex = (name: string): string => attributes[name]?.toString('hex') ?? '';
  const terms = {
    collection,
    owner: hexOf((details as { owner: unknown }).owner),
    settlementKey: hex('settlement'),
    assetId: Number(text('asset') ?? Number.NaN),
    slotMinutes: Number(text('slot-minutes') ?? Number.NaN),
    rulesHash: hex('rules'),
    supplierKey: hex('supplier'),
    fundKey: hex('fund'),
    feeder: text('feeder'),
    url: text('url'),
  };
  const keys = [terms.settlementKey, terms.rulesHash, terms.supplierKey, terms.fundKey];
  const whole = [terms.assetId, terms.slotMinutes].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  const complete = whole && keys.every((key) => key.length === 64) && text('community') === community;
  return complete ? terms : null;
}

async function readCollections(
  chain: Chain,
  collections: readonly number[],
  items: readonly { readonly collection: number; readonly item: number; readonly holder: string }[],
  blockHash: string,
): Promise<MemberOnChain[]> {
  const [details, own, ofItems] = await Promise.all([
    readMany(
      chain,
      collections.map((collection) => [uniques(chain)['class'], [collection]]),
      blockHash,
    ),
    readAttributes(
      chain,
      collections.map((collection) => [[collection, null], ATTRIBUTE.member]),
      blockHash,
    ),
    readAttributes(
      chain,
      items.map(({ collection, item }) => [[collection, item], ATTRIBUTE.gateway]),
      blockHash,
    ),
  ]);
  const itemsOf = new Map<number, ItemOnChain[]>();
  items.forEach(({ collection, item, holder }, index) => {
    const { key, proof, registration } = ofItems[index] as Attributes;
    const list = itemsOf.get(collection) ?? [];
    list.push({ item, holder, key: hex(key), proof: hex(proof), registration: hex(registration) });
    itemsOf.set(
      collection,
      list.sort((a, b) => a.item - b.item),
    );
  });
  return collections.flatMap((collection, index): MemberOnChain[] => {
    const attributes = own[index] as Attributes;
    const details_ = details[index] as { owner: unknown } | null;
    if (details_ === null) return [];
    return [
      {
        collection,
        owner: hexOf(details_.owner),
        participant: attributes['participant']?.toString('utf8') ?? null,
        agentKey: hex(attributes['agent-key']),
        agentProof: hex(attributes['agent-proof']),
        items: itemsOf.get(collection) ?? [],
      },
    ];
  });
}

/** The attributes asked for at each place, in the order of the places. */
async function readAttributes(
  chain: Chain,
  wanted: readonly (readonly [place: Place, names: readonly string[]])[],
  blockHash: string,
): Promise<Attributes[]> {
  const values = await readMany(
    chain,
    wanted.flatMap(([[collection, item], names]) =>
      names.map((name): [unknown, unknown[]] => [
        uniques(chain)['attribute'],
        [collection, item, `0x${Buffer.from(name).toString('hex')}`],
      ]),
    ),
    blockHash,
  );
  let next = 0;
  return wanted.map(([, names]) =>
    Object.fromEntries(
      names.map((name) => {
        const pair = values[next++] as [{ toU8a(bare: boolean): Uint8Array }, unknown] | null;
        return [name, pair === null ? null : Buffer.from(pair[0].toU8a(true))];
      }),
    ),
  );
}

/** All items that an account holds: the keys of `uniques.account` under it. */
async function heldItems(chain: Chain, accountKey: string, blockHash: string): Promise<[number, number][]> {
  return keysUnder(chain, entry(chain, 'account').keyPrefix(id(accountKey)), blockHash);
}

/** Collection and item of every key of a map of `uniques` below a prefix: the last two parts of the key, each after 16 bytes of hash. */
async function keysUnder(chain: Chain, prefix: string, blockHash: string): Promise<[number, number][]> {
  const found: [number, number][] = [];
  let after: string | null = null;
  for (;;) {
    const keys: string[] = await chain.rpc.call('state_getKeysPaged', [
      prefix,
      KEYS_PER_QUESTION,
      after,
      blockHash,
    ]);
    for (const key of keys) {
      const bytes = Buffer.from(key.slice(2), 'hex');
      found.push([bytes.readUInt32LE(bytes.length - 24), bytes.readUInt32LE(bytes.length - 4)]);
    }
    if (keys.length < KEYS_PER_QUESTION) return found;
    after = keys.at(-1) as string;
  }
}

function uniques(chain: Chain): Record<string, unknown> {
  return chain.api.query['uniques'] as unknown as Record<string, unknown>;
}

function entry(chain: Chain, name: string): Entry {
  return uniques(chain)[name] as Entry;
}

function hex(bytes: Buffer | null | undefined): string | null {
  return bytes?.toString('hex') ?? null;
}

function hexOf(account: unknown): string {
  return (account as { toHex(): string }).toHex().slice(2);
}
