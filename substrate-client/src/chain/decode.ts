import type { Call, Event } from '@polkadot/types/interfaces';
import type { BatchOnChain, ChainPayment } from './types.ts';

interface CallLike {
  readonly section: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Raw public key of an account or a MultiAddress that names one; '' for other kinds of address. */
export function hexOfAccount(address: unknown): string {
  const inner = address as { isId?: boolean; asId?: { toHex(): string }; toHex(): string; type?: string };
  if (inner.isId && inner.asId) return inner.asId.toHex().slice(2);
  if (inner.type !== undefined && inner.type !== 'Id') return '';
  const hex = inner.toHex().slice(2);
  return hex.length === 66 && hex.startsWith('00') ? hex.slice(2) : hex;
}

/**
 * Who really dispatches what: a multisig's final approval dispatches its inner call as the multisig.
 * `call` is null when a multisig's inner call was not carried out by this extrinsic, or failed.
 */
export function originAndCall(
  method: unknown,
  signer: string,
  events: readonly Event[],
): { origin: string; call: CallLike | null } {
  const call = method as CallLike;
  if (call.section !== 'multisig' || !call.method.startsWith('asMulti')) return { origin: signer, call };
  const executed = events.find(
    (event) => event.section === 'multisig' && event.method === 'MultisigExecuted',
  );
  const result = executed?.data[4] as unknown as { isOk?: boolean } | undefined;
  const inner = call.args[call.method === 'asMulti' ? 3 : 1] as CallLike;
  return {
    origin: executed ? hexOfAccount(executed.data[2]) : signer,
    call: executed && result?.isOk ? inner : null,
  };
}

/** Reads a `utility.batchAll` that ends in a remark; null for every other call. */
export function decodeBatch(call: CallLike, origin: string): BatchOnChain | null {
  if (call.section !== 'utility' || call.method !== 'batchAll') return null;
  const calls = [...(call.args[0] as Iterable<Call>)] as unknown as CallLike[];
  const last = calls.at(-1);
  if (!last || last.section !== 'system' || !last.method.startsWith('remark')) return null;
  const remark = Buffer.from((last.args[0] as { toU8a(bare: boolean): Uint8Array }).toU8a(true)).toString(
    'utf8',
  );
  const payments: ChainPayment[] = [];
  const assetIds = new Set<number>();
  let foreign = false;
  for (const step of calls.slice(0, -1)) {
    const payment = paymentOf(step, origin);
    if (payment === null) {
      foreign = true;
    } else {
      assetIds.add(Number(String(step.args[0])));
      payments.push(payment);
    }
  }
  return { assetIds: [...assetIds], payments: foreign ? null : payments, remark };
}

function paymentOf(call: CallLike, settlementKey: string): ChainPayment | null {
  if (call.section !== 'assets') return null;
  if (call.method === 'transferApproved') {
    const [, owner, to, amount] = call.args;
    if (hexOfAccount(to) !== settlementKey) return null;
    return { direction: 'in', accountKey: hexOfAccount(owner), amountMicro: BigInt(String(amount)) };
  }
  if (call.method === 'transfer') {
    const [, to, amount] = call.args;
    return { direction: 'out', accountKey: hexOfAccount(to), amountMicro: BigInt(String(amount)) };
  }
  return null;
}
