import {
  canonicalJson,
  parseAmount,
  type BundleRecord,
  type SettlementRecord,
  type SlotId,
} from '@commonwatt/domain';
import { recordLabel } from '../bundle/layout.ts';
import type { Fault } from '../bundle/read.ts';
import { batchRoot } from '../bundle/roots.ts';
import type { BatchCall, BatchOnChain, BlockRef, SignatoryChain } from '../chain/types.ts';
import type { Claim } from '../settlement/claims.ts';
import { partsOf } from '../settlement/parts.ts';
import { planAt } from '../settlement/plan.ts';
import { batchIdOf } from '../settlement/remark.ts';
import { callOf } from '../settlement/step.ts';
import { checkMeters, type SlotFault, type SlotRecords } from '../verify/meters.ts';
import { checkNets, checkPayments } from '../verify/settlement-check.ts';
import { checkRebuilt, type CheckTrueUp, type Rebuild } from '../verify/verify.ts';
import { partOfProposal, type Proposal, type VerdictFault } from './proposal.ts';
import { turnCollection } from './turn.ts';

/** Means older than this are not looked at: a payer who can pay again must not be left out for long. */
const PLAN_AGE_BLOCKS_MAX = 64;

/** What a cosigner knows by itself when it looks at a proposal. */
export interface Known {
  readonly chain: SignatoryChain;
  /** The finalized block up to which it has looked through the chain. */
  readonly head: BlockRef;
  /** The newest block with a batch of the community; means from before it are not those the batch meets. */
  readonly lastBatchBlock: number;
  /** Roots of the parts of this batch that are on the chain, in order. */
  readonly doneRoots: readonly string[];
  /** What the settlement account keeps for receivers of earlier batches. */
  readonly claims: readonly Claim[];
  /** The batch that has settled a slot, or null. */
  readonly settledIn: (slot: SlotId) => string | null;
  /** Settled slots that readings and true-ups of the proposal may refer to. */
  readonly history: readonly SlotRecords[];
  readonly checkAgreed: (records: readonly BundleRecord[]) => Promise<Fault[]>;
  readonly checkCarries: (slots: readonly SlotRecords[]) => SlotFault[];
  readonly rebuild: Rebuild;
  readonly checkTrueUp: CheckTrueUp | undefined;
}

/** The call that a proposal stands for, made from its record alone. */
export function callOfProposal(proposal: Proposal, settlementKey: string): BatchCall {
  const { record, turn } = proposal;
  const call = callOf(record.community, record, partOfProposal(proposal));
  return {
    ...call,
    turn: { collection: turnCollection(record.community, settlementKey), number: turn },
  };
}

/** What is wrong; `lasting` is false for what depends on the chain's state of now: the same proposal may hold later. */
export interface Findings {
  readonly faults: readonly VerdictFault[];
  readonly lasting: boolean;
}

/**
 * Everything a cosigner checks before it approves, group by group; the first group with faults is what is wrong. `slots` are the records
 * whose roots the settlement record names. Asks the chain; throws what that throws.
 */
export async function checkProposal(
  proposal: Proposal,
  slots: readonly SlotRecords[],
  known: Known,
): Promise<Findings> {
  const means = async (): Promise<VerdictFault[]> => general(await checkMeans(proposal, slots, known));
  const groups: (() => VerdictFault[] | Promise<VerdictFault[]>)[] = [
    () => general(checkHeader(proposal, known)),
    async () => {
      const faults: VerdictFault[] = [];
      for (const { slot, records } of slots)
        faults.push(...ofSlot(slot, await checkSlotFacts(slot, records, known)));
      return faults;
    },
    () => checkHistory(slots, known),
    () => general(checkNets(proposal.record, withRoots(proposal.record, slots))),
    () => general(checkPayments(proposal.record)),
    async () => general(await checkCall(proposal, known)),
    means,
  ];
  for (const group of groups) {
    const faults = await group();
    if (faults.length > 0) return { faults, lasting: group !== means };
  }
  return { faults: [], lasting: true };
}

function general(faults: readonly Fault[]): VerdictFault[] {
  return faults.map((fault) => ({ slot: null, ...fault }));
}

