/**
 * A batch with more payments than one extrinsic may carry is carried out in parts, one after the other: draws come first, so the
 * settlement account always holds what the next part pays out. All parts but the last are named `<batch id>.p1`, `.p2` ...;
 * the last has the batch's own id, and its root is the one that counts. `countMin`: parts that are carried out keep their names when
 * what is left becomes less, so there may be a last part without payments.
 */
export interface BatchPart<Payment> {
  readonly id: string;
  readonly payments: readonly Payment[];
}

export function partsOf<Payment>(
  batchId: string,
  payments: readonly Payment[],
  partSize: number,
  countMin = 1,
): BatchPart<Payment>[] {
  const count = Math.max(countMin, Math.ceil(payments.length / partSize));
  return Array.from({ length: count }, (_, index) => ({
    id: index === count - 1 ? batchId : `${batchId}.p${index + 1}`,
    payments: payments.slice(index * partSize, (index + 1) * partSize),
  }));
}

/** The batch a part belongs to, and its number; null for the last part, which is named like the batch. */
export function partOf(id: string): { batchId: string; part: number | null } {
  const match = /^(.*)\.p([1-9]\d{0,5})$/.exec(id);
  return match ? { batchId: match[1]!, part: Number(match[2]) } : { batchId: id, part: null };
}
