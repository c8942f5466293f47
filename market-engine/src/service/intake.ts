import { CommonwattError, canonicalJson, type Signed } from '@commonwatt/domain';
import { createVerifier } from '../ingest/verify.ts';
import { intakeKey, type Decision, type Intake } from '../journal/rows.ts';
import type { Memory } from './memory.ts';

/** What all desks share: community and signature are checked, and what is taken goes to the journal. */
export class Intakes {
  readonly #memory: Memory;
  readonly #community: string;
  readonly #verifier = createVerifier();

  constructor(memory: Memory, community: string) {
    this.#memory = memory;
    this.#community = community;
  }

  /** Throws `wrong-community`. */
  checkCommunity(community: string, record: string): void {
    if (community === this.#community) return;
    throw new CommonwattError(
      'wrong-community',
      `the message is for ${community}; this is ${this.#community}`,
      {
        record,
        field: 'payload.community',
      },
    );
  }

  /** Rejects with `bad-signature`. The work is done on the thread pool. */
  async checkSignature(signed: Signed<unknown>, record: string): Promise<void> {
    if (await this.#verifier.holds(signed)) return;
    throw new CommonwattError('bad-signature', 'the signature does not hold for this payload and key', {
      record,
      field: 'signature',
      remedy: 'sign the canonical JSON (RFC 8785) of the payload with ed25519',
    });
  }

  /** Runs the check at once and appends at once; the promise is for the disk only, or for the refusal. */
  take(row: Intake, check: () => void, decisions: () => Decision[] = () => []): Promise<void> {
    try {
      check();
      const rows = decisions();
      if (rows.length > 0) {
        this.#memory.commit(rows, row);
        return Promise.resolve();
      }
    } catch (error) {
      return this.#refuse(row, error);
    }
    const written = this.#memory.journal.append(row);
    this.#memory.detail(row.signed.payload.slot).takeIn(row);
    return written;
  }

  /** The same message again is `duplicate`, but only once the first of them is on disk, because its sender will forget it. */
  async #refuse(row: Intake, error: unknown): Promise<never> {
    if (!(error instanceof CommonwattError)) throw error;
    if (error.code === 'duplicate') await this.#memory.journal.flushed();
    if (error.code === 'conflict') {
      const before = this.#memory.journal.intakeByKey(intakeKey(row));
      if (before !== null && canonicalJson(before.row.signed) === canonicalJson(row.signed)) {
        throw new CommonwattError('duplicate', 'this message was taken before', error.place);
      }
    }
    throw error;
  }
}
