import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canonicalJson,
  CommonwattError,
  isId,
  slotStartMs,
  type BundleRecord,
  type SlotId,
} from '@commonwatt/domain';
import { bundleFileName } from '../bundle/files.ts';
import { leafHash, merklePath, rootFromPath } from '../bundle/merkle.ts';
import { readBundle } from '../bundle/read.ts';
import { batchLeaves, slotLeaves } from '../bundle/roots.ts';
import type { ChainReader } from '../chain/types.ts';
import { findAnchors, type Anchor, type Search } from '../verify/anchors.ts';

/** One household's statement for one slot, with what it takes to check it against the chain alone and nobody else's lines. */
export interface Proof {
  readonly kind: 'commonwatt-proof';
  readonly version: 1;
  readonly community: string;
  readonly genesisHash: string;
  readonly settlementAccount: string;
  readonly slot: SlotId;
  readonly participant: string;
  readonly records: readonly {
    readonly index: number;
    readonly record: BundleRecord;
    readonly path: readonly string[];
  }[];
  readonly recordCount: number;
  readonly slotRoot: string;
  readonly batch: {
    readonly batchId: string;
    readonly index: number;
    readonly leafCount: number;
    readonly path: readonly string[];
    /** Where it stands, first part to last, so that nobody has to search. Nothing rests on it: a wrong one finds nothing. */
    readonly blocks?: { readonly from: number; readonly to: number };
  };
}

export interface ProofVerdict {
  readonly ok: boolean;
  readonly faults: readonly string[];
  /** Where the chain holds it; null when it does not. */
  readonly block: { readonly number: number; readonly hash: string } | null;
  readonly batchId: string;
  readonly participant: string;
  readonly slot: SlotId;
  /** What the batch moved for the participant over its whole period, positive when received; null when its account is not in the proof. */
  readonly paidMicro: bigint | null;
}

/** `<slot>/<participant>` names a statement. */
export function statementId(slot: SlotId, participant: string): string {
  return `${slot}/${participant}`;
}

/** Throws `malformed` on anything that is no statement id. */
export function parseStatementId(id: string): { slot: SlotId; participant: string } {
  const [slot = '', participant = '', ...rest] = id.split('/');
  try {
    slotStartMs(slot);
  } catch (error) {
    throw badId(id, error);
  }
  if (!isId(participant) || rest.length > 0) throw badId(id);
  return { slot, participant };
}

/**
 * Builds the proof of a statement from its published bundle; `blocksOf` tells where a batch stands, if that is known. Throws `not-found` without bundle or lines, `conflict` when the bundle is
 * damaged.
 */
export function buildProof(
  bundleDir: string,
  id: string,
  blocksOf: (batchId: string) => { from: number; to: number } | null = () => null,
): Proof {
  const { slot, participant } = parseStatementId(id);
  const path = join(bundleDir, bundleFileName(slot));
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new CommonwattError(
      'not-found',
      `${slot} is not settled: there is no ${path}`,
      { record: id },
      { cause: error },
    );
  }
  const { bundle, faults } = readBundle(bytes);
  if (bundle === null) {
    throw new CommonwattError('conflict', `${path} is damaged: ${faults[0]?.record} ${faults[0]?.what}`, {
      record: path,
    });
  }
  const leaves = slotLeaves(bundle.records);
  const records = bundle.records.flatMap((record, index) =>
    concerns(record, participant) ? [{ index, record, path: merklePath(leaves, index) }] : [],
  );
  if (!records.some(({ record }) => record.type !== 'participant')) {
    throw new CommonwattError('not-found', `${participant} has no statement for ${slot}`, { record: id });
  }
  const batch = batchLeaves(bundle.settlement);
  const index = bundle.settlement.slots.findIndex((entry) => entry.slot === slot);
  const blocks = blocksOf(bundle.settlement.batchId);
  return {
    kind: 'commonwatt-proof',
    version: 1,
    community: bundle.community,
    genesisHash: bundle.genesisHash,
    settlementAccount: bundle.settlementAccount,
    slot,
    participant,
    records,
    recordCount: bundle.records.length,
    slotRoot: bundle.root,
    batch: {
      batchId: bundle.settlement.batchId,
      index,
      leafCount: batch.length,
      path: merklePath(batch, index),
      ...(blocks === null ? {} : { blocks }),
    },
  };
}

