import { DatabaseSync } from 'node:sqlite';
import {
  canonicalJson,
  CommonwattError,
  type BundleRecord,
  type SettlementRecord,
  type SlotId,
} from '@commonwatt/domain';
import { slotRoot } from '../bundle/roots.ts';
import type { BlockRef, SignedExtrinsic } from '../chain/types.ts';
import { claimsAfter, type Claim } from './claims.ts';
import { partOf } from './parts.ts';

/** `planned`: its slots are fixed; `signed`: bytes are stored; `submitted`: handed to the node; `included`: in a block; `final`. */
export type BatchState = 'planned' | 'signed' | 'submitted' | 'included' | 'final';

export interface LedgerBatch {
  readonly batchId: string;
  readonly slots: readonly SlotId[];
  readonly state: BatchState;
  /** Null until the payers' means were looked at. */
  readonly record: SettlementRecord | null;
  readonly root: string | null;
  readonly block: BlockRef | null;
  readonly extrinsicHash: string | null;
  readonly feeNative: bigint;
  /** Root of the record that its bundles hold. */
  readonly publishedRoot: string | null;
  /** Payments an extrinsic of it may carry; fixed when it is planned. */
  readonly partSize: number | null;
  /** Parts it has at least, because earlier ones were carried out under their names. */
  readonly partsMin: number;
}

