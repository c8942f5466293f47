import type { Call, DispatchError, Event } from '@polkadot/types/interfaces';
import type { BatchOnChain, ChainPayment, Turn } from './types.ts';

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
 * Who really dispatches what: a multisig's final approval dispatches its inner call as the multisig, whoever signed it.
 * `call` is null for an approval that carried nothing out. `innerError` says why the inner call failed: then nothing of it happened,
 * though the extrinsic itself succeeded.
 */
export function originAndCall(
  method: unknown,
  signer: string,
  events: readonly Event[],
): { origin: string; call: CallLike | null; innerError: DispatchError | null } {
  const call = method as CallLike;
  if (call.section !== 'multisig' || call.method !== 'asMulti')
    return { origin: signer, call, innerError: null };
  const executed = events.find(
    (event) => event.section === 'multisig' && event.method === 'MultisigExecuted',
  );
  if (!executed) return { origin: signer, call: null, innerError: null };
  const result = executed.data[4] as unknown as { isErr: boolean; asErr: DispatchError };
  return {
    origin: hexOfAccount(executed.data[2]),
    call: unwrapped(call.args[3]),
    innerError: result.isErr ? result.asErr : null,
  };
}

/** Older runtimes take a multisig's call as opaque bytes. */
function unwrapped(call: unknown): CallLike | null {
  const opaque = call as { isDecoded?: boolean; unwrap?: () => unknown };
  if (typeof opaque.unwrap !== 'function') return call as CallLike;
  return opaque.isDecoded === false ? null : (opaque.unwrap() as CallLike);
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
  const turn = turnOf(calls, origin);
  for (const step of calls.slice(turn === null ? 0 : 2, -1)) {
    const payment = paymentOf(step, origin);
    if (payment === null) {
      foreign = true;
    } else {
      assetIds.add(Number(String(step.args[0])));
      payments.push(payment);
    }
  }
  return {
    assetIds: [...assetIds],
    payments: foreign ? null : payments,
    remark,
    ...(turn === null ? {} : { turn }),
  };
}

/** The two calls that take a multisig's turn, at the head of a batch; null when there are none of exactly this form. */
function turnOf(calls: readonly CallLike[], origin: string): Turn | null {
  const [first, second] = calls;
  if (first?.section !== 'uniques' || second?.section !== 'uniques' || second.method !== 'mint') return null;
  const collection = Number(String(first.args[0]));
  const number = Number(String(second.args[1]));
  if (Number(String(second.args[0])) !== collection || hexOfAccount(second.args[2]) !== origin) return null;
  const opens = first.method === 'create' && number === 1 && hexOfAccount(first.args[1]) === origin;
  const follows = first.method === 'burn' && number > 1 && Number(String(first.args[1])) === number - 1;
  return opens || follows ? { collection, number } : null;
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
