const INSERTION_MAX = 16;
/** Bytes of an id are below 128, so a byte plus one (0 past the end) takes 7 bits... */
const SYMBOL_SPAN = 1 << 7;
const SYMBOLS_PER_KEY = 4;
/** ...and four of them together with the index of a text (below 2^22) stay below 2^53. */
const INDEX_SPAN = 2 ** 22;

/**
 * The order in which ASCII texts ascend by bytes (a text before every longer one that starts with it); at most 2^22 texts.
 * Text i is `bytes[starts[i]] .. bytes[starts[i + 1]]`. Returns the indices, sorted. Four bytes and the index are packed into one
 * number and sorted as numbers, and what is still equal again by its next four: several times as quick as comparing strings.
 */
export function sortedByBytes(bytes: Uint8Array, starts: Uint32Array): Uint32Array {
  const count = starts.length - 1;
  const order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  // Ranges still to be sorted: first, past the last, bytes known to be equal.
  const todo: number[] = [0, count, 0];
  while (todo.length > 0) {
    const known = todo.pop() as number;
    const to = todo.pop() as number;
    const from = todo.pop() as number;
    if (to - from <= INSERTION_MAX) {
      sortByInsertion(order, from, to, known, bytes, starts);
      continue;
    }
    const depth = commonBytes(order, from, to, known, bytes, starts);
    const keys = sortedKeys(order, from, to, depth, bytes, starts);
    let first = from;
    for (let at = from; at < to; at++) {
      const key = keys[at - from] as number;
      const text = Math.floor(key / INDEX_SPAN);
      order[at] = key - text * INDEX_SPAN;
      const isLast = at + 1 === to || Math.floor((keys[at + 1 - from] as number) / INDEX_SPAN) !== text;
      if (!isLast) continue;
      // A key that ends with symbol 0 holds its texts to the end: they are the same.
      if (at > first && text % SYMBOL_SPAN !== 0) todo.push(first, at + 1, depth + SYMBOLS_PER_KEY);
      first = at + 1;
    }
  }
  return order;
}

function sortedKeys(
  order: Uint32Array,
  from: number,
  to: number,
  depth: number,
  bytes: Uint8Array,
  starts: Uint32Array,
): Float64Array {
  const keys = new Float64Array(to - from);
  for (let at = from; at < to; at++) {
    const text = order[at] as number;
    const end = starts[text + 1] as number;
    let next = (starts[text] as number) + depth;
    let key = 0;
    for (let symbol = 0; symbol < SYMBOLS_PER_KEY; symbol++) {
      key = key * SYMBOL_SPAN + (next < end ? (bytes[next++] as number) + 1 : 0);
    }
    keys[at - from] = key * INDEX_SPAN + text;
  }
  return keys.sort();
}

/** How many first bytes all texts of a range share; `known` of them are known to. */
function commonBytes(
  order: Uint32Array,
  from: number,
  to: number,
  known: number,
  bytes: Uint8Array,
  starts: Uint32Array,
): number {
  const model = order[from] as number;
  const modelStart = starts[model] as number;
  let common = (starts[model + 1] as number) - modelStart;
  for (let at = from + 1; at < to && common > known; at++) {
    const text = order[at] as number;
    const start = starts[text] as number;
    common = Math.min(common, (starts[text + 1] as number) - start);
    let same = known;
    while (same < common && bytes[start + same] === bytes[modelStart + same]) same++;
    common = same;
  }
  return Math.max(common, known);
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
