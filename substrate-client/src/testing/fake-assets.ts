/**
 * The assets of the fake chain: one asset, its accounts and approvals, moved as `pallet_assets` moves them, with its errors.
 * Pure: a state in, a state and an error out.
 */
export interface FakeAccount {
  /** All it has of the asset; null when it does not hold it. */
  readonly balanceMicro: bigint | null;
  /** What the settlement account may draw; null without an approval. */
  readonly approvalMicro: bigint | null;
  readonly frozen: boolean;
  /** Whether it exists natively and may hold one more asset. */
  readonly canOpen: boolean;
}

export interface AssetsState {
  readonly accounts: ReadonlyMap<string, FakeAccount>;
  readonly assetFrozen: boolean;
}

export interface FakePayment {
  readonly direction: 'in' | 'out';
  readonly accountKey: string;
  readonly amountMicro: bigint;
}

export const NO_ACCOUNT: FakeAccount = {
  balanceMicro: null,
  approvalMicro: null,
  frozen: false,
  canOpen: false,
};

/** All payments or none. `failed` names the first that cannot be made. */
export function movePayments(
  state: AssetsState,
  settlementKey: string,
  payments: readonly FakePayment[],
  minBalanceMicro: bigint,
): { state: AssetsState; failed: { index: number; error: string } | null } {
  const accounts = new Map(state.accounts);
  for (const [index, { direction, accountKey, amountMicro }] of payments.entries()) {
    const [from, to] = direction === 'in' ? [accountKey, settlementKey] : [settlementKey, accountKey];
    const error =
      (direction === 'in' ? useApproval(accounts, from, amountMicro) : null) ??
      transfer(accounts, from, to, amountMicro, minBalanceMicro, state.assetFrozen);
    if (error !== null) return { state, failed: { index, error } };
  }
  return { state: { ...state, accounts }, failed: null };
}

function useApproval(accounts: Map<string, FakeAccount>, owner: string, amountMicro: bigint): string | null {
  const account = accounts.get(owner) ?? NO_ACCOUNT;
  const left = (account.approvalMicro ?? -1n) - amountMicro;
  if (left < 0n) return 'assets.Unapproved';
  accounts.set(owner, { ...account, approvalMicro: left === 0n ? null : left });
  return null;
}

function transfer(
  accounts: Map<string, FakeAccount>,
  from: string,
  to: string,
  amountMicro: bigint,
  minBalanceMicro: bigint,
  assetFrozen: boolean,
): string | null {
  const source = accounts.get(from) ?? NO_ACCOUNT;
  if (assetFrozen) return 'assets.Frozen';
  if (source.balanceMicro === null) return 'assets.NoAccount';
  if (source.frozen) return 'assets.Frozen';
  if (source.balanceMicro < amountMicro) return 'assets.BalanceLow';
  // What would be left below the minimum goes along, and the account is closed.
  const rest = source.balanceMicro - amountMicro;
  const closes = rest < minBalanceMicro;
  const movedMicro = closes ? source.balanceMicro : amountMicro;
  const target = accounts.get(to) ?? NO_ACCOUNT;
  if (target.balanceMicro === null) {
    if (amountMicro < minBalanceMicro) return 'Token.BelowMinimum';
    if (!target.canOpen) return 'Token.CannotCreate';
  }
  accounts.set(from, { ...source, balanceMicro: closes ? null : rest });
  accounts.set(to, { ...target, balanceMicro: (target.balanceMicro ?? 0n) + movedMicro });
  return null;
}
