import type { Chain } from '../chain/connect.ts';
import { id } from '../community/batch-call.ts';
import type { Call } from '../community/extrinsics.ts';
import type { CommunityOnChain, MemberOnChain } from './members-of.ts';
import { CommonwattError, type GatewayRegistration, type Signed } from '@commonwatt/domain';
import { communityCollection, memberCollection, membersAccount, MEMBERSHIP_ITEM } from './names.ts';
import type { KeyWithProof } from './proofs.ts';

/** What a participant wants the registry to say of it. */
export interface Entry {
  readonly community: string;
  readonly participant: string;
  readonly accountKey: string;
  /** The key that signs its orders, where it is not the account's own. */
  readonly agent?: KeyWithProof;
  readonly gateways: readonly EntryGateway[];
}

export interface EntryGateway {
  /** 1 for the first gateway, 2 for the second. */
  readonly item: number;
  readonly key: KeyWithProof;
  readonly registration: Signed<GatewayRegistration>;
}

/** What a community says of itself. */
export type CommunityEntry = Omit<CommunityOnChain, 'collection' | 'owner'> & {
  readonly community: string;
  readonly ownerKey: string;
};

interface Wanted {
  readonly collection: number;
  readonly item: number | null;
  readonly name: string;
  readonly value: Uint8Array;
}

/**
 * The calls that make the chain say what an entry wants, and no others: none when it says so already, so that doing it again changes
 * nothing. Gateways that the entry does not name are left alone. Throws `conflict` when the name belongs to another account.
 */
export function entryCalls(chain: Chain, entry: Entry, now: MemberOnChain | null): Call[] {
  const { community, participant, accountKey } = entry;
  const collection = memberCollection(community, participant);
  if (now !== null && now.owner !== accountKey) throw taken(participant, now.owner);
  const holder = membersAccount(community);
  const calls: Call[] = [];
  if (now === null) calls.push(call(chain, 'create', collection, id(accountKey)));
  const own = (
    name: string,
    value: string | null | undefined,
    wanted: string | undefined,
    text = false,
  ): void => {
    if (wanted === undefined || value === wanted) return;
    calls.push(
      setAttribute(chain, {
        collection,
        item: null,
        name,
        value: Buffer.from(wanted, text ? 'utf8' : 'hex'),
      }),
    );
  };
  own('participant', now?.participant, participant, true);
  own('agent-key', now?.agentKey, entry.agent?.key);
  own('agent-proof', now?.agentProof, entry.agent?.proof);
  const items = new Map(now?.items.map((one) => [one.item, one]));
  const mint = (item: number): void => {
    const held = items.get(item)?.holder;
    if (held === holder) return;
    if (held !== undefined) calls.push(call(chain, 'burn', collection, item, null));
    calls.push(call(chain, 'mint', collection, item, id(holder)));
  };
  mint(MEMBERSHIP_ITEM);
  for (const { item, key, registration } of entry.gateways) {
    mint(item);
    const before = items.get(item);
    const attributes = [
      ['key', before?.key, key.key],
      ['proof', before?.proof, key.proof],
      ['registration', before?.registration, registration.signature],
    ] as const;
    for (const [name, value, wanted] of attributes) {
      if (value === wanted) continue;
      calls.push(setAttribute(chain, { collection, item, name, value: Buffer.from(wanted, 'hex') }));
    }
  }
  return calls;
}

/** The calls that take a gateway out of the registry; none when it is not in it. */
export function revokeCalls(chain: Chain, now: MemberOnChain | null, item: number): Call[] {
  const known = now?.items.find((one) => one.item === item);
  if (now === null || known === undefined) return [];
  const attributes = (['key', 'proof', 'registration'] as const).filter((name) => known[name] !== null);
  return [
    call(chain, 'burn', now.collection, item, null),
    // Attributes outlive a burnt item, and with them their deposit.
    ...attributes.map((name) => call(chain, 'clearAttribute', now.collection, item, toHexText(name))),
  ];
}

/** The call that takes a participant out of the registry with all its gateways, and gives its deposits back; none when it is not in it. */
export async function leaveCalls(
  chain: Chain,
  now: MemberOnChain | null,
  witnessOf: (collection: number) => Promise<readonly [items: number, metadatas: number, attributes: number]>,
): Promise<Call[]> {
  if (now === null) return [];
  return [call(chain, 'destroy', now.collection, await witnessOf(now.collection))];
}

/** The calls that make a community's collection say this; none when it does. Throws `conflict` when the name belongs to another account. */
export function communityCalls(
  chain: Chain,
  entry: CommunityEntry,
  now: CommunityOnChain | null,
  exists: boolean,
): Call[] {
  const collection = communityCollection(entry.community);
  if (now !== null && now.owner !== entry.ownerKey) throw taken(entry.community, now.owner);
  const calls: Call[] = exists ? [] : [call(chain, 'create', collection, id(entry.ownerKey))];
  const text = (value: string): Buffer => Buffer.from(value, 'utf8');
  const key = (value: string): Buffer => Buffer.from(value, 'hex');
  const say = (name: string, same: boolean, value: Buffer | null): void => {
    if (same || value === null) return;
    calls.push(setAttribute(chain, { collection, item: null, name, value }));
  };
  say('community', now !== null, text(entry.community));
  say('settlement', now?.settlementKey === entry.settlementKey, key(entry.settlementKey));
  say('asset', now?.assetId === entry.assetId, text(String(entry.assetId)));
  say('slot-minutes', now?.slotMinutes === entry.slotMinutes, text(String(entry.slotMinutes)));
  say('rules', now?.rulesHash === entry.rulesHash, key(entry.rulesHash));
  say('supplier', now?.supplierKey === entry.supplierKey, key(entry.supplierKey));
  say('fund', now?.fundKey === entry.fundKey, key(entry.fundKey));
  say('feeder', now?.feeder === entry.feeder, entry.feeder === null ? null : text(entry.feeder));
  say('url', now?.url === entry.url, entry.url === null ? null : text(entry.url));
  return calls;
}

function setAttribute(chain: Chain, { collection, item, name, value }: Wanted): Call {
  return call(
    chain,
    'setAttribute',
    collection,
    item,
    toHexText(name),
    `0x${Buffer.from(value).toString('hex')}`,
  );
}

function call(chain: Chain, name: string, ...args: unknown[]): Call {
  return chain.api.tx['uniques']![name]!(...args);
}

function toHexText(text: string): string {
  return `0x${Buffer.from(text, 'utf8').toString('hex')}`;
}

function taken(name: string, owner: string): CommonwattError {
  return new CommonwattError('conflict', `the name ${name} is taken on this chain`, {
    record: name,
    rule: 'a name belongs to the account that first registered it',
    remedy: `choose another name, or use the account 0x${owner}`,
  });
}