function ofSlot(slot: SlotId, faults: readonly Fault[]): VerdictFault[] {
  return faults.map((fault) => ({ slot, ...fault }));
}

function checkHeader(proposal: Proposal, { chain, settledIn }: Known): Fault[] {
  const { record } = proposal;
  const faults: Fault[] = [];
  const same = (name: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted)
      faults.push({ record: `header (${name})`, what: `is ${String(found)}, not ${String(wanted)}` });
  };
  same('community', proposal.community, chain.community);
  same('record.community', record.community, chain.community);
  same('genesisHash', proposal.genesisHash, chain.genesisHash);
  same('settlementAccount', proposal.settlementAccount, chain.settlementKey);
  same('assetId', proposal.assetId, chain.assetId);
  same('batchId', record.batchId, batchIdOf(record.slots[0]!.slot));
  record.slots.forEach(({ slot }, index) => {
    const before = record.slots[index - 1]?.slot;
    if (before !== undefined && before >= slot)
      faults.push({ record: `settlement slot ${slot}`, what: `comes after ${before}` });
    const batch = settledIn(slot);
    if (batch !== null)
      faults.push({ record: `settlement slot ${slot}`, what: `was settled before, in batch ${batch}` });
  });
  return faults;
}

/** The slot follows from its facts by the market's rules, and the facts are those that were agreed on. */
async function checkSlotFacts(
  slot: SlotId,
  records: readonly BundleRecord[],
  known: Known,
): Promise<Fault[]> {
  const rules = records.findIndex((record) => record.type === 'rules');
  const named = records[rules];
  if (named?.type !== 'rules') return [{ record: 'records', what: 'there is no record of the rules' }];
  if (named.slot !== slot)
    return [
      { record: recordLabel(rules, named), what: `the records are for ${named.slot}, not for ${slot}` },
    ];
  return [...(await known.checkAgreed(records)), ...checkRebuilt(records, known.rebuild)];
}

/** Readings go on from those before, true-ups and debts refer to what was. */
function checkHistory(slots: readonly SlotRecords[], known: Known): VerdictFault[] {
  const all = [...known.history, ...slots];
  const proposed = new Set(slots.map(({ slot }) => slot));
  const meters = checkMeters(all).filter(({ slot }) => proposed.has(slot));
  const recordsOf = new Map(all.map(({ slot, records }) => [slot, records]));
  const trueUps = slots.flatMap(({ slot, records }) =>
    records.flatMap((record, index): SlotFault[] => {
      if (record.type !== 'true-up' || known.checkTrueUp === undefined) return [];
      const earlier = recordsOf.get(record.trueUp.estimate.slot);
      const what = earlier
        ? known.checkTrueUp(record.trueUp, earlier)
        : `nothing is known of ${record.trueUp.estimate.slot}`;
      return what === undefined ? [] : [{ slot, record: recordLabel(index, record), what }];
    }),
  );
  return [...meters, ...trueUps, ...known.checkCarries(slots)];
}

/** The payments are those that the payers' means on chain give. */
async function checkMeans(proposal: Proposal, slots: readonly SlotRecords[], known: Known): Promise<Fault[]> {
  const { chain, head, doneRoots } = known;
  const { record, earlierRecord, plannedAt } = proposal;
  const lastRoot = doneRoots.at(-1);
  // The rest of a batch that is under way and was not planned again: its payments were approved with its first part.
  if (lastRoot !== undefined && lastRoot === batchRoot(record)) return [];
  const inForce = lastRoot === undefined ? null : earlierRecord;
  if (lastRoot !== undefined && (inForce === null || batchRoot(inForce) !== lastRoot))
    return [{ record: 'earlierRecord', what: `is not the one of the parts that are paid (${lastRoot})` }];
  if (plannedAt.number > head.number || plannedAt.number < oldest(known))
    return [
      {
        record: 'plannedAt',
        what: `block ${plannedAt.number} is not within ${oldest(known)} to ${head.number}`,
      },
    ];
  const hash = plannedAt.number === head.number ? head.hash : await chain.blockHashAt(plannedAt.number);
  if (hash !== plannedAt.hash)
    return [{ record: 'plannedAt', what: `block ${plannedAt.number} has another hash` }];
  const planned = inForce?.payments ?? [];
  const done = partsOf(record.batchId, planned, proposal.partSize)
    .slice(0, doneRoots.length)
    .flatMap(({ payments }) => payments);
  const basis = {
    batchId: record.batchId,
    slots: withRoots(record, slots),
    claims: known.claims,
    refusals: [],
    done,
    planned,
  };
  let wanted: SettlementRecord;
  try {
    wanted = await planAt(chain, basis, plannedAt.hash);
  } catch (error) {
    if (lastRoot === undefined) throw error;
    return [{ record: 'settlement payments', what: error instanceof Error ? error.message : String(error) }];
  }
  return recordDifferences(wanted, record);
}

