import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** The blocks of a batch by a ledger that another process may hold: of its first part and of its last. Null when it is not on chain yet. */
export function blocksOfBatch(ledgerPath: string, batchId: string): { from: number; to: number } | null {
  if (!existsSync(ledgerPath)) return null;
  const db = new DatabaseSync(ledgerPath, { readOnly: true, timeout: 5000 });
  try {
    const row = db
      .prepare(
        `SELECT min(block_number) AS first, max(block_number) AS last FROM sightings
         WHERE success = 1 AND (part_id = ? OR substr(part_id, 1, ?) = ?)`,
      )
      .get(batchId, batchId.length + 2, `${batchId}.p`);
    const [from, to] = [row?.['first'], row?.['last']];
    return typeof from === 'number' && typeof to === 'number' ? { from, to } : null;
  } finally {
    db.close();
  }
}
