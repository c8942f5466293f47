import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signerNamed } from '../testing/sample.ts';
import { membersOf, type MemberOnChain, type RegistryOnChain } from './members-of.ts';
import { gatewayName, memberCollection, membersAccount } from './names.ts';
import { agentConsent, gatewayConsent, signRegistration } from './proofs.ts';

const COMMUNITY = 'street';
const HOLDER = membersAccount(COMMUNITY);

/** A member whose entries are all as they must be, with one gateway. */
function member(
  name: string,
  changes: { agent?: string; gatewayKey?: string; account?: string } = {},
): MemberOnChain {
  const account = signerNamed(changes.account ?? name);
  const agent = changes.agent === undefined ? account : signerNamed(changes.agent);
  const terms = { community: COMMUNITY, participant: name, accountKey: account.publicKey };
  const { key, proof } = gatewayConsent(signerNamed(changes.gatewayKey ?? `box of ${name}`), terms);
  const gateway = gatewayName(name, 1);
  const registration = signRegistration(agent, { ...terms, gateway, gatewayKey: key });
  const none = { key: null, proof: null, registration: null };
  return {
    collection: memberCollection(COMMUNITY, name),
    owner: account.publicKey,
    participant: name,
    agentKey: changes.agent === undefined ? null : agent.publicKey,
    agentProof: changes.agent === undefined ? null : agentConsent(agent, terms).proof,
    items: [
      { item: 0, holder: HOLDER, ...none },
      { item: 1, holder: HOLDER, key, proof, registration: registration.signature },
    ],
  };
}

function registry(members: readonly MemberOnChain[], feeder: string | null = null): RegistryOnChain {
  const terms = {
    collection: 1,
    owner: '0'.repeat(64),
    settlementKey: '0'.repeat(64),
    assetId: 7,
    slotMinutes: 15,
    rulesHash: '0'.repeat(64),
    supplierKey: signerNamed('supplier').publicKey,
    fundKey: signerNamed('fund').publicKey,
    feeder,
    url: null,
  };
  return { community: COMMUNITY, block: { number: 1, hash: '0x1' }, terms, members };
}

function names(members: readonly MemberOnChain[], feeder: string | null = null): string {
  const { participants, gateways, ignored } = membersOf(registry(members, feeder));
  return [
    participants.map(({ id, role }) => `${id} ${role}`).join(', '),
    gateways.map(({ payload }) => payload.gateway).join(', '),
    ignored.map(({ entry, why }) => `${entry}: ${why}`).join(', '),
  ].join(' | ');
}

const both = 'supplier supplier, community-fund fund';

describe('who takes part by a registry', () => {
  const ann = member('ann');
  const bob = member('bob', { agent: 'agent of bob' });
  const [, box] = ann.items as [MemberOnChain['items'][0], MemberOnChain['items'][0]];
  const withBox = (changes: Partial<typeof box>): MemberOnChain => ({
    ...ann,
    items: [ann.items[0]!, { ...box, ...changes }],
  });

  it.each<[what: string, members: MemberOnChain[], expected: string]>([
    ['two members', [bob, ann], `ann household, bob household, ${both} | gw-ann, gw-bob | `],
    ['nobody', [], `${both} |  | `],
    [
      'a collection under another number',
      [ann, { ...bob, collection: 5 }],
      `ann household, ${both} | gw-ann | bob: its collection 5 is not that of bob`,
    ],
    [
      'one without a membership item',
      [{ ...ann, items: [box] }],
      `${both} |  | ann: it has no membership item`,
    ],
    [
      'a membership item that its owner kept',
      [{ ...ann, items: [{ ...ann.items[0]!, holder: ann.owner }, box] }],
      `${both} |  | ann: it has no membership item`,
    ],
    ['a name that is reserved', [member('supplier')], `${both} |  | supplier: it names no participant`],
    ['a name that would make ids collide', [member('ann:2')], `${both} |  | ann:2: it names no participant`],
    [
      'an agent key without its consent',
      [{ ...bob, agentProof: box.proof }],
      `${both} |  | bob: its agent key has not agreed`,
    ],
    [
      'an account that came to another owner',
      [{ ...bob, owner: ann.owner }],
      `${both} |  | bob: its agent key has not agreed`,
    ],
    [
      'one account under two names',
      [member('zoe', { account: 'ann' }), ann],
      `ann household, ${both} | gw-ann | zoe: its account takes part under another name`,
    ],
    [
      "the supplier's account",
      [member('eve', { account: 'supplier' })],
      `${both} |  | eve: its account takes part under another name`,
    ],
    [
      "somebody's account key as agent key",
      [member('aaa', { agent: 'bob' }), member('bob')],
      `bob household, ${both} | gw-bob | aaa: its agent key is the key of another participant`,
    ],
    [
      'a gateway key without its consent',
      [withBox({ proof: box.registration })],
      `ann household, ${both} |  | gw-ann: the gateway's key has not agreed`,
    ],
    [
      "another member's gateway",
      [ann, { ...bob, items: [bob.items[0]!, box] }],
      `ann household, bob household, ${both} | gw-ann | gw-bob: the gateway's key has not agreed`,
    ],
    [
      'a registration that somebody else signed',
      [withBox({ registration: bob.items[1]!.registration })],
      `ann household, ${both} |  | gw-ann: its registration is not signed by the participant`,
    ],
    [
      'a gateway without a key',
      [withBox({ key: null })],
      `ann household, ${both} |  | gw-ann: a key, proof or registration is missing`,
    ],
    ['a gateway that is burnt', [withBox({ holder: ann.owner })], `ann household, ${both} |  | `],
  ])('%s', (_, members, expected) => {
    expect(names(members)).toBe(expected);
  });

  it('names the feeder by the community alone', () => {
    expect(names([ann, bob], 'bob')).toBe(`ann household, bob feeder, ${both} | gw-ann, gw-bob | `);
  });

  it('gives an agent key only where it is not the account key', () => {
    const [first, second] = membersOf(registry([ann, bob])).participants;
    expect(first).not.toHaveProperty('agentKey');
    expect(second?.agentKey).toBe(signerNamed('agent of bob').publicKey);
  });

  it('does not depend on the order, and no entry of somebody else spoils one that holds', () => {
    const attribute = fc.option(fc.constantFrom(box.key!, box.proof!, bob.agentKey!, '', 'zz'));
    const stranger = fc.record<MemberOnChain>({
      collection: fc.oneof(fc.nat(), fc.constant(memberCollection(COMMUNITY, 'mallory'))),
      owner: fc.constant(signerNamed('mallory').publicKey),
      participant: fc.option(fc.constantFrom('ann', 'bob', 'mallory', 'supplier', '', '\u{1F600}')),
      agentKey: attribute,
      agentProof: attribute,
      items: fc.array(
        fc.record({
          item: fc.nat(3),
          holder: fc.constantFrom(HOLDER, ann.owner),
          key: attribute,
          proof: attribute,
          registration: attribute,
        }),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(fc.array(stranger, { maxLength: 4 }), fc.boolean(), (strangers, turned) => {
        const all = [...strangers.filter(({ collection }) => collection !== ann.collection), ann, bob];
        const { participants, gateways } = membersOf(registry(turned ? all.toReversed() : all));
        const mine = membersOf(registry([ann, bob]));
        expect(participants).toEqual(expect.arrayContaining([...mine.participants]));
        expect(gateways).toEqual(expect.arrayContaining([...mine.gateways]));
        expect(participants.filter(({ id }) => id !== 'mallory')).toEqual(mine.participants);
      }),
      { numRuns: 200 },
    );
  });
});
