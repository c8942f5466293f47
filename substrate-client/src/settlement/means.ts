/** An account as the chain sees it just before the batch is made. Micro-units. */
export interface Means {
  readonly balanceMicro: bigint;
  readonly approvalMicro: bigint;
  /** Why it can pay nothing, or be paid nothing, whatever the amount. */
  readonly cannotPay?: string | null;
  readonly cannotReceive?: string | null;
  /** The smallest payment it takes; 1 when left out. */
  readonly receivesFromMicro?: bigint;
}

/** Why `dueMicro` cannot be drawn, or null. */
export function whyNotPay(dueMicro: bigint, means: Means | undefined): string | null {
  if (!means) return 'no account on chain';
  if (means.cannotPay) return means.cannotPay;
  if (means.balanceMicro < dueMicro) return `balance ${means.balanceMicro} below ${dueMicro} micro-units`;
  if (means.approvalMicro < dueMicro) return `approval ${means.approvalMicro} below ${dueMicro} micro-units`;
  return null;
}

/** Why `amountMicro` cannot be paid out to it, or null. */
export function whyNotReceive(amountMicro: bigint, means: Means | undefined): string | null {
  if (means?.cannotReceive) return means.cannotReceive;
  const fromMicro = means?.receivesFromMicro ?? 1n;
  if (amountMicro >= fromMicro) return null;
  return `it does not hold the asset yet, and ${amountMicro} is below the asset's minimum of ${fromMicro} micro-units`;
}

/** All that can be drawn from an account. */
export function drawable(means: Means | undefined): bigint {
  if (!means || means.cannotPay) return 0n;
  return means.balanceMicro < means.approvalMicro ? means.balanceMicro : means.approvalMicro;
}
