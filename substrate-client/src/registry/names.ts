import { createHash } from 'node:crypto';
import { CommonwattError, COMMUNITY_FUND, SUPPLIER } from '@commonwatt/domain';

/**
 * Where a community's registry lies among the `uniques` of a chain. Everything follows by hash from names, so that nobody hands out
 * numbers: see `docs/settlement.md`, section Registry.
 */

/** Participants on chain: shorter than ids elsewhere and without `:`, because their gateways' ids are made from theirs. */
const NAME = /^[A-Za-z0-9._-]{1,48}$/;

/** The item that is the membership itself; a member's gateways are the items after it. */
export const MEMBERSHIP_ITEM = 0;
export const FIRST_GATEWAY_ITEM = 1;

export function isParticipantName(text: string): boolean {
  return NAME.test(text) && text !== SUPPLIER && text !== COMMUNITY_FUND;
}

/** Throws `malformed` for a name that no participant can have on chain. */
export function checkParticipantName(name: string): void {
  if (isParticipantName(name)) return;
  throw new CommonwattError('malformed', `${JSON.stringify(name)} cannot be a participant's name`, {
    field: 'participant',
    rule: '1 to 48 characters of [A-Za-z0-9._-], and neither supplier nor community-fund',
  });
}

/** The collection that stands for a community. */
export function communityCollection(community: string): number {
  return collectionOf(`commonwatt/1/community\n${community}`);
}

/** The one collection that can stand for a participant of that name: the chain gives it to the first who creates it. */
export function memberCollection(community: string, participant: string): number {
  return collectionOf(`commonwatt/1/member\n${community}\n${participant}`);
}

/**
 * The account that holds every item of a community's members, raw key in hex: a hash, so nobody has its secret. What it holds is the
 * index of the registry, which any node can list.
 */
export function membersAccount(community: string): string {
  return hashOf(`commonwatt/1/members-of\n${community}`).toString('hex');
}

/** A gateway's id: `gw-home-01` for a member's first item, `gw-home-01:2` for its second. */
export function gatewayName(participant: string, item: number): string {
  return item === FIRST_GATEWAY_ITEM ? `gw-${participant}` : `gw-${participant}:${item}`;
}

function collectionOf(text: string): number {
  return hashOf(text).readUInt32BE(0);
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
