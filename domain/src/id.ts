/** Ids of orders, participants, gateways, communities, batches: safe in paths, tags and lines. */
export const ID_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

/** Ascending by bytes; ids are ASCII, so UTF-16 order is byte order. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The two participants every community has besides its households. */
export const SUPPLIER = 'supplier';
export const COMMUNITY_FUND = 'community-fund';
