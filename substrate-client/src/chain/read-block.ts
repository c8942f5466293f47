import type { ApiPromise } from '@polkadot/api';
import type { GenericExtrinsic } from '@polkadot/types';
import type { Registry } from '@polkadot/types/types';
import { compactFromU8a, hexToU8a } from '@polkadot/util';
import type { DispatchError, Event, EventRecord } from '@polkadot/types/interfaces';
import { CommonwattError } from '@commonwatt/domain';
import { decodeBatch, hexOfAccount, originAndCall } from './decode.ts';
import { RpcError, type RpcSocket } from './rpc.ts';
import type { ChainBlock, ChainExtrinsic } from './types.ts';

interface RawBlock {
  readonly block: {
    readonly header: { readonly number: string; readonly parentHash: string };
    readonly extrinsics: readonly string[];
  };
}

/** A block with what became of each signed extrinsic, decoded with the runtime that ran it. */
export async function readBlock(api: ApiPromise, rpc: RpcSocket, hash: string): Promise<ChainBlock> {
  const raw = await rpc.call<RawBlock | null>('chain_getBlock', [hash]).catch((error: unknown) => {
    if (error instanceof RpcError) return null;
    throw error;
  });
  if (raw === null) throw new CommonwattError('not-found', `the node does not know block ${hash}`);
  const { header, extrinsics } = raw.block;
  const decoded: ChainExtrinsic[] = [];
  const number = Number(header.number);
  if (extrinsics.some(isSigned)) {
    const { registry, events } = await eventsOf(api, rpc, hash);
    extrinsics.forEach((hex, index) => {
      if (!isSigned(hex)) return;
      const extrinsic = registry.createType('Extrinsic', hex) as GenericExtrinsic;
      decoded.push(readExtrinsic(extrinsic, index, events));
    });
  }
  return { number, hash, parentHash: header.parentHash, extrinsics: decoded };
}

/** The first byte after the length tells: its highest bit is set on signed extrinsics of version 4. */
function isSigned(hex: string): boolean {
  const [prefixBytes] = compactFromU8a(hexToU8a(hex.slice(0, 12)));
  return (Number.parseInt(hex.slice(2 + prefixBytes * 2, 4 + prefixBytes * 2), 16) & 0x80) !== 0;
}

/** A block's events. The runtime that ran it is read from storage: asking for its version would start it. */
async function eventsOf(
  api: ApiPromise,
  rpc: RpcSocket,
  hash: string,
): Promise<{ registry: Registry; events: readonly EventRecord[] }> {
  const system = api.query['system']!;
  const [upgrade, raw] = await Promise.all(
    [system['lastRuntimeUpgrade']!, system['events']!].map((entry) =>
      rpc.call<`0x${string}` | null>('state_getStorage', [entry.key(), hash]),
    ),
  );
  const known = upgrade == null ? null : compactFromU8a(hexToU8a(upgrade))[1].toNumber();
  if (known === api.runtimeVersion.specVersion.toNumber()) {
    const events = api.registry.createType('Vec<EventRecord>', raw ?? undefined);
    return { registry: api.registry, events: events as unknown as EventRecord[] };
  }
  const at = await api.at(hash);
  const events = (await at.query['system']!['events']!()) as unknown as EventRecord[];
  return { registry: at.registry, events };
}

/** True when a block has an event of this pallet. */
export async function blockTouches(
  api: ApiPromise,
  rpc: RpcSocket,
  hash: string,
  pallet: string,
): Promise<boolean> {
  const { events } = await eventsOf(api, rpc, hash);
  return events.some(({ event }) => event.section === pallet);
}

function readExtrinsic(
  extrinsic: GenericExtrinsic,
  index: number,
  events: readonly EventRecord[],
): ChainExtrinsic {
  const own = events
    .filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index)
    .map(({ event }) => event);
  const find = (section: string, method: string) =>
    own.find((event) => event.section === section && event.method === method);
  const failed = find('system', 'ExtrinsicFailed');
  const signer = hexOfAccount(extrinsic.signer);
  const { origin, call, innerError } = originAndCall(extrinsic.method, signer, own);
  const error = failed === undefined ? innerError : (failed.data[0] as unknown as DispatchError);
  return {
    hash: extrinsic.hash.toHex(),
    index,
    origin,
    success: error === null && find('system', 'ExtrinsicSuccess') !== undefined,
    error: error === null ? null : errorName(extrinsic.registry, error),
    feeNative: feeOf(own, signer),
    batch: call === null ? null : decodeBatch(call, origin),
  };
}

/** `assets.BalanceLow`, `Token.CannotCreate`, `BadOrigin`. */
export function errorName(registry: Registry, error: DispatchError): string {
  if (error.isModule) {
    const { section, name } = registry.findMetaError(error.asModule);
    return `${section}.${name}`;
  }
  return error.isToken ? `Token.${error.asToken.type}` : error.type;
}

/** What the signer paid: runtimes before 2022 have no event of its own for it, only what was taken and given back. */
function feeOf(events: readonly Event[], signer: string): bigint {
  const paid = events.find(
    ({ section, method }) => section === 'transactionPayment' && method === 'TransactionFeePaid',
  );
  if (paid) return BigInt(paid.data[1]!.toString());
  let fee = 0n;
  for (const { section, method, data } of events) {
    if (section !== 'balances' || (method !== 'Withdraw' && method !== 'Deposit')) continue;
    if (hexOfAccount(data[0]) !== signer) continue;
    const amount = BigInt(data[1]!.toString());
    fee += method === 'Withdraw' ? amount : -amount;
  }
  return fee;
}
