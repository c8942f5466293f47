import { canonicalJson, sha256Hex, type SlotId } from '@commonwatt/domain';
import type { Market, Membership } from '@commonwatt/market-engine';
import {
  membersOf,
  readRegistry,
  registerCommunity,
  RegistryFollower,
  type Chain,
  type RegisterCommunityOptions,
  type RegisteredMembers,
  type RegistryOnChain,
} from '@commonwatt/substrate-client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Community } from './community.ts';
import type { State } from './state.ts';

const LOOK_MS = 500;

/** The simulated homes with their gateways, as they are registered. */
export function registrationOf(options: {
  community: Community;
  state: State;
  settlementKey: string;
  assetId: number;
}): Pick<RegisterCommunityOptions, 'owner' | 'entry' | 'members'> {
  const { community, state, settlementKey, assetId } = options;
  const { rules, members } = community;
  const keyOf = (role: string): string =>
    members.find(({ participant }) => participant.role === role)?.participant.accountKey ?? '';
  return {
    owner: state.settlement,
    entry: {
      community: rules.community,
      ownerKey: state.settlement.publicKey,
      settlementKey,
      assetId,
      slotMinutes: rules.slotMinutes,
      rulesHash: sha256Hex(canonicalJson(rules)),
      supplierKey: keyOf('supplier'),
      fundKey: keyOf('fund'),
      feeder: members.find(({ participant }) => participant.role === 'feeder')?.participant.id ?? null,
      url: null,
    },
    members: members
      .filter(({ participant }) => participant.role === 'household' || participant.role === 'feeder')
      .map((member) => ({ ...member, gateways: [community.gatewaySigner(member.participant.id)] })),
  };
}

/** Registers them on the chain, whatever of it is there already, and reads who takes part. */
export async function registerHomes(
  terms: Pick<RegisterCommunityOptions, 'owner' | 'entry' | 'members'>,
  { chain, dev, say }: { chain: Chain; dev: boolean; say: (line: string) => void },
): Promise<RegistryOnChain> {
  await registerCommunity({ ...terms, chain, dev, onProgress: (text) => say(`chain: ${text}`) });
  return readRegistry(chain, terms.entry.community, await chain.finalizedBlock());
}

/** A registry as the market takes it. */
export function membershipOf(registry: RegistryOnChain): Membership & Pick<RegisteredMembers, 'ignored'> {
  const { number, hash } = registry.block;
  return { ...membersOf(registry), asOf: { blockNumber: number, blockHash: hash } };
}

/** Follows the registry until it is over: whoever joins, leaves or changes a key is with the market within about a second of finality. */
export async function followRegistry(options: {
  chain: Chain;
  registry: RegistryOnChain;
  market: Market;
  changed: () => void;
  say: (line: string) => void;
  over: AbortSignal;
}): Promise<void> {
  const { chain, registry, market, changed, say, over } = options;
  const follower = new RegistryFollower(chain, registry.community, registry.block);
  let waiting: Membership | null = null;
  let trouble = '';
  while (!over.aborted) {
    try {
      const next = await follower.look();
      waiting = next === null ? waiting : membershipOf(next);
      if (waiting !== null) {
        const before = market.members();
        const { changed: isNew, fromSlot } = market.updateMembers(waiting);
        waiting = null;
        if (isNew) {
          for (const line of differences(before, market.members(), fromSlot)) say(line);
          changed();
        }
      }
      trouble = '';
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      if (what !== trouble && !over.aborted) say(`the registry cannot be followed just now: ${what}`);
      trouble = what;
    }
    await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
  }
}

/** What changed, a line each. */
function differences(before: Membership, now: Membership, fromSlot: SlotId | null): string[] {
  const from = fromSlot === null ? '' : `, from ${fromSlot} on`;
  const lines: string[] = [];
  const compare = (
    was: ReadonlyMap<string, string>,
    is: ReadonlyMap<string, string>,
    words: readonly string[],
  ): void => {
    for (const [id, value] of is) {
      const old = was.get(id);
      if (old !== value) lines.push(`${id} ${old === undefined ? words[0] : words[1]}${from}`);
    }
    for (const id of was.keys()) if (!is.has(id)) lines.push(`${id} ${words[2]}${from}`);
  };
  compare(accounts(before), accounts(now), ['has joined', 'has another key', 'has left']);
  compare(keys(before), keys(now), ['is registered', 'has another key', 'is registered no more']);
  return lines;
}

function accounts({ participants }: Membership): ReadonlyMap<string, string> {
  return new Map(participants.map(({ id, accountKey, agentKey }) => [id, agentKey ?? accountKey]));
}

function keys({ gateways }: Membership): ReadonlyMap<string, string> {
  return new Map(gateways.map(({ payload }) => [payload.gateway, payload.gatewayKey]));
}
