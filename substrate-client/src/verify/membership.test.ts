import { describe, expect, it } from 'vitest';
import { CommonwattError, type BundleRecord, type Participant } from '@commonwatt/domain';
import { membersOf, type MemberOnChain, type RegistryOnChain } from '../registry/members-of.ts';
import { gatewayName, memberCollection, membersAccount } from '../registry/names.ts';
import { gatewayConsent, signRegistration } from '../registry/proofs.ts';
import { signerNamed, slotsFrom } from '../testing/sample.ts';
import { checkMembership, type SettledSlot } from './membership.ts';

const COMMUNITY = 'street';
const HOLDER = membersAccount(COMMUNITY);
const slots = slotsFrom('2026-06-01T12:00:00Z', 3);
const hashOf = (number: number): string => `0x${String(number).padStart(64, '0')}`;

function member(name: string, account = name, box = `box of ${name}`): MemberOnChain {
  const signer = signerNamed(account);
  const terms = { community: COMMUNITY, participant: name, accountKey: signer.publicKey };
  const { key, proof } = gatewayConsent(signerNamed(box), terms);
  const registration = signRegistration(signer, {
    ...terms,
    gateway: gatewayName(name, 1),
    gatewayKey: key,
  }).signature;
  const none = { key: null, proof: null, registration: null };
  const items = [
    { item: 0, holder: HOLDER, ...none },
    { item: 1, holder: HOLDER, key, proof, registration },
  ];
  const collection = memberCollection(COMMUNITY, name);
  return { collection, owner: signer.publicKey, participant: name, agentKey: null, agentProof: null, items };
}

function registry(number: number, members: readonly MemberOnChain[]): RegistryOnChain {
  const key = '0'.repeat(64);
  const terms = {
    collection: 1,
    owner: key,
    settlementKey: key,
    assetId: 7,
    slotMinutes: 15,
    rulesHash: key,
    supplierKey: signerNamed('supplier').publicKey,
    fundKey: signerNamed('fund').publicKey,
    feeder: null,
    url: null,
  };
  return { community: COMMUNITY, block: { number, hash: hashOf(number) }, terms, members };
}

/** What an honest market publishes of the members in that registry. */
function recordsOf({ block, ...rest }: RegistryOnChain): BundleRecord[] {
  const { participants, gateways } = membersOf({ block, ...rest });
  return [
    { type: 'registry', registry: { blockNumber: block.number, blockHash: block.hash } },
    ...participants.map((participant): BundleRecord => ({ type: 'participant', participant })),
    ...gateways.map((registration): BundleRecord => ({ type: 'gateway', registration })),
  ];
}

const ann = member('ann');
const bob = member('bob');
const eve = member('eve');
/** Block 3: ann and bob. Block 5: bob has left, ann has another box. Block 7: somebody else took bob's name. */
const chain = new Map(
  [
    registry(3, [ann, bob]),
    registry(5, [member('ann', 'ann', 'new box')]),
    registry(7, [ann, member('bob', 'eve')]),
  ].map((one) => [one.block.number, one]),
);
const at = (number: number): BundleRecord[] => recordsOf(chain.get(number)!);
const settled = (...records: readonly BundleRecord[][]): SettledSlot[] =>
  records.map((own, index) => ({ slot: slots[index]!, records: own, batchBlock: 9 }));
const former = (who: MemberOnChain): BundleRecord => {
  const [participant] = membersOf(registry(3, [who])).participants as [Participant];
  return { type: 'participant', participant: { ...participant, role: 'former' } };
};

async function faultsOf(found: readonly SettledSlot[]): Promise<string[]> {
  const faults = await checkMembership(
    found,
    { blockHashAt: async (number) => (number < 10 ? hashOf(number) : null) },
    async ({ number }) => {
      const one = chain.get(number);
      if (one === undefined) throw new CommonwattError('unavailable', 'state is pruned');
      return one;
    },
  );
  return faults.map(({ slot, record, what }) => `${slots.indexOf(slot)} ${record}: ${what}`);
}

describe('members against the registry on chain', () => {
  const made = recordsOf(registry(3, [ann, bob, eve]));
  it.each<[what: string, slots: SettledSlot[], faults: string[]]>([
    ['members that change', settled(at(3), at(3), at(5)), []],
    ['slots from before there was a registry', settled([], at(3)), []],
    ['somebody who left and still settles', settled(at(3), [...at(5), former(bob)]), []],
    [
      'a household that was made up',
      settled(made),
      [
        '0 record 3 (participant eve): is not what the registry says in block 3',
        '0 record 8 (gateway gw-eve): is not what the registry says in block 3',
      ],
    ],
    [
      'a member that was left out',
      settled(recordsOf(registry(3, [ann]))),
      [
        '0 record 0 (registry 3): participant bob, who is in the registry in block 3, is missing',
        '0 record 0 (registry 3): gateway gw-bob, who is in the registry in block 3, is missing',
      ],
    ],
    [
      "a gateway's key that nobody registered",
      settled(recordsOf(registry(3, [ann, member('bob', 'bob', 'box of the operator')]))),
      [
        '0 record 6 (gateway gw-bob): is not what the registry says in block 3',
        '0 record 0 (registry 3): gateway gw-bob, who is in the registry in block 3, is missing',
      ],
    ],
    [
      'a former participant that never was one',
      settled(at(3), [...at(5), former(eve)]),
      ['1 record 5 (participant eve): has not taken part before'],
    ],
    [
      'a slot that does not say its block',
      settled(at(3), at(3).slice(1)),
      ['1 record 0 (participant ann): does not say which block of the registry names its members'],
    ],
    [
      'slots that never say a block, although there is a registry',
      settled([], [], []).map((one, index) => ({ ...one, batchBlock: [3, 5, 7][index]! })),
      ['2 records: does not say which block of the registry names its members'],
    ],
    [
      'a block that goes back',
      settled(at(5), at(3)),
      ['1 record 0 (registry 3): goes back to block 3, after block 5'],
    ],
    [
      'a block after the batch',
      settled(at(3)).map((one) => ({ ...one, batchBlock: 2 })),
      ['0 record 0 (registry 3): is of block 3, which is not before its batch in block 2'],
    ],
    [
      'a block of another chain',
      settled([{ type: 'registry', registry: { blockNumber: 3, blockHash: hashOf(4) } }, ...at(3).slice(1)]),
      ['0 record 0 (registry 3): is not block 3 of the chain'],
    ],
    [
      'a block whose state is gone',
      settled(recordsOf(registry(4, [ann]))),
      [
        '0 record 0 (registry 4): the registry of block 4 cannot be read, an archive node is needed: state is pruned',
      ],
    ],
    [
      'a name that another account has taken over',
      settled(at(3), at(7)),
      [
        '1 record 2 (participant bob): is not what the registry says in block 7',
        '1 record 6 (gateway gw-bob): is not what the registry says in block 7',
      ],
    ],
  ])('%s', async (_, found, faults) => {
    expect(await faultsOf(found)).toEqual(faults);
  });
});