function oldest({ head, lastBatchBlock }: Known): number {
  return Math.max(lastBatchBlock, head.number - PLAN_AGE_BLOCKS_MAX);
}

function withRoots(record: SettlementRecord, slots: readonly SlotRecords[]) {
  return slots.map(({ slot, records }, index) => ({ slot, records, root: record.slots[index]!.root }));
}

/** The entries of a record that are not what they should be, by list and participant. */
function recordDifferences(wanted: SettlementRecord, found: SettlementRecord): Fault[] {
  if (canonicalJson(wanted) === canonicalJson(found)) return [];
  const faults: Fault[] = [];
  for (const [list, name] of LISTS) {
    const entries = (record: SettlementRecord) =>
      new Map((record[list] ?? []).map((entry) => [entry.participant, canonicalJson(entry)]));
    const [right, given] = [entries(wanted), entries(found)];
    for (const participant of new Set([...right.keys(), ...given.keys()])) {
      if (right.get(participant) === given.get(participant)) continue;
      const should = right.get(participant) ?? 'not there';
      faults.push({
        record: `settlement ${name} ${participant}`,
        what: `does not follow from the means on chain, it should be ${should}`,
      });
    }
  }
  return faults.length > 0
    ? faults
    : [{ record: 'settlement record', what: 'does not follow from the means on chain' }];
}

const LISTS = [
  ['unpaid', 'unpaid'],
  ['cuts', 'cut'],
  ['held', 'held'],
  ['released', 'released'],
  ['payments', 'payment'],
] as const;

/** The bytes to approve are exactly the record's payments, in their turn. */
async function checkCall(proposal: Proposal, { chain }: Known): Promise<Fault[]> {
  const call = callOfProposal(proposal, chain.settlementKey);
  const { callData, callHash } = await chain.encode(call);
  if (callData === proposal.callData) {
    return callHash === proposal.callHash
      ? []
      : [{ record: 'header (callHash)', what: `is not the hash of the call (${callHash})` }];
  }
  const decoded = await chain.decode(proposal.callData);
  if (decoded === null) return [{ record: 'header (callData)', what: 'is no batch' }];
  return callDifferences(proposal, call, decoded);
}

function callDifferences(proposal: Proposal, call: BatchCall, decoded: BatchOnChain): Fault[] {
  const { payments } = partOfProposal(proposal);
  const faults: Fault[] = [];
  const count = Math.max(payments.length, decoded.payments?.length ?? 0);
  for (let index = 0; index < count; index += 1) {
    const [said, does] = [payments[index], decoded.payments?.[index]];
    const same =
      said?.direction === does?.direction &&
      said?.accountKey === does?.accountKey &&
      (said === undefined || parseAmount(said.amountMicro) === does?.amountMicro);
    if (same) continue;
    const name = said?.participant ?? does?.accountKey ?? String(index);
    const what = does
      ? `the call moves ${does.amountMicro} (${does.direction}) for ${does.accountKey}`
      : 'is not in the call';
    faults.push({ record: `settlement payment ${name}`, what });
  }
  if (decoded.payments === null)
    return [{ record: 'header (callData)', what: 'does something that is no payment' }];
  if (decoded.remark !== call.remark)
    faults.push({ record: 'header (remark)', what: `is ${decoded.remark}` });
  if (canonicalJson(decoded.turn ?? null) !== canonicalJson(call.turn))
    faults.push({ record: 'header (turn)', what: 'the call takes another turn, or none' });
  if (faults.length === 0)
    faults.push({ record: 'header (callData)', what: 'is not the batch as it is encoded' });
  return faults;
}
