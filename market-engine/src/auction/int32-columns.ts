const BYTES = 4;

/** Columns of equal length in one piece of memory: for a small book, asking for memory takes longer than filling it. */
export function int32Columns(columns: number, length: number): Int32Array[] {
  const memory = new ArrayBuffer(columns * length * BYTES);
  const list: Int32Array[] = [];
  for (let column = 0; column < columns; column++) {
    list.push(new Int32Array(memory, column * length * BYTES, length));
  }
  return list;
}
