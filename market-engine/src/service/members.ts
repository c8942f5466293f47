import {
  agentKeyOf,
  CommonwattError,
  canonicalJson,
  type Participant,
  type SlotId,
} from '@commonwatt/domain';
import type { Decision } from '../journal/rows.ts';
import type { Memory } from './memory.ts';
import type { Membership, MembersTaken } from './ports.ts';
import { whoOf, type Who } from './who.ts';

type RegistryRow = Extract<Decision, { type: 'registry' }>;

/** The journal's row for a membership. */
export function registryRow({ participants, gateways, asOf }: Membership): RegistryRow {
  return { type: 'registry', participants, gateways, ...(asOf === undefined ? {} : { asOf }) };
}

/**
 * Who takes part, slot by slot. A registry row in the journal holds from there on; a slot keeps the one in force when its gate closed,
 * so nobody is drawn into a slot, or out of it, after its book is frozen.
 */
export class Members {
  readonly #memory: Memory;
  readonly #community: string;
  /** Checked registries, by row; as few as slots are still read. */
  readonly #checked = new Map<number, Who>();

  constructor(memory: Memory, community: string) {
    this.#memory = memory;
    this.#community = community;
  }

  /** Who may sign for a slot: as when its gate closed; for one that is open or not there, as now. */
  whoIn(slot: SlotId): Who {
    const { seq, participants, gateways } = this.#memory.state.registryOf(slot);
    let who = this.#checked.get(seq);
    if (who === undefined) {
      who = whoOf(this.#community, participants, gateways);
      if (this.#checked.size >= CHECKED_MAX) this.#checked.clear();
      this.#checked.set(seq, who);
    }
    return who;
  }

  /** Writes a change of the members. Throws when they contradict themselves, and `unavailable`. */
  update(members: Membership): Omit<MembersTaken, 'fromSlot'> {
    const { sound, refused } = separate(members, this.#memory.state.known);
    whoOf(this.#community, sound.participants, sound.gateways);
    const { registry } = this.#memory.state;
    const same = canonicalJson(listsOf(registry)) === canonicalJson(listsOf(sound));
    if (!same) this.#memory.commit([registryRow(sound)]);
    return { changed: !same, refused };
  }

  /** The one who signs, or signed, with this agent key. Throws `unknown-participant`. */
  ofKey(key: string): Participant {
    const { registry, known } = this.#memory.state;
    const isOwner = (one: Participant): boolean => agentKeyOf(one) === key;
    const found = registry?.participants.find(isOwner) ?? [...known.values()].find(isOwner);
    if (found !== undefined) return found;
    throw new CommonwattError('unknown-participant', `no participant of ${this.#community} has this key`, {
      field: 'key',
    });
  }
}

const CHECKED_MAX = 64;

/** Takes out who comes under the id of another account: debts and claims are kept by id. */
function separate(
  members: Membership,
  known: ReadonlyMap<string, Participant>,
): { sound: Membership; refused: MembersTaken['refused'] } {
  const strange = new Set(
    members.participants
      .filter(({ id, accountKey }) => (known.get(id)?.accountKey ?? accountKey) !== accountKey)
      .map(({ id }) => id),
  );
  if (strange.size === 0) return { sound: members, refused: [] };
  return {
    sound: {
      ...members,
      participants: members.participants.filter(({ id }) => !strange.has(id)),
      gateways: members.gateways.filter(({ payload }) => !strange.has(payload.participant)),
    },
    refused: [...strange].map((participant) => ({
      participant,
      why: 'another account took part under this id before',
    })),
  };
}

function listsOf(members: Pick<Membership, 'participants' | 'gateways'> | null): unknown {
  return members === null ? null : [members.participants, members.gateways];
}
