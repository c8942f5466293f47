/** Registers wanted: `count` words from `address`. */
export interface Span {
  readonly address: number;
  readonly count: number;
}

/**
 * The fewest requests that cover all spans: neighbours are merged when at most `gapMax` unasked registers lie between
 * and the whole stays within `readMax`. A span is never split, so a value and its scale factor come in one answer.
 * Throws RangeError when a single span is longer than `readMax`.
 */
export function planReads(spans: readonly Span[], readMax: number, gapMax: number): readonly Span[] {
  const plan: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.address - b.address || a.count - b.count)) {
    if (span.count > readMax) throw new RangeError(`${span.count} registers at ${span.address} > ${readMax}`);
    const last = plan.at(-1);
    if (last) {
      const lastEnd = last.address + last.count;
      const end = Math.max(lastEnd, span.address + span.count);
      if (span.address - lastEnd <= gapMax && end - last.address <= readMax) {
        plan[plan.length - 1] = { address: last.address, count: end - last.address };
        continue;
      }
    }
    plan.push(span);
  }
  return plan;
}
