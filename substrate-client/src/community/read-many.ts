import type { Chain } from '../chain/connect.ts';

type StorageEntry = { key(...args: unknown[]): string; creator: unknown };

/** Many storage values of one block in one question. */
export async function readMany(
  chain: Chain,
  queries: readonly (readonly [entry: unknown, args: readonly unknown[]])[],
  blockHash: string,
): Promise<unknown[]> {
  const { registry } = chain.api;
  const keys = queries.map(([entry, args]) =>
    registry.createType('StorageKey', [(entry as StorageEntry).creator, args] as never),
  );
  const values: unknown[] = [];
  for (let start = 0; start < keys.length; start += 500) {
    const chunk = keys.slice(start, start + 500);
    const found = await chain.rpc.call<[{ changes: [string, string | null][] }]>('state_queryStorageAt', [
      chunk.map((key) => key.toHex()),
      blockHash,
    ]);
    const byKey = new Map(found[0]?.changes ?? []);
    for (const key of chunk) {
      const value = byKey.get(key.toHex()) ?? null;
      const { meta, outputType } = key;
      const bytes = value ?? (meta === undefined || meta.modifier.isOptional ? null : meta.fallback.toHex());
      values.push(bytes === null ? null : registry.createType(outputType, bytes));
    }
  }
  return values;
}
