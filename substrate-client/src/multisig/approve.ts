import { CommonwattError } from '@commonwatt/domain';
import type { BatchCall, BlockRef, SignatoryChain, SignedExtrinsic } from '../chain/types.ts';
import type { Ledger } from '../settlement/ledger.ts';
import { isDead } from '../settlement/step.ts';

/** `sent`: an extrinsic left the house; `waiting`: the chain's or another signatory's turn. */
export type ApprovalStep = 'sent' | 'waiting';

/**
 * One step of this signatory's approval of a call, decided from its ledger and the finalized chain: bytes are stored before they are sent,
 * one extrinsic at a time, a new one only when the old one is used up or can never be included. Whatever happens in between, the chain holds
 * one approval of it per operation.
 * `mayAct` is false while others come first.
 */
export async function stepApproval(
  chain: SignatoryChain,
  ledger: Ledger,
  target: { readonly call: BatchCall; readonly callHash: string },
  head: BlockRef,
  options: { readonly mayAct: boolean; readonly mayFinish: boolean; readonly resubmit: boolean },
): Promise<ApprovalStep> {
  const { call, callHash } = target;
  const attempts = ledger.attempts(callHash);
  const last = attempts.at(-1);
  const nonce = await chain.ownNonceAt(head.hash);
  if (last !== undefined && !(await isDead(chain, last, head, nonce))) {
    if (options.resubmit) await submitQuietly(chain, last);
    return 'waiting';
  }
  const operation = await chain.operation(callHash, head.hash);
  const approvals = operation?.approvals ?? [];
  const approved = approvals.includes(chain.ownKey);
  // Enough have approved by its hash alone: somebody has to bring the call.
  const mustFinish = approvals.length >= chain.threshold;
  if (mustFinish ? !options.mayFinish : approved || !options.mayAct) return 'waiting';
  if (backsOff(attempts, head)) return 'waiting';
  const withCall = mustFinish || approvals.length + 1 >= chain.threshold;
  const signed = await chain.signApproval({ call, when: operation?.when ?? null, withCall }, nonce, head);
  ledger.addAttempt(callHash, callHash, signed);
  await submitQuietly(chain, signed);
  return 'sent';
}

/** Every extrinsic costs a fee: after the third for a call, each further one waits for twice as many blocks. */
function backsOff(attempts: readonly SignedExtrinsic[], head: BlockRef): boolean {
  const last = attempts.at(-1);
  if (!last || attempts.length < 3) return false;
  return head.number < last.birth.number + 2 ** Math.min(attempts.length - 1, 10);
}

/** Refusals decide nothing: the bytes may be in already. */
async function submitQuietly(chain: SignatoryChain, { bytes }: SignedExtrinsic): Promise<void> {
  try {
    await chain.submit(bytes);
  } catch (error) {
    if (!(error instanceof CommonwattError) || error.code !== 'conflict') throw error;
  }
}
