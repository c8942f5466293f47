import {
  CommonwattError,
  type BundleRecord,
  type SettlementRecord,
  type Signed,
  type SlotId,
} from '@commonwatt/domain';
import type { BlockRef } from '../chain/types.ts';
import type { Payment } from '../settlement/step.ts';
import { partsOf, type BatchPart } from '../settlement/parts.ts';

/**
 * What a node that settles asks the other signatories to approve: one part of one batch. Everything in it can be checked; the slots' records
 * are fetched by their roots, which the settlement record names.
 */
export interface Proposal {
  readonly version: 1;
  readonly community: string;
  readonly genesisHash: string;
  readonly settlementAccount: string;
  readonly assetId: number;
  readonly record: SettlementRecord;
  /** The record in force when the parts before this one were paid, where the rest was planned again since. */
  readonly earlierRecord: SettlementRecord | null;
  /** Payments of a part, and which part this is, from 0. */
  readonly partSize: number;
  readonly part: number;
  /** Into at least so many parts, so that those that are paid keep their names. */
  readonly partsMin: number;
  readonly turn: number;
  /** The finalized block in whose state the payers' means were looked at. */
  readonly plannedAt: BlockRef;
  readonly callData: string;
  readonly callHash: string;
}

/** What a signatory says of a proposal, signed with its key. */
export interface Verdict {
  readonly type: 'settlement-verdict';
  readonly community: string;
  readonly batchId: string;
  /** The part's id. */
  readonly partId: string;
  readonly callHash: string;
  readonly verdict: 'approved' | 'refused';
  /** Which record is wrong, and why; empty when approved. */
  readonly faults: readonly VerdictFault[];
  /** The finalized block the signatory had seen. */
  readonly blockNumber: number;
}

export interface VerdictFault {
  readonly slot: SlotId | null;
  readonly record: string;
  readonly what: string;
}

/** Where a cosigner gets proposals and what they speak of, and where its verdicts go. Nothing from there is believed. Deadlines inside. */
export interface ProposalSource {
  /** For messages. */
  readonly name: string;
  proposals(): Promise<readonly unknown[]>;
  /** The settlement record with this batch root. Throws `not-found`. */
  record(root: string): Promise<unknown>;
  /** The records of the slot with this root. Throws `not-found`. */
  records(slotRoot: string): Promise<unknown>;
  report(verdict: Signed<Verdict>): Promise<void>;
}

const PARTS_MAX = 10_000;

export function partOfProposal({ record, partSize, part, partsMin }: Proposal): BatchPart<Payment> {
  const parts = partsOf(record.batchId, record.payments, partSize, partsMin);
  const found = parts[part];
  if (!found) throw malformed('part', `there is no part ${part} of ${parts.length}`);
  return found;
}

/** A proposal from untrusted JSON: that it has the shape of one. What it says is checked elsewhere. Throws `malformed` with the field. */
export function parseProposal(value: unknown): Proposal {
  const proposal = object(value, 'proposal');
  if (proposal['version'] !== 1) throw malformed('version', 'is not 1');
  for (const field of ['community', 'genesisHash', 'settlementAccount', 'callData', 'callHash'])
    text(proposal[field], field);
  whole(proposal['assetId'], 'assetId', 0);
  whole(proposal['partSize'], 'partSize', 1);
  whole(proposal['part'], 'part', 0);
  whole(proposal['partsMin'], 'partsMin', 1);
  if (Number(proposal['partsMin']) > PARTS_MAX) throw malformed('partsMin', `is above ${PARTS_MAX}`);
  whole(proposal['turn'], 'turn', 1);
  const at = object(proposal['plannedAt'], 'plannedAt');
  whole(at['number'], 'plannedAt.number', 0);
  text(at['hash'], 'plannedAt.hash');
  parseRecord(proposal['record'], 'record');
  if (proposal['earlierRecord'] !== null) parseRecord(proposal['earlierRecord'], 'earlierRecord');
  return value as Proposal;
}

/** A settlement record from untrusted JSON. Throws `malformed`. */
export function parseRecord(value: unknown, field = 'record'): SettlementRecord {
  const record = object(value, field);
  if (record['type'] !== 'settlement') throw malformed(`${field}.type`, 'is not settlement');
  for (const name of ['community', 'batchId', 'fundCoverMicro']) text(record[name], `${field}.${name}`);
  const lists: Record<string, readonly string[]> = {
    slots: ['slot', 'root'],
    nets: ['participant', 'accountKey', 'amountNano', 'amountMicro'],
    unpaid: ['participant', 'amountMicro', 'why'],
    cuts: ['participant', 'amountMicro'],
    held: ['participant', 'accountKey', 'amountMicro', 'why'],
    released: ['participant', 'batchId', 'amountMicro'],
    payments: ['participant', 'accountKey', 'direction', 'amountMicro'],
  };
  for (const [list, fields] of Object.entries(lists)) {
    const items = record[list];
    if (items === undefined && (list === 'held' || list === 'released')) continue;
    if (!Array.isArray(items)) throw malformed(`${field}.${list}`, 'is no list');
    for (const item of items) {
      const entry = object(item, `${field}.${list}`);
      for (const name of fields) text(entry[name], `${field}.${list}.${name}`);
    }
  }
  if ((record['slots'] as unknown[]).length === 0) throw malformed(`${field}.slots`, 'is empty');
  return value as SettlementRecord;
}

/** A slot's records from untrusted JSON: a list of objects with a type; the market's rules check the rest. Throws `malformed`. */
export function parseRecords(value: unknown): BundleRecord[] {
  if (!Array.isArray(value)) throw malformed('records', 'are no list');
  for (const item of value) text(object(item, 'records')['type'], 'records.type');
  return value as BundleRecord[];
}

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(field, 'is no object');
  return value as Record<string, unknown>;
}

function text(value: unknown, field: string): void {
  if (typeof value !== 'string') throw malformed(field, 'is no text');
}

function whole(value: unknown, field: string, min: number): void {
  if (!Number.isSafeInteger(value) || Number(value) < min)
    throw malformed(field, `is no whole number from ${min}`);
}

function malformed(field: string, what: string): CommonwattError {
  return new CommonwattError('malformed', `the proposal's ${field} ${what}`, { field });
}