/** Checks a proof against the chain alone. Whom to believe is the settlement account: compare it with the one you approved. */
export async function verifyProof(
  proof: unknown,
  chain: ChainReader & { readonly genesisHash: string },
  search: Search = {},
): Promise<ProofVerdict> {
  if (!isProof(proof)) {
    throw new CommonwattError('malformed', 'this is no proof file of a statement', {
      remedy: 'make one with `prove`',
    });
  }
  const faults: string[] = [];
  if (proof.genesisHash !== chain.genesisHash) faults.push('it is for another chain');
  const { anchors } = await findAnchors(chain, proof.community, proof.settlementAccount, {
    ...hintOf(proof),
    ...search,
  });
  const anchor = anchors.find(({ batchId }) => batchId === proof.batch.batchId);
  for (const { index, record, path } of proof.records) {
    if (!concerns(record, proof.participant))
      faults.push(`record ${index} is not about ${proof.participant}`);
    if (rootFromPath(leafOf(record), index, proof.recordCount, path) !== proof.slotRoot) {
      faults.push(`record ${index} is not under the slot's root`);
    }
  }
  const slotLeaf = leafHash(canonicalJson({ slot: proof.slot, root: proof.slotRoot }));
  const { index, leafCount, path } = proof.batch;
  const root = rootFromPath(slotLeaf, index, leafCount, path);
  if (!anchor) faults.push(`the chain has no batch ${proof.batch.batchId} by that account`);
  else if (root !== anchor.root) faults.push('the slot is not under the root on the chain');
  return {
    ok: faults.length === 0,
    faults,
    block: anchor?.block ?? null,
    batchId: proof.batch.batchId,
    participant: proof.participant,
    slot: proof.slot,
    paidMicro: anchor ? paidTo(proof, anchor) : null,
  };
}

function hintOf(proof: Proof): Search {
  const { blocks } = proof.batch;
  return blocks === undefined ? {} : { fromBlock: blocks.from, toBlock: blocks.to };
}

function paidTo(proof: Proof, anchor: Anchor): bigint | null {
  const own = proof.records.find(({ record }) => record.type === 'participant')?.record;
  if (own?.type !== 'participant' || anchor.payments === null) return null;
  return anchor.payments
    .filter(({ accountKey }) => accountKey === own.participant.accountKey)
    .reduce((sum, { direction, amountMicro }) => sum + (direction === 'in' ? -amountMicro : amountMicro), 0n);
}

/** A household's own facts and lines; not the book, not the others. */
function concerns(record: BundleRecord, participant: string): boolean {
  switch (record.type) {
    case 'participant':
      return record.participant.id === participant;
    case 'gateway':
      return record.registration.payload.participant === participant;
    case 'order':
      return record.order.payload.participant === participant;
    case 'cancel':
      return record.cancel.payload.participant === participant;
    case 'reading':
      return record.reading.payload.participant === participant;
    case 'estimate':
      return record.estimate.participant === participant;
    case 'true-up':
      return record.trueUp.estimate.participant === participant;
    case 'carry':
      return record.carry.debtor === participant;
    case 'position':
      return record.position.participant === participant;
    case 'line':
      return record.line.participant === participant;
    default:
      return false;
  }
}

function leafOf(record: BundleRecord): string {
  return leafHash(canonicalJson(record));
}

function isProof(value: unknown): value is Proof {
  if (typeof value !== 'object' || value === null) return false;
  const proof = value as Record<string, unknown>;
  const batch = proof['batch'] as Record<string, unknown> | null | undefined;
  const strings = ['community', 'genesisHash', 'settlementAccount', 'slot', 'participant', 'slotRoot'];
  return (
    proof['kind'] === 'commonwatt-proof' &&
    proof['version'] === 1 &&
    strings.every((name) => typeof proof[name] === 'string') &&
    Array.isArray(proof['records']) &&
    proof['records'].length > 0 &&
    proof['records'].every(isProvenRecord) &&
    typeof batch === 'object' &&
    batch !== null &&
    typeof batch['batchId'] === 'string' &&
    isPath(batch['path']) &&
    (batch['blocks'] === undefined || isRange(batch['blocks']))
  );
}

function isRange(value: unknown): boolean {
  const { from, to } = value as { from?: unknown; to?: unknown };
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && (from as number) >= 0;
}

function isProvenRecord(value: unknown): boolean {
  const entry = value as { record?: { type?: unknown }; path?: unknown } | null;
  return typeof entry?.record?.type === 'string' && isPath(entry.path);
}

function isPath(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash))
  );
}

function badId(id: string, cause?: unknown): CommonwattError {
  return new CommonwattError(
    'malformed',
    `${JSON.stringify(id)} names no statement`,
    { rule: 'a statement is named <slot>/<participant>, like 2026-06-01T12:00:00Z/home-01' },
    { cause },
  );
}
