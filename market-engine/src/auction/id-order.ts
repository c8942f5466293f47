const INSERTION_MAX = 24;
const BUCKETS = 129;

/**
 * The order in which ASCII texts ascend by bytes (a text before every longer one that starts with it).
 * Text i is `bytes[starts[i]] .. bytes[starts[i + 1]]`. Returns the indices, sorted. Most-significant-byte radix sort:
 * a million ids take a tenth of a second, where comparing strings takes ten times as long.
 */
export function sortedByBytes(bytes: Uint8Array, starts: Uint32Array): Uint32Array {
  const count = starts.length - 1;
  const order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  const spare = new Uint32Array(count);
  // Ranges still to be sorted: first, past the last, bytes known to be equal.
  const todo: number[] = [0, count, 0];
  const ends = new Uint32Array(BUCKETS + 1);
  while (todo.length > 0) {
    const depth = todo.pop() as number;
    const to = todo.pop() as number;
    const from = todo.pop() as number;
    if (to - from <= INSERTION_MAX) {
      sortByInsertion(order, from, to, depth, bytes, starts);
      continue;
    }
    ends.fill(0);
    for (let at = from; at < to; at++) ends[symbol(order[at] as number, depth, bytes, starts) + 1]!++;
    ends[0] = from;
    for (let bucket = 1; bucket <= BUCKETS; bucket++) ends[bucket]! += ends[bucket - 1] as number;
    for (let bucket = 1; bucket < BUCKETS; bucket++) {
      const first = ends[bucket] as number;
      const past = ends[bucket + 1] as number;
      if (past - first > 1) todo.push(first, past, depth + 1);
    }
    for (let at = from; at < to; at++) {
      const text = order[at] as number;
      spare[ends[symbol(text, depth, bytes, starts)]!++] = text;
    }
    for (let at = from; at < to; at++) order[at] = spare[at] as number;
  }
  return order;
}

/** The byte at this depth plus one; 0 past the end, so that a prefix comes first. */
function symbol(text: number, depth: number, bytes: Uint8Array, starts: Uint32Array): number {
  const at = (starts[text] as number) + depth;
  return at < (starts[text + 1] as number) ? ((bytes[at] as number) & 127) + 1 : 0;
}

function sortByInsertion(
  order: Uint32Array,
  from: number,
  to: number,
  depth: number,
  bytes: Uint8Array,
  starts: Uint32Array,
): void {
  for (let at = from + 1; at < to; at++) {
    const text = order[at] as number;
    let hole = at;
    while (hole > from && compareTexts(order[hole - 1] as number, text, depth, bytes, starts) > 0) {
      order[hole] = order[hole - 1] as number;
      hole--;
    }
    order[hole] = text;
  }
}

/** Negative, zero or positive; the first `depth` bytes are known to be equal. */
export function compareTexts(
  a: number,
  b: number,
  depth: number,
  bytes: Uint8Array,
  starts: Uint32Array,
): number {
  let atA = (starts[a] as number) + depth;
  let atB = (starts[b] as number) + depth;
  const endA = starts[a + 1] as number;
  const endB = starts[b + 1] as number;
  while (atA < endA && atB < endB) {
    const difference = (bytes[atA++] as number) - (bytes[atB++] as number);
    if (difference !== 0) return difference;
  }
  return endA - atA - (endB - atB);
}