/** A batch of this community found in a finalized block. */
export interface Sighting {
  readonly extrinsicHash: string;
  /** The batch's id, or that of one of its parts. */
  readonly partId: string;
  readonly root: string;
  readonly block: BlockRef;
  readonly success: boolean;
  readonly error: string | null;
  readonly feeNative: bigint;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS slots (slot TEXT PRIMARY KEY, records TEXT NOT NULL, root TEXT NOT NULL, batch_id TEXT);
  CREATE INDEX IF NOT EXISTS slots_by_batch ON slots (batch_id);
  CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY, batch_id TEXT NOT NULL UNIQUE, slots TEXT NOT NULL, state TEXT NOT NULL, record TEXT, root TEXT,
    block_number INTEGER, block_hash TEXT, extrinsic_hash TEXT, fee TEXT NOT NULL DEFAULT '0',
    published_root TEXT, part_size INTEGER, parts_min INTEGER NOT NULL DEFAULT 1);
  CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, part_id TEXT NOT NULL, bytes TEXT NOT NULL, hash TEXT NOT NULL, nonce INTEGER NOT NULL,
    birth_number INTEGER NOT NULL, birth_hash TEXT NOT NULL, death_number INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS attempts_by_part ON attempts (part_id);
  CREATE TABLE IF NOT EXISTS chain_blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS sightings (
    extrinsic_hash TEXT NOT NULL, part_id TEXT NOT NULL, root TEXT NOT NULL, block_number INTEGER NOT NULL, block_hash TEXT NOT NULL,
    success INTEGER NOT NULL, error TEXT, fee TEXT NOT NULL, PRIMARY KEY (block_number, extrinsic_hash));
  CREATE INDEX IF NOT EXISTS sightings_by_part ON sightings (part_id);
  CREATE TABLE IF NOT EXISTS refusals (
    batch_id TEXT NOT NULL, account_key TEXT NOT NULL, direction TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (batch_id, account_key, direction));
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`;

/** A payment that the chain was found to refuse, for whatever reason: left out of its batch. */
export interface Refusal {
  readonly accountKey: string;
  readonly direction: 'in' | 'out';
  readonly why: string;
}

/** Everything settlement must still know after a crash. Each method is one transaction, durable when it returns. */
export class Ledger {
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
    this.#db.exec(SCHEMA);
    const columns = this.#db.prepare('PRAGMA table_info(batches)').all();
    if (!columns.some((column) => column['name'] === 'parts_min'))
      this.#db.exec('ALTER TABLE batches ADD COLUMN parts_min INTEGER NOT NULL DEFAULT 1');
  }

  close(): void {
    this.#db.close();
  }

  meta(name: string): string | null {
    return text(this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value']);
  }

  setMeta(name: string, value: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run(name, value);
  }

  /** Takes a slot once. Throws `conflict` when it is known with other records. */
  putSlot(slot: SlotId, records: readonly BundleRecord[]): void {
    const root = slotRoot(records);
    const known = text(this.#db.prepare('SELECT root FROM slots WHERE slot = ?').get(slot)?.['root']);
    if (known === root) return;
    if (known !== null) {
      throw new CommonwattError('conflict', `slot ${slot} was handed in before with other records`, {
        record: slot,
        rule: 'a slot is settled once, with what it had the first time',
      });
    }
    this.#db
      .prepare('INSERT INTO slots (slot, records, root) VALUES (?, ?, ?)')
      .run(slot, canonicalJson(records), root);
  }

  /** Everything in the notes whose name begins so. */
  metas(prefix: string): Map<string, string> {
    const rows = this.#db
      .prepare('SELECT name, value FROM meta WHERE substr(name, 1, ?) = ? ORDER BY name')
      .all(prefix.length, prefix);
    return new Map(rows.map((row) => [String(row['name']), String(row['value'])]));
  }

  /** The records of a slot by their root; null when no slot here has it. */
  recordsWithRoot(root: string): BundleRecord[] | null {
    const row = this.#db.prepare('SELECT records FROM slots WHERE root = ?').get(root);
    return row ? (JSON.parse(String(row['records'])) as BundleRecord[]) : null;
  }

  /** The settlement record with this batch root, of any plan that was ever made; null when there was none. */
  recordWithRoot(root: string): SettlementRecord | null {
    const row =
      this.#db.prepare('SELECT record FROM batches WHERE root = ?').get(root) ??
      this.#db
        .prepare(
          "SELECT value -> 'record' AS record FROM meta WHERE substr(name, 1, 5) = 'plan:' AND name LIKE ?",
        )
        .get(`plan:%:${root}`);
    const record = text(row?.['record']);
    return record === null ? null : (JSON.parse(record) as SettlementRecord);
  }

  waitingSlots(): SlotId[] {
    const rows = this.#db.prepare('SELECT slot FROM slots WHERE batch_id IS NULL ORDER BY slot').all();
    return rows.map((row) => String(row['slot']));
  }

  batchIdOf(slot: SlotId): string | null {
    return text(this.#db.prepare('SELECT batch_id FROM slots WHERE slot = ?').get(slot)?.['batch_id']);
  }

  slot(slot: SlotId): { slot: SlotId; root: string; records: BundleRecord[] } {
    const row = this.#db.prepare('SELECT records, root FROM slots WHERE slot = ?').get(slot);
    if (!row) throw new CommonwattError('not-found', `slot ${slot} is not in the ledger`, { record: slot });
    return { slot, root: String(row['root']), records: JSON.parse(String(row['records'])) as BundleRecord[] };
  }

  /** Fixes which slots make up a batch. */
  formBatch(batchId: string, slots: readonly SlotId[]): void {
    this.#transaction(() => {
      this.#db
        .prepare("INSERT INTO batches (batch_id, slots, state) VALUES (?, ?, 'planned')")
        .run(batchId, JSON.stringify(slots));
      const assign = this.#db.prepare('UPDATE slots SET batch_id = ? WHERE slot = ? AND batch_id IS NULL');
      for (const slot of slots) {
        if (assign.run(batchId, slot).changes !== 1) {
          throw new CommonwattError(
            'internal',
            `slot ${slot} cannot join batch ${batchId}: it is in another`,
          );
        }
      }
    });
  }

  /** All batches, oldest first; with a limit the newest so many, newest first. */
  batches(limit?: number): LedgerBatch[] {
    const rows =
      limit === undefined
        ? this.#db.prepare('SELECT * FROM batches ORDER BY seq').all()
        : this.#db.prepare('SELECT * FROM batches ORDER BY seq DESC LIMIT ?').all(limit);
    return rows.map(toBatch);
  }

  /** Of all batches, without reading their records. */
  batchStates(): { readonly state: BatchState }[] {
    const rows = this.#db.prepare('SELECT state FROM batches').all();
    return rows.map((row) => ({ state: row['state'] as BatchState }));
  }

  batch(batchId: string): LedgerBatch {
    const row = this.#db.prepare('SELECT * FROM batches WHERE batch_id = ?').get(batchId);
    if (!row)
      throw new CommonwattError('not-found', `batch ${batchId} is not in the ledger`, { record: batchId });
    return toBatch(row);
  }

  /** The oldest batch that is not final. */
  nextBatch(): LedgerBatch | null {
    const row = this.#db.prepare("SELECT * FROM batches WHERE state <> 'final' ORDER BY seq LIMIT 1").get();
    return row ? toBatch(row) : null;
  }

  /** Fixes what the batch does; `partsMin` never falls again, so that no payment comes to stand under another name. */
  setRecord(
    batchId: string,
    record: SettlementRecord,
    root: string,
    partSize: number,
    partsMin: number,
  ): void {
    this.#db
      .prepare(
        `UPDATE batches SET record = ?, root = ?, part_size = ?, parts_min = max(parts_min, ?), state = 'planned'
         WHERE batch_id = ?`,
      )
      .run(canonicalJson(record), root, partSize, partsMin, batchId);
  }

  /** What is kept for receivers after all batches before this one, oldest first. */
  claimsBefore(batchId: string): Claim[] {
    const rows = this.#db
      .prepare(
        `SELECT record FROM batches WHERE seq < (SELECT seq FROM batches WHERE batch_id = ?)
         AND (json_extract(record, '$.held') IS NOT NULL OR json_extract(record, '$.released') IS NOT NULL) ORDER BY seq`,
      )
      .all(batchId);
    return claimsAfter(rows.map((row) => JSON.parse(String(row['record'])) as SettlementRecord)).claims;
  }

  addRefusal(batchId: string, refusal: Refusal): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO refusals (batch_id, account_key, direction, why) VALUES (?, ?, ?, ?)')
      .run(batchId, refusal.accountKey, refusal.direction, refusal.why);
  }

  refusals(batchId: string): Refusal[] {
    const rows = this.#db.prepare('SELECT * FROM refusals WHERE batch_id = ? ORDER BY rowid').all(batchId);
    return rows.map((row) => ({
      accountKey: String(row['account_key']),
      direction: row['direction'] === 'in' ? 'in' : 'out',
      why: String(row['why']),
    }));
  }

  /** The last step before anything leaves the house: the bytes are on disk first. */
  addAttempt(batchId: string, partId: string, signed: SignedExtrinsic): void {
    this.#transaction(() => {
      this.#db
        .prepare(
          `INSERT INTO attempts (part_id, bytes, hash, nonce, birth_number, birth_hash, death_number)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          partId,
          signed.bytes,
          signed.hash,
          signed.nonce,
          signed.birth.number,
          signed.birth.hash,
          signed.deathNumber,
        );
      this.#db.prepare("UPDATE batches SET state = 'signed' WHERE batch_id = ?").run(batchId);
    });
  }

  attempts(partId: string): SignedExtrinsic[] {
    const rows = this.#db.prepare('SELECT * FROM attempts WHERE part_id = ? ORDER BY id').all(partId);
    return rows.map((row) => ({
      bytes: String(row['bytes']),
      hash: String(row['hash']),
      nonce: Number(row['nonce']),
      birth: { number: Number(row['birth_number']), hash: String(row['birth_hash']) },
      deathNumber: Number(row['death_number']),
    }));
  }

  setState(batchId: string, state: BatchState): void {
    this.#db.prepare('UPDATE batches SET state = ? WHERE batch_id = ?').run(state, batchId);
  }

  setFinal(batchId: string, sighting: Sighting, feeNative: bigint): void {
    this.#db
      .prepare(
        `UPDATE batches SET state = 'final', block_number = ?, block_hash = ?, extrinsic_hash = ?, fee = ? WHERE batch_id = ?`,
      )
      .run(sighting.block.number, sighting.block.hash, sighting.extrinsicHash, String(feeNative), batchId);
  }

  /** All its bundles are written. */
  setPublished(batchId: string, root: string): void {
    this.#db.prepare('UPDATE batches SET published_root = ? WHERE batch_id = ?').run(root, batchId);
  }

  /** The last finalized block that was looked through. */
  chainTip(): BlockRef | null {
    const row = this.#db.prepare('SELECT * FROM chain_blocks ORDER BY number DESC LIMIT 1').get();
    return row ? { number: Number(row['number']), hash: String(row['hash']) } : null;
  }

  addChainBlock(block: BlockRef, sightings: readonly Sighting[]): void {
    this.#transaction(() => {
      this.#db.prepare('INSERT INTO chain_blocks (number, hash) VALUES (?, ?)').run(block.number, block.hash);
      const add = this.#db.prepare('INSERT INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
      for (const { extrinsicHash, partId, root, success, error, feeNative } of sightings) {
        add.run(
          extrinsicHash,
          partId,
          root,
          block.number,
          block.hash,
          success ? 1 : 0,
          error,
          String(feeNative),
        );
      }
    });
  }

  /** The chain no longer has the newest block that was looked through: it, and every batch in it, did not happen. Returns those batches. */
  dropChainTip(): string[] {
    const tip = this.chainTip();
    if (tip === null) return [];
    const undone = this.#db
      .prepare('SELECT DISTINCT part_id FROM sightings WHERE block_number = ?')
      .all(tip.number);
    const batchIds = [...new Set(undone.map((row) => partOf(String(row['part_id'])).batchId))];
    this.#transaction(() => {
      this.#db.prepare('DELETE FROM chain_blocks WHERE number = ?').run(tip.number);
      this.#db.prepare('DELETE FROM sightings WHERE block_number = ?').run(tip.number);
      const reopen = this.#db.prepare(
        `UPDATE batches SET state = 'submitted', block_number = NULL, block_hash = NULL, extrinsic_hash = NULL, fee = '0'
         WHERE batch_id = ? AND state IN ('final', 'included') AND record IS NOT NULL`,
      );
      for (const batchId of batchIds) reopen.run(batchId);
    });
    return batchIds;
  }

  sightings(partId: string): Sighting[] {
    const rows = this.#db
      .prepare('SELECT * FROM sightings WHERE part_id = ? ORDER BY block_number')
      .all(partId);
    return rows.map((row) => ({
      extrinsicHash: String(row['extrinsic_hash']),
      partId,
      root: String(row['root']),
      block: { number: Number(row['block_number']), hash: String(row['block_hash']) },
      success: row['success'] === 1,
      error: text(row['error']),
      feeNative: BigInt(String(row['fee'])),
    }));
  }

  /** Batches that the chain has carried out to their last part, and that are not final in this ledger. */
  unknownBatches(): Sighting[] {
    const rows = this.#db
      .prepare(
        `SELECT DISTINCT part_id FROM sightings WHERE success = 1 AND part_id NOT IN
         (SELECT batch_id FROM batches WHERE state = 'final') ORDER BY block_number`,
      )
      .all();
    const ids = rows.map((row) => String(row['part_id'])).filter((id) => partOf(id).part === null);
    return ids.flatMap((id) => this.sightings(id).filter(({ success }) => success));
  }

  /** The newest finalized block with a batch of ours, carried out or not; 0 when there is none. */
  lastSightingBlock(): number {
    return Number(this.#db.prepare('SELECT max(block_number) AS last FROM sightings').get()?.['last'] ?? 0);
  }

  /** Fees of all our batches on chain, failed ones too. */
  feesNative(): bigint {
    const rows = this.#db.prepare('SELECT fee FROM sightings').all();
    return rows.reduce((total, row) => total + BigInt(String(row['fee'])), 0n);
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function toBatch(row: Record<string, unknown>): LedgerBatch {
  const record = text(row['record']);
  const hash = text(row['block_hash']);
  return {
    batchId: String(row['batch_id']),
    slots: JSON.parse(String(row['slots'])) as SlotId[],
    state: String(row['state']) as BatchState,
    record: record === null ? null : (JSON.parse(record) as SettlementRecord),
    root: text(row['root']),
    block: hash === null ? null : { number: Number(row['block_number']), hash },
    extrinsicHash: text(row['extrinsic_hash']),
    feeNative: BigInt(String(row['fee'])),
    publishedRoot: text(row['published_root']),
    partSize: typeof row['part_size'] === 'number' ? row['part_size'] : null,
    partsMin: Number(row['parts_min']),
  };
}
