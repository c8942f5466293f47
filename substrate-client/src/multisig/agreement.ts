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
  check(records: readonly BundleRecord[]): Fault[];
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
    check: (records) =>
      differences(records, (record, fact) =>
        record.type === 'gateway' || facts.has(fact) ? null : 'is not in the agreement',
      ),
  };
}

/** A slot is settled some time after its members were read; entries that were on chain so recently still count. */
const MEMORY_BLOCKS = 30_000;
const NOTE = 'agreed:';

/** Rules, participants and gateways must be those of the community's registry on chain, now or when this node saw it not long ago. */
export function agreedOnChain(chain: Chain, community: string, ledger: Ledger): Agreed {
  let follower: RegistryFollower | null = null;
  let headNumber = 0;
  const note = ({ terms, block }: RegistryOnChain, members: ReturnType<typeof membersOf>): void => {
    const facts = [
      `rules ${terms.rulesHash}`,
      ...members.participants.map(participantFact),
      ...members.gateways.map((registration) => `gateway ${canonicalJson(registration)}`),
    ];
    for (const fact of facts) ledger.setMeta(`${NOTE}${sha256Hex(fact)}`, String(block.number));
  };
  let current: RegistryOnChain | null = null;
  return {
    refresh: async (head) => {
      headNumber = head.number;
      let found: RegistryOnChain | null;
      if (follower === null) {
        found = await readRegistry(chain, community, head);
        follower = new RegistryFollower(chain, community, head);
      } else {
        found = await follower.look();
      }
      // What is there still is as good as seen now.
      if (found !== null && current !== null) note({ ...current, block: head }, membersOf(current));
      current = found ?? current;
      if (found !== null) note(found, membersOf(found));
    },
    check: (records) => {
      const members = current === null ? null : membersOf(current);
      const now = new Set([
        ...(members?.participants.map(participantFact) ?? []),
        ...(members?.gateways.map((registration) => `gateway ${canonicalJson(registration)}`) ?? []),
        `rules ${current?.terms.rulesHash ?? ''}`,
      ]);
      return differences(records, (_record, fact) => {
        if (now.has(fact)) return null;
        const seen = ledger.meta(`${NOTE}${sha256Hex(fact)}`);
        if (seen !== null && Number(seen) >= headNumber - MEMORY_BLOCKS) return null;
        return "is not what the community's registry on chain says";
      });
    },
  };
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
  return `participant ${canonicalJson(participant)}`;
}
