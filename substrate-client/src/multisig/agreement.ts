import {
  canonicalJson,
  CommonwattError,
  sha256Hex,
  type BundleRecord,
  type MarketRules,
  type Participant,
} from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';
import type { Fault } from '../bundle/read.ts';
import type { Chain } from '../chain/connect.ts';
import type { BlockRef } from '../chain/types.ts';
import { RegistryFollower } from '../registry/follow.ts';
import { membersOf, type RegistryOnChain } from '../registry/members-of.ts';
import { readRegistry } from '../registry/read.ts';
import type { Ledger } from '../settlement/ledger.ts';

/**
 * What the community has agreed on, which no record can prove by itself: its rules, and whose account is whose. Households sign their
 * gateways and orders, but the supplier and the fund sign nothing, and a made-up household could sign everything.
 */
export interface Agreed {
  /** Looks whether anything was agreed anew, up to a finalized block. */
  refresh(head: BlockRef): Promise<void>;
  /** The records of a slot that are not as agreed. */
  check(records: readonly BundleRecord[]): Promise<Fault[]>;
}

/** An agreement in a file, for those who do not want to go by the registry on chain. */
export interface Agreement {
  readonly rules: MarketRules;
  readonly participants: readonly Participant[];
}

/** Throws `malformed`. */
export function parseAgreement(value: unknown): Agreement {
  const { rules, participants } = (value ?? {}) as {
    rules?: { community?: unknown };
    participants?: unknown;
  };
  const sound =
    typeof rules?.community === 'string' &&
    Array.isArray(participants) &&
    participants.every(({ id, accountKey, role }) =>
      [id, accountKey, role].every((part) => typeof part === 'string'),
    );
  if (!sound)
    throw new CommonwattError('malformed', 'this is no agreement: {"rules": {...}, "participants": [...]}');
  return value as Agreement;
}

/** Rules and participants must be those of the file. */
export function agreedInFile({ rules, participants }: Agreement): Agreed {
  const facts = new Set([rulesFact(rules), ...participants.map(participantFact)]);
  return {
    refresh: async () => {},
    check: async (records) =>
      differences(records, (record, fact) =>
        record.type === 'gateway' || facts.has(fact) ? null : 'is not in the agreement',
      ),
  };
}

/** How long before the head a slot's registry may have been read, and for how long a member who left may still be paid or charged. */
const MEMORY_BLOCKS = 30_000;
const NOTE = 'agreed:';

/**
 * Rules and members must be those of the community's registry on chain, in the state after the block that the slot names. Accounts are
 * remembered, because what is settled late may concern somebody who has left.
 */
export function agreedOnChain(chain: Chain, community: string, ledger: Ledger): Agreed {
  let head: BlockRef = { number: 0, hash: '' };
  let follower: RegistryFollower | null = null;
  const known = new Map<string, Facts>();
  const at = async (block: BlockRef): Promise<Facts> => {
    const found = known.get(block.hash) ?? factsOf(await readRegistry(chain, community, block));
    if (known.size > 64) known.clear();
    known.set(block.hash, found);
    for (const account of found.accounts)
      ledger.setMeta(`${NOTE}${sha256Hex(account)}`, String(block.number));
    return found;
  };
  const remembers = (fact: string): boolean => {
    const seen = ledger.meta(`${NOTE}${sha256Hex(fact)}`);
    return seen !== null && Number(seen) >= head.number - MEMORY_BLOCKS;
  };
  return {
    refresh: async (now) => {
      head = now;
      if (follower === null) {
        await at(now);
        follower = new RegistryFollower(chain, community, now);
        return;
      }
      const changed = await follower.look();
      if (changed !== null) await at(changed.block);
    },
    check: async (records) => {
      const index = records.findIndex(({ type }) => type === 'registry');
      const point = records[index];
      if (point?.type !== 'registry')
        return [{ record: 'records', what: 'they do not name the block whose registry says who takes part' }];
      const { blockNumber: number, blockHash: hash } = point.registry;
      const label = recordLabel(index, point);
      if (number > head.number || number < head.number - MEMORY_BLOCKS)
        return [
          {
            record: label,
            what: `block ${number} is not among the last ${MEMORY_BLOCKS} up to ${head.number}`,
          },
        ];
      if ((number === head.number ? head.hash : await chain.blockHashAt(number)) !== hash)
        return [{ record: label, what: `block ${number} of the chain has another hash` }];
      const facts = await at({ number, hash });
      const listed = new Set<string>();
      const reading = new Set(
        records.flatMap((one) => (one.type === 'reading' ? [one.reading?.payload?.gateway] : [])),
      );
      const faults = differences(records, (record, fact) => {
        listed.add(fact);
        if (facts.all.has(fact)) return null;
        if (record.type === 'participant' && record.participant.role === 'former')
          return remembers(accountFact(record.participant)) ? null : 'was no member lately';
        // A true-up brings the registration its reading was signed under, which may be an older one.
        if (record.type === 'gateway' && !reading.has(record.registration.payload?.gateway)) return null;
        return "is not what the community's registry on chain says";
      });
      const missing = [...facts.members].filter(([, fact]) => !listed.has(fact));
      return [
        ...faults,
        ...(faults.length > 0
          ? []
          : missing.map(([id]) => ({ record: `participant ${id}`, what: 'is missing' }))),
      ];
    },
  };
}

interface Facts {
  readonly all: ReadonlySet<string>;
  readonly members: ReadonlyMap<string, string>;
  readonly accounts: readonly string[];
}

function factsOf(registry: RegistryOnChain): Facts {
  const { participants, gateways } = membersOf(registry);
  const members = new Map(participants.map((participant) => [participant.id, participantFact(participant)]));
  return {
    all: new Set([
      `rules ${registry.terms.rulesHash}`,
      ...members.values(),
      ...gateways.map((registration) => `gateway ${canonicalJson(registration)}`),
    ]),
    members,
    accounts: participants.map(accountFact),
  };
}

function accountFact({ id, accountKey }: Participant): string {
  return `account ${id} ${accountKey}`;
}

function differences(
  records: readonly BundleRecord[],
  why: (record: BundleRecord, fact: string) => string | null,
): Fault[] {
  return records.flatMap((record, index) => {
    const fact = factOf(record);
    const what = fact === null ? null : why(record, fact);
    return what === null ? [] : [{ record: recordLabel(index, record), what }];
  });
}

function factOf(record: BundleRecord): string | null {
  switch (record.type) {
    case 'rules':
      return rulesFact(record.rules);
    case 'participant':
      return participantFact(record.participant);
    case 'gateway':
      return `gateway ${canonicalJson(record.registration)}`;
    default:
      return null;
  }
}

function rulesFact(rules: MarketRules): string {
  return `rules ${sha256Hex(canonicalJson(rules))}`;
}

function participantFact(participant: Participant): string {
  // Who is listed because something earlier still settles was a household when it took part.
  const member = participant.role === 'former' ? { ...participant, role: 'household' } : participant;
  return `participant ${canonicalJson(member)}`;
}
