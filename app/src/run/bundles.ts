import { CommonwattError, sha256Hex } from '@commonwatt/domain';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface ShelvedBundle {
  readonly slot: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * The published bundles by slot and by content hash. Each is read and hashed once, and again when its file was replaced: a chain that takes
 * a final block back may make a bundle another.
 */
export class BundleShelf {
  readonly #dir: string;
  readonly #byName = new Map<string, ShelvedBundle & { readonly version: string }>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Bundles of slots after `after`, oldest first. */
  async list(page: { after: string; limit: number }): Promise<ShelvedBundle[]> {
    const bundles = await this.#all();
    return bundles.filter(({ slot }) => slot > page.after).slice(0, page.limit);
  }

  /** The file with this hash. Throws `not-found`. */
  async read(sha256: string): Promise<string> {
    for (const [name, bundle] of await this.#entries()) {
      if (bundle.sha256 === sha256) return readFile(join(this.#dir, name), 'utf8');
    }
    throw new CommonwattError(
      'not-found',
      `there is no bundle with the SHA-256 ${JSON.stringify(sha256.slice(0, 64))}`,
      {
        remedy: 'GET /v1/bundles lists those there are',
      },
    );
  }

  async #all(): Promise<ShelvedBundle[]> {
    return [...(await this.#entries()).values()]
      .map(({ slot, sha256, bytes }) => ({ slot, sha256, bytes }))
      .sort((a, b) => (a.slot < b.slot ? -1 : 1));
  }

  async #entries(): Promise<ReadonlyMap<string, ShelvedBundle>> {
    if (!existsSync(this.#dir)) return this.#byName;
    for (const name of await readdir(this.#dir)) {
      const slot = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\dZ)\.json$/.exec(name);
      if (!slot) continue;
      // A replaced file is another inode: bundles are written beside and renamed.
      const { ino, mtimeMs } = await stat(join(this.#dir, name));
      const version = `${ino} ${mtimeMs}`;
      if (this.#byName.get(name)?.version === version) continue;
      const content = await readFile(join(this.#dir, name));
      this.#byName.set(name, {
        slot: `${slot[1]}:${slot[2]}:${slot[3]}`,
        sha256: sha256Hex(content),
        bytes: content.length,
        version,
      });
    }
    return this.#byName;
  }
}
