/** The last `size` values of a series with a whole-number index; what was never set, or is too old, reads as NaN. */
export class History {
  private readonly values: Float64Array;
  private readonly indexes: Float64Array;
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
    this.values = new Float64Array(size);
    this.indexes = new Float64Array(size).fill(Number.NaN);
  }

  get(index: number): number {
    const at = this.place(index);
    return this.indexes[at] === index ? (this.values[at] as number) : Number.NaN;
  }

  set(index: number, value: number): void {
    const at = this.place(index);
    this.values[at] = value;
    this.indexes[at] = index;
  }

  private place(index: number): number {
    return ((index % this.size) + this.size) % this.size;
  }
}
