import {
  COMMUNITY_FUND,
  compareIds,
  signatureHolds,
  SUPPLIER,
  type GatewayRegistration,
  type Participant,
  type Signed,
} from '@commonwatt/domain';
import type { BlockRef } from '../chain/types.ts';
import {
  gatewayName,
  isParticipantName,
  memberCollection,
  membersAccount,
  MEMBERSHIP_ITEM,
} from './names.ts';
import { consentHolds } from './proofs.ts';

/** An item of a member's collection, with its attributes; hex without 0x, null where there is none. */
export interface ItemOnChain {
  readonly item: number;
  /** Who holds it, raw key in hex. */
  readonly holder: string;
  readonly key: string | null;
  readonly proof: string | null;
  readonly registration: string | null;
}

/** A member's collection as it stands on the chain. */
export interface MemberOnChain {
  readonly collection: number;
  /** The collection's owner, raw key in hex: the participant's account. */
  readonly owner: string;
  readonly participant: string | null;
  readonly agentKey: string | null;
  readonly agentProof: string | null;
  readonly items: readonly ItemOnChain[];
}

/** A community's collection as it stands on the chain. */
export interface CommunityOnChain {
  readonly collection: number;
  /** Who keeps the community's own entries. */
  readonly owner: string;
  /** The account that members let draw; who pays and is paid through it. */
  readonly settlementKey: string;
  readonly assetId: number;
  readonly slotMinutes: number;
  /** SHA-256 of the canonical JSON of the community's rules, hex. */
  readonly rulesHash: string;
  readonly supplierKey: string;
  readonly fundKey: string;
  /** The participant whose meter stands at the transformer; null in a community without one. */
  readonly feeder: string | null;
  /** Where the market answers; null while it is not said. */
  readonly url: string | null;
}

export interface RegistryOnChain {
  readonly community: string;
  readonly block: BlockRef;
  readonly terms: CommunityOnChain;
  /** By ascending collection id. */
  readonly members: readonly MemberOnChain[];
}

/** Who takes part, by a registry. */
export interface RegisteredMembers {
  readonly participants: readonly Participant[];
  readonly gateways: readonly Signed<GatewayRegistration>[];
  /** Entries that do not count, and why. */
  readonly ignored: readonly { readonly entry: string; readonly why: string }[];
}

/**
 * Who takes part by the registry's entries: what everyone computes alike from the chain's state. An entry that does not hold is ignored,
 * it never spoils another one. Participants and gateways ascend by id, the supplier and the fund come last.
 */
export function membersOf({ community, terms, members }: RegistryOnChain): RegisteredMembers {
  const holder = membersAccount(community);
  const ignored: { entry: string; why: string }[] = [];
  const sound: (MemberOnChain & { readonly participant: string })[] = [];
  for (const member of members) {
    const why = problemOf(community, member, holder);
    if (why === null) sound.push({ ...member, participant: member.participant as string });
    else ignored.push({ entry: member.participant ?? `collection ${member.collection}`, why });
  }
  sound.sort((a, b) => compareIds(a.participant, b.participant));
  // Accounts first: nobody loses its own account's key to another one's agent.
  const keys = new Set([terms.supplierKey, terms.fundKey]);
  const first = sound.filter(({ owner, participant }) => {
    if (!keys.has(owner)) return keys.add(owner);
    ignored.push({ entry: participant, why: 'its account takes part under another name' });
    return false;
  });
  const participants: Participant[] = [];
  const gateways: Signed<GatewayRegistration>[] = [];
  for (const member of first) {
    const { participant, owner, agentKey } = member;
    if (agentKey !== null && agentKey !== owner && keys.has(agentKey)) {
      ignored.push({ entry: participant, why: 'its agent key is the key of another participant' });
      continue;
    }
    if (agentKey !== null) keys.add(agentKey);
    participants.push({
      id: participant,
      accountKey: owner,
      ...(agentKey === null || agentKey === owner ? {} : { agentKey }),
      role: participant === terms.feeder ? 'feeder' : 'household',
    });
    for (const item of [...member.items].sort((a, b) => a.item - b.item)) {
      if (item.item === MEMBERSHIP_ITEM || item.holder !== holder) continue;
      const found = registrationOf(community, member, item);
      if (typeof found === 'string') ignored.push({ entry: gatewayName(participant, item.item), why: found });
      else gateways.push(found);
    }
  }
  participants.push(
    { id: SUPPLIER, accountKey: terms.supplierKey, role: 'supplier' },
    { id: COMMUNITY_FUND, accountKey: terms.fundKey, role: 'fund' },
  );
  return { participants, gateways, ignored };
}

/** Why a collection is no membership, or null. */
function problemOf(community: string, member: MemberOnChain, holder: string): string | null {
  const { participant, owner, agentKey, agentProof, collection, items } = member;
  if (participant === null || !isParticipantName(participant)) return 'it names no participant';
  if (memberCollection(community, participant) !== collection)
    return `its collection ${collection} is not that of ${participant}`;
  if (!items.some((one) => one.item === MEMBERSHIP_ITEM && one.holder === holder))
    return 'it has no membership item';
  if (agentKey === null || agentKey === owner) return null;
  const agreed =
    agentProof !== null &&
    consentHolds(
      'agent-key',
      { key: agentKey, proof: agentProof },
      { community, participant, accountKey: owner },
    );
  return agreed ? null : 'its agent key has not agreed';
}

/** A gateway as it is registered, or why it is not. */
function registrationOf(
  community: string,
  { participant, owner, agentKey }: MemberOnChain & { readonly participant: string },
  { item, key, proof, registration }: ItemOnChain,
): Signed<GatewayRegistration> | string {
  if (key === null || proof === null || registration === null)
    return 'a key, proof or registration is missing';
  if (!consentHolds('gateway-key', { key, proof }, { community, participant, accountKey: owner }))
    return "the gateway's key has not agreed";
  const gateway = gatewayName(participant, item);
  const payload: GatewayRegistration = { type: 'gateway', community, participant, gateway, gatewayKey: key };
  const signed = { payload, key: agentKey ?? owner, signature: registration };
  return signatureHolds(signed) ? signed : 'its registration is not signed by the participant';
}
