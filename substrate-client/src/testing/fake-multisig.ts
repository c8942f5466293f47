import type { BatchOnChain, MultisigOperation, Timepoint } from '../chain/types.ts';

/** The multisig pallet and the turns of the one multisig account, as part of the fake chain's state. */
export interface MultisigState {
  readonly nonces: ReadonlyMap<string, number>;
  readonly operations: ReadonlyMap<string, MultisigOperation>;
  readonly turn: number;
}

export const NO_MULTISIG: MultisigState = { nonces: new Map(), operations: new Map(), turn: 0 };

export interface FakeCall {
  readonly payments: [string, string, string][];
  readonly remark: string;
  readonly turn?: number;
}

/** A signatory's extrinsic: `call` is null for an approval by hash alone. */
export interface FakeApproval {
  readonly signer: string;
  readonly threshold: number;
  readonly callHash: string;
  readonly call: FakeCall | null;
  readonly when: Timepoint | null;
}

/** What the pallet does with an approval: refuses what the real one refuses, in its order; carries out on the last one. */
export function approve(
  state: MultisigState,
  approval: FakeApproval,
  here: Timepoint,
): { state: MultisigState; error: string | null; carriesOut: boolean } {
  const { signer, threshold, callHash, call, when } = approval;
  const nonces = new Map(state.nonces).set(signer, (state.nonces.get(signer) ?? 0) + 1);
  const refuse = (error: string) => ({ state: { ...state, nonces }, error, carriesOut: false });
  const known = state.operations.get(callHash);
  if (known === undefined) {
    if (when !== null) return refuse('multisig.UnexpectedTimepoint');
    const operation = { when: here, depositor: signer, approvals: [signer] };
    const operations = new Map(state.operations).set(callHash, operation);
    return { state: { ...state, nonces, operations }, error: null, carriesOut: false };
  }
  if (when === null) return refuse('multisig.NoTimepoint');
  if (when.height !== known.when.height || when.index !== known.when.index)
    return refuse('multisig.WrongTimepoint');
  const isNew = !known.approvals.includes(signer) && known.approvals.length < threshold;
  const approvals = isNew ? [...known.approvals, signer] : known.approvals;
  const operations = new Map(state.operations);
  if (call !== null && approvals.length >= threshold) {
    operations.delete(callHash);
    return { state: { ...state, nonces, operations }, error: null, carriesOut: true };
  }
  if (!isNew) return refuse('multisig.AlreadyApproved');
  operations.set(callHash, { ...known, approvals });
  return { state: { ...state, nonces, operations }, error: null, carriesOut: false };
}

/** What call data of the fake chain do; null when they are none. */
export function decode(callData: string): BatchOnChain | null {
  try {
    const { payments, remark, turn } = JSON.parse(callData) as FakeCall;
    return {
      assetIds: [1],
      payments: payments.map(([direction, accountKey, amount]) => ({
        direction: direction as 'in' | 'out',
        accountKey,
        amountMicro: BigInt(amount),
      })),
      remark,
      ...(turn === undefined ? {} : { turn: { collection: 0, number: turn } }),
    };
  } catch {
    return null;
  }
}
