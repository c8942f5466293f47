import { createHash } from 'node:crypto';

/**
 * Shares `availableWh` among orders of together `totalWh` (available < total): each gets floor(its energy x available / total); the Wh
 * left over go one each by the largest remainder of that division; equal remainders by ascending hex of sha256(slot + "\n" + order id).
 * Pure integers: exact for every size. Returns the shares in the order of the energies.
 */
export function ration(
  energiesWh: readonly number[],
  availableWh: number,
  totalWh: number,
  tieHash: (index: number) => string,
): number[] {
  const shares: number[] = [];
  const remainders = new Float64Array(energiesWh.length);
  let leftWh = availableWh;
  for (let index = 0; index < energiesWh.length; index++) {
    const [share, remainder] = divide(energiesWh[index] as number, availableWh, totalWh);
    shares.push(share);
    remainders[index] = remainder;
    leftWh -= share;
  }
  if (leftWh === 0) return shares;

  const threshold = remainders.slice().sort()[remainders.length - leftWh] as number;
  const tied: number[] = [];
  for (let index = 0; index < remainders.length; index++) {
    const remainder = remainders[index] as number;
    if (remainder > threshold) {
      shares[index]!++;
      leftWh--;
    } else if (remainder === threshold) tied.push(index);
  }
  for (const index of tied.length > leftWh ? byHash(tied, tieHash).slice(0, leftWh) : tied) shares[index]!++;
  return shares;
}

/** Ascending hex of `tieHash`. */
export function byHash(indices: readonly number[], tieHash: (index: number) => string): number[] {
  return indices
    .map((index) => ({ index, hash: tieHash(index) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : 1))
    .map(({ index }) => index);
}

/** What decides between equals: hex of sha256(slot + "\n" + order id). */
export function tieHashOf(slot: string, orderId: string): string {
  return createHash('sha256').update(`${slot}\n${orderId}`).digest('hex');
}

/** floor and remainder of energy x available / total; the product may exceed what a number holds exactly. */
function divide(energyWh: number, availableWh: number, totalWh: number): readonly [number, number] {
  const product = energyWh * availableWh;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const remainder = product % totalWh;
    return [(product - remainder) / totalWh, remainder];
  }
  const exact = BigInt(energyWh) * BigInt(availableWh);
  const total = BigInt(totalWh);
  return [Number(exact / total), Number(exact % total)];
}
