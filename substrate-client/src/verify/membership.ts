import {
  canonicalJson,
  CommonwattError,
  type BundleRecord,
  type Participant,
  type RegistryPoint,
  type SlotId,
} from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';
import type { BlockRef, ChainReader } from '../chain/types.ts';
import { membersOf, type RegistryOnChain } from '../registry/members-of.ts';
import type { SlotFault } from './meters.ts';

/** A settled slot and the block of the batch that settled it; null where no batch did. */
export interface SettledSlot {
  readonly slot: SlotId;
  readonly records: readonly BundleRecord[];
  readonly batchBlock: number | null;
}

/**
 * The community's registry in the state after a block of the chain. Throws `not-found` when there is none there.
 */
export type RegistryAt = (block: BlockRef) => Promise<RegistryOnChain>;

/**
 * Who takes part in a slot is what the registry on chain said at the block that the slot names: nobody made up, nobody left out. That block is on the
 * chain, not after the slot's batch, and never goes back from slot to slot. An id stays with its first account, and who is listed as
 * `former` did take part before. Slots in ascending order.
 */
export async function checkMembership(
  slots: readonly SettledSlot[],
  chain: Pick<ChainReader, 'blockHashAt'>,
  registryAt: RegistryAt,
): Promise<SlotFault[]> {
  const faults: SlotFault[] = [];
  const ask = rememberedOnce(registryAt);
  const known = new Map<string, Participant>();
  const batches = [...new Set(slots.flatMap(({ batchBlock }) => batchBlock ?? []))].sort((a, b) => a - b);
  let latest = 0;
  for (const { slot, records, batchBlock } of slots) {
    const complain = (index: number, what: string): void => {
      const record = records[index];
      faults.push({ slot, record: record === undefined ? 'records' : recordLabel(index, record), what });
    };
    const at = records.findIndex(({ type }) => type === 'registry');
    const point = at < 0 ? null : pointOf(records[at]);
    if (point === null) {
      if (latest > 0 || (await wasRegistered(batches, batchBlock, chain, ask)))
        complain(0, 'does not say which block of the registry names its members');
      continue;
    }
    const where = await placeProblem(point, batchBlock, latest, chain);
    latest = Math.max(latest, point.blockNumber);
    if (where !== null) {
      complain(at, where);
      continue;
    }
    const found = await ask({ number: point.blockNumber, hash: point.blockHash });
    if (typeof found === 'string') complain(at, found);
    else compare(records, found, known, complain);
  }
  return faults;
}

function pointOf(record: BundleRecord | undefined): RegistryPoint | null {
  return record?.type === 'registry' && typeof record.registry?.blockNumber === 'number'
    ? record.registry
    : null;
}

/**
 * A slot that was settled before there was a registry says nothing of one. Two batches later no slot's gate can have closed before, unless
 * settlement lagged that far behind.
 */
async function wasRegistered(
  batches: readonly number[],
  batchBlock: number | null,
  chain: Pick<ChainReader, 'blockHashAt'>,
  ask: (block: BlockRef) => Promise<RegistryOnChain | string>,
): Promise<boolean> {
  const number = batchBlock === null ? undefined : batches[batches.indexOf(batchBlock) - 2];
  const hash = number === undefined ? null : await chain.blockHashAt(number);
  return number !== undefined && hash !== null && typeof (await ask({ number, hash })) !== 'string';
}

async function placeProblem(
  { blockNumber, blockHash }: RegistryPoint,
  batchBlock: number | null,
  latest: number,
  chain: Pick<ChainReader, 'blockHashAt'>,
): Promise<string | null> {
  if (blockNumber < latest) return `goes back to block ${blockNumber}, after block ${latest}`;
  if (batchBlock !== null && blockNumber >= batchBlock)
    return `is of block ${blockNumber}, which is not before its batch in block ${batchBlock}`;
  const hash = await chain.blockHashAt(blockNumber);
  return hash === blockHash ? null : `is not block ${blockNumber} of the chain`;
}

/** Participants and gateways, one by one, against the registry. */
function compare(
  records: readonly BundleRecord[],
  registry: RegistryOnChain,
  known: Map<string, Participant>,
  complain: (index: number, what: string) => void,
): void {
  const { participants, gateways } = membersOf(registry);
  const taken = new Set(
    participants
      .filter(({ id, accountKey }) => (known.get(id)?.accountKey ?? accountKey) !== accountKey)
      .map(({ id }) => id),
  );
  const wanted = new Set([
    ...participants.filter(({ id }) => !taken.has(id)).map(canonicalJsonOf),
    ...gateways.filter(({ payload }) => !taken.has(payload.participant)).map(canonicalJsonOf),
  ]);
  const block = registry.block.number;
  records.forEach((record, index) => {
    if (record.type === 'participant' && record.participant?.role === 'former') {
      const before = known.get(record.participant.id);
      const same =
        before !== undefined &&
        canonicalJson({ ...before, role: 'former' }) === canonicalJson(record.participant);
      if (!same) complain(index, 'has not taken part before');
      return;
    }
    const member =
      record.type === 'participant'
        ? record.participant
        : record.type === 'gateway'
          ? record.registration
          : null;
    if (member !== null && !wanted.delete(canonicalJson(member ?? null)))
      complain(index, `is not what the registry says in block ${block}`);
  });
  for (const missing of wanted) {
    const { id, payload } = JSON.parse(missing) as { id?: string; payload?: { gateway: string } };
    const name = id === undefined ? `gateway ${payload?.gateway}` : `participant ${id}`;
    complain(
      records.findIndex(({ type }) => type === 'registry'),
      `${name}, who is in the registry in block ${block}, is missing`,
    );
  }
  for (const participant of participants)
    if (!taken.has(participant.id)) known.set(participant.id, participant);
}

function canonicalJsonOf(value: unknown): string {
  return canonicalJson(value);
}

/** Asks for each block once: most slots name the same. A problem is a sentence. */
function rememberedOnce(registryAt: RegistryAt): (block: BlockRef) => Promise<RegistryOnChain | string> {
  const answers = new Map<string, Promise<RegistryOnChain | string>>();
  return (block) => {
    const known = answers.get(block.hash);
    if (known !== undefined) return known;
    const answer = registryAt(block).catch((error: unknown) => {
      if (error instanceof CommonwattError && error.code === 'not-found') return error.message;
      return `the registry of block ${block.number} cannot be read, an archive node is needed: ${error instanceof Error ? error.message : String(error)}`;
    });
    answers.set(block.hash, answer);
    return answer;
  };
}
