import { createHash } from 'node:crypto';

/**
 * The Merkle tree of RFC 6962, section 2.1, over byte strings: leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right),
 * split at the largest power of two below the count. Hashes are lower-case hex.
 */
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** Hash of one leaf. Strings are hashed as UTF-8. */
export function leafHash(data: string | Uint8Array): string {
  return createHash('sha256').update(LEAF).update(data).digest('hex');
}

function nodeHash(left: string, right: string): string {
  return createHash('sha256').update(NODE).update(left, 'hex').update(right, 'hex').digest('hex');
}

/** Root over leaf hashes; for none, SHA-256 of the empty string. */
export function merkleRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) return createHash('sha256').digest('hex');
  return subtree(leaves, 0, leaves.length);
}

function subtree(leaves: readonly string[], start: number, end: number): string {
  if (end - start === 1) return leaves[start]!;
  const middle = start + split(end - start);
  return nodeHash(subtree(leaves, start, middle), subtree(leaves, middle, end));
}

/** The largest power of two smaller than `count` (count > 1). */
function split(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1));
}

/** Audit path of the leaf at `index` (RFC 6962, 2.1.1), from the leaf upwards. Throws RangeError when there is no such leaf. */
export function merklePath(leaves: readonly string[], index: number): string[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new RangeError(`no leaf ${index} in a tree of ${leaves.length}`);
  }
  const path: string[] = [];
  let start = 0;
  let end = leaves.length;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push(subtree(leaves, middle, end));
      end = middle;
    } else {
      path.push(subtree(leaves, start, middle));
      start = middle;
    }
  }
  return path.toReversed();
}

/** The root that a leaf, its place and its path lead to (RFC 9162, 2.1.3.2); null when the path has the wrong length. */
export function rootFromPath(
  leaf: string,
  index: number,
  count: number,
  path: readonly string[],
): string | null {
  if (!Number.isInteger(index) || !Number.isInteger(count) || index < 0 || index >= count) return null;
  let hash = leaf;
  let node = index;
  let last = count - 1;
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}
